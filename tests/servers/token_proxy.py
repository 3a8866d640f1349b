"""A reverse proxy with TLS that lets only bearers of a token through to an HTTP server on this machine."""

import http.client
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.servers.loopback import JsonHandler, serving

_PAGE = b"<html><body>A page of the proxy</body></html>"


@dataclass
class TokenProxy:
    """What the proxy is and what it has seen."""

    port: int
    """Of the server behind."""
    token: str = ""
    url: str = ""
    without_token: str = "/none"
    """The path that needs none, as that of a health check often does."""
    status: int = 0
    """Answered to everything with a page, unless it is 0."""
    drips: bool = False
    """Sends its answers one byte a second."""
    seen: list[str] = field(default_factory=list)


class _Handler(JsonHandler):
    state: TokenProxy

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def do_PUT(self) -> None:
        self._pass_on()

    def do_DELETE(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.state.seen.append(f"{self.command} {self.path}")
        allowed = self.headers.get("Authorization") == f"Bearer {self.state.token}"
        if self.state.drips:
            self.close_connection = True
            for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b" " * 60:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(1)
        elif self.state.status:
            self._send(self.state.status, "text/html", _PAGE)
        elif not allowed and self.path != self.state.without_token:
            self._send(401, "text/html", _PAGE)
        else:
            self._ask(body)

    def _ask(self, body: bytes) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.state.port, timeout=30)
        headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
        try:
            connection.request(self.command, self.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            self._send(answer.status, answer.headers.get("Content-Type", ""), answer.read())
        except OSError:
            self._send(502, "text/html", _PAGE)
        finally:
            connection.close()

    def _send(self, status: int, content_type: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def token_proxy(port: int, *, tls: ssl.SSLContext, **properties: Any) -> Iterator[TokenProxy]:
    """A running proxy before the server on `port` of this machine, with these properties of TokenProxy."""
    state = TokenProxy(port, **properties)
    with serving(type("Handler", (_Handler,), {"state": state}), tls=tls) as url:
        state.url = url
        yield state
