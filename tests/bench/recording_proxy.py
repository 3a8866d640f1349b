"""A proxy on loopback that notes every call that passes, with what was asked and answered, and when."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.servers.loopback import JsonHandler, serving


@dataclass(frozen=True, slots=True)
class RecordedCall:
    path: str
    body: dict[str, Any]
    answer: bytes
    began_at: float
    ended_at: float


@dataclass
class RecordingProxy:
    behind: str
    """Address of the server that answers."""
    url: str = ""
    calls: list[RecordedCall] = field(default_factory=list)


class _Handler(JsonHandler):
    state: RecordingProxy

    def do_GET(self) -> None:
        self._pass_on(None)

    def do_POST(self) -> None:
        self._pass_on(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _pass_on(self, content: bytes | None) -> None:
        began = time.monotonic()
        place = urlsplit(self.state.behind)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=600)
        try:
            connection.request(self.command, self.path, body=content, headers={"Content-Type": "application/json"})
            answer = connection.getresponse()
            self.close_connection = True
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
            self.send_header("Connection", "close")
            self.end_headers()
            whole = bytearray()
            while part := answer.read1():
                whole += part
                self.wfile.write(part)
                self.wfile.flush()
        finally:
            connection.close()
        body = json.loads(content or b"{}")
        self.state.calls.append(RecordedCall(self.path, body, bytes(whole), began, time.monotonic()))


@contextmanager
def recording_proxy(behind: str) -> Iterator[RecordingProxy]:
    """A running proxy before the server at `behind`; a call that the asker breaks off is broken off there too."""
    state = RecordingProxy(behind)
    with serving(type("Handler", (_Handler,), {"state": state})) as url:
        state.url = url
        yield state
