"""Prints the routes of the web process as it is made, one JSON list: path, methods, kind."""

import json

from starlette.routing import Mount, Route, WebSocketRoute

from app.asgi import create_app
from app.container import process_services


def main() -> None:
    services = process_services()
    application = create_app(services)
    found: list[tuple[str, list[str], str]] = []
    for route in application._build_starlette_app().routes:
        if isinstance(route, WebSocketRoute):
            found.append((route.path, [], "socket"))
        elif isinstance(route, Mount):
            found.append((route.path, ["GET"], "folder"))
        elif isinstance(route, Route):
            found.append((route.path, sorted(route.methods or {"GET"}), "page"))
        else:
            raise TypeError(route)
    print(json.dumps(found))
    services.close()


if __name__ == "__main__":
    main()
