"""A TCP proxy on loopback that can pass the server's bytes on one a second, stop passing anything on, or cut."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Set `drips` or `is_silent` at any time; connections that were silent stay so, as half-open ones do.

    `cuts` connections are cut when the client sends next.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.drips = False
        self.is_silent = False
        self.cuts = 0
        self._open: list[socket.socket] = []

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open += [client, server]
                for source, sink, slowed in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass_on, args=(source, sink, slowed), daemon=True).start()

    def close(self) -> None:
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _pass_on(self, source: socket.socket, sink: socket.socket, slowed: bool) -> None:
        silent = False
        with suppress(OSError):
            while data := source.recv(65536):
                if self.cuts and not slowed:
                    self.cuts -= 1
                    source.shutdown(socket.SHUT_RDWR)
                silent = silent or self.is_silent
                if silent:
                    continue
                if not (slowed and self.drips):
                    sink.sendall(data)
                    continue
                for place in range(len(data)):
                    sink.sendall(data[place : place + 1])
                    time.sleep(1.0)


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    proxy = Proxy(port)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join()
