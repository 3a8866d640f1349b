"""The process that serves REST alone."""

import sys

import uvicorn
from fastapi import FastAPI

from app.api.main import create_api
from app.container import process_services
from app.errors import DafeError
from app.logs import set_up_logs
from app.parent import end_with_parent
from app.settings import switch_telemetry_off


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
    root = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    root.mount("/api/v1", create_api(services))
    try:
        uvicorn.run(
            root, host=services.settings.host, port=services.settings.port, log_config=None, server_header=False
        )
    finally:
        services.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
