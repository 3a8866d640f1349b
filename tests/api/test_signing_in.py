"""However people sign in, two passwords are hashed at a time in one process, and nothing runs on when it ends."""

import threading
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.asgi import _routes
from app.container import Services
from tests.api.conftest import PASSWORD

WHO = {"username": "nobody", "password": PASSWORD}


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("sign-in")}


def test_the_form_and_the_interface_share_two_threads_that_end_with_the_services(services: Services) -> None:
    with TestClient(Starlette(routes=_routes(services))) as client, ThreadPoolExecutor(8) as pool:
        forms = [
            pool.submit(client.post, "/session/sign-in", data=WHO, headers={"origin": "http://testserver"})
            for _ in range(4)
        ]
        tokens = [pool.submit(client.post, "/api/v1/tokens", json=WHO) for _ in range(4)]
        assert {one.result().status_code for one in forms} == {401}
        assert {one.result().status_code for one in tokens} == {403}
        assert len(threads()) == 2
    services.close()
    assert threads() == set()
