"""The web process: the pages at /, REST under /api/v1, /healthz, /readyz and /metrics, all behind the gate."""

import asyncio
import gc
import logging
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import streamlit
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.api.gate import SESSION_HEADER, Gate
from app.api.headers import security_headers
from app.api.main import create_api
from app.api.measuring import MeasuresRequests, page_route
from app.api.metrics import metrics_endpoint
from app.api.session_pages import SessionPages
from app.container import OPERATOR, Services, process_services
from app.errors import DafeError
from app.logs import get_logger, set_up_logs
from app.parent import end_with_parent
from app.settings import STREAMLIT_TELEMETRY_OFF, switch_telemetry_off

_ROOT = Path(__file__).parent.parent
_COLLECT_EVERY_SECONDS = 60.0
_log = get_logger("web")


def create_app(services: Services) -> streamlit.App:
    """One application for one process; the pages find the same services through `process_services`."""
    settings = services.settings
    index_page = Path(streamlit.__file__).parent / "static" / "index.html"
    gate = Middleware(
        Gate,
        sessions=services.sessions,
        public_url=settings.public_url,
        headers=security_headers(index_page, secure=settings.secure_cookies),
        is_activity=is_activity,
        page_id=page_id,
    )

    @asynccontextmanager
    async def lifespan(_app: streamlit.App) -> AsyncIterator[None]:
        work = (_collect_garbage(), _warm_up(services))
        tasks = [asyncio.create_task(one) for one in work]
        yield
        for task in tasks:
            task.cancel()

    measuring = Middleware(MeasuresRequests, route_of=page_route)
    main = _ROOT / "app" / "main.py"
    return streamlit.App(main, routes=_routes(services), middleware=[measuring, gate], lifespan=lifespan)


def is_activity(content: bytes) -> bool:
    """Whether a socket message comes from a person: a rerun that no timer of the page asked for."""
    message = BackMsg()
    try:
        message.ParseFromString(content)
    except ValueError:
        return False
    return message.WhichOneof("type") == "rerun_script" and not message.rerun_script.is_auto_rerun


def page_id(content: bytes) -> str:
    """The id of the page whose run this outgoing socket message begins; empty for any other message."""
    message = ForwardMsg()
    try:
        message.ParseFromString(content)
    except ValueError:
        return ""
    return message.new_session.initialize.session_id if message.WhichOneof("type") == "new_session" else ""


def _routes(services: Services) -> list[BaseRoute]:
    pages = SessionPages(services.sessions, services.sign_ins, public_url=services.settings.public_url)

    async def alive(_request: Request) -> Response:
        return JSONResponse({"ok": True})

    async def ready(_request: Request) -> Response:
        checks = await asyncio.to_thread(services.health.checks, OPERATOR)
        ok = all(check.ok for check in checks if check.level == "required")
        return JSONResponse({"ok": ok}, 200 if ok else 503)

    async def drawing_library(_request: Request) -> Response:
        spec = find_spec("pyvis")
        folder = Path(next(iter(spec.submodule_search_locations or ()))) if spec else _ROOT
        path = folder / "lib" / "vis-9.1.2" / "vis-network.min.js"
        return FileResponse(path, media_type="text/javascript", headers={"cache-control": "private, max-age=86400"})

    return [
        *pages.routes,
        Route("/healthz", alive),
        Route("/readyz", ready),
        Route("/metrics", metrics_endpoint(services)),
        Route("/session-assets/vis-network.min.js", drawing_library),
        Mount("/api/v1", create_api(services)),
    ]


async def _collect_garbage() -> None:
    """Instead of after every rerun, which costs ten times the rerun itself."""
    while True:
        await asyncio.sleep(_COLLECT_EVERY_SECONDS)
        await asyncio.to_thread(gc.collect)


async def _warm_up(services: Services) -> None:
    """While the sign-in page is served already: what the first page needs, then what the first question needs."""
    await asyncio.to_thread(_read_pages)
    with suppress(DafeError):
        await asyncio.to_thread(services.warm_up)
    await asyncio.to_thread(_keep_for_good)


def _read_pages() -> None:
    """Once for all. A page that is asked for meanwhile waits for its part."""
    import_module("app.main")
    _keep_for_good()


def _keep_for_good() -> None:
    """Take what is in memory now out of the garbage collector's way."""
    gc.collect()
    gc.freeze()


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = prefix + key
        if isinstance(value, dict) and name != "server.trustedUserHeaders":
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def streamlit_options(services: Services) -> dict[str, Any]:
    """streamlit_config/config.toml, flattened, with this installation's address."""
    settings = services.settings
    text = (_ROOT / "streamlit_config" / "config.toml").read_text(encoding="utf-8")
    options = dict(_flat(tomllib.loads(text)))
    host = settings.address.split("//", 1)[-1].split(":", 1)[0].split("/", 1)[0]
    return options | {
        **STREAMLIT_TELEMETRY_OFF,
        "server.address": settings.host,
        "server.port": settings.port,
        "server.maxUploadSize": settings.upload_mb,
        "browser.serverAddress": host,
        "server.trustedUserHeaders": {SESSION_HEADER: "session"},
    }


def main() -> int:
    """Serve until a signal comes. Exit code 4 when the installation cannot be opened."""
    switch_telemetry_off()
    end_with_parent()
    set_up_logs()
    logging.getLogger("streamlit").setLevel(logging.ERROR)
    try:
        services = process_services()
    except DafeError as error:
        print(error.message, file=sys.stderr)  # noqa: T201
        return 4
    application = create_app(services)
    try:
        application.run(config=streamlit_options(services))
    finally:
        services.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
