"""The process that serves REST alone."""

import sys

import uvicorn
from fastapi import FastAPI

from app.api.errors import add_error_handlers
from app.api.headers import AddsHeaders, security_headers
from app.api.main import create_api
from app.api.metrics import metrics_endpoint
from app.container import Services, process_services
from app.errors import DafeError
from app.logs import set_up_logs
from app.parent import end_with_parent
from app.settings import switch_telemetry_off


def create_root(services: Services) -> FastAPI:
    """Where no gate stands in front, the headers come from here."""
    root = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    root.add_middleware(AddsHeaders, headers=security_headers(None, secure=services.settings.secure_cookies))
    add_error_handlers(root)
    root.add_route("/metrics", metrics_endpoint(services), include_in_schema=False)
    root.mount("/api/v1", create_api(services))
    return root


def main() -> int:
    """Serve until a signal comes. Exit code 4 when the installation cannot be opened."""
    switch_telemetry_off()
    end_with_parent()
    set_up_logs()
    try:
        services = process_services()
    except DafeError as error:
        print(error.message, file=sys.stderr)  # noqa: T201
        return 4
    try:
        uvicorn.run(
            create_root(services),
            host=services.settings.host,
            port=services.settings.port,
            log_config=None,
            server_header=False,
        )
    finally:
        services.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
