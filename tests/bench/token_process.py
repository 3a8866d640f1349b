"""The token server as a process of its own, and a client that knows nothing but how to send many requests at once."""

import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class TokenServer:
    url: str
    """Ends in /v1."""
    pid: int

    def counts(self) -> dict[str, Any]:
        return dict(self._ask("GET", "counts"))

    def recorded(self) -> list[dict[str, Any]]:
        """The bodies of the chats since the last reset."""
        return list(self._ask("GET", "recorded"))

    def reset(self) -> None:
        """Counts, what was recorded, and the prefix cache."""
        self._ask("POST", "reset")

    def _ask(self, method: str, what: str) -> Any:
        url = f"{self.url.removesuffix('/v1')}/{what}"
        with httpx.Client(trust_env=False, timeout=60) as client:
            return client.request(method, url).raise_for_status().json()


@contextmanager
def token_server(slots: int, *, speed: float = 1.0, chunk: int = 8) -> Iterator[TokenServer]:
    """Ended with the block."""
    command = [sys.executable, "-m", "tests.bench.token_server", "--slots", str(slots), "--speed", str(speed)]
    command += ["--chunk", str(chunk)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        yield TokenServer(process.stdout.readline().strip(), process.pid)
    finally:
        process.kill()
        process.communicate()


def allow_connections() -> None:
    """As many as the machine lets this process have: often it starts with fewer than 200 documents have calls."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def send_all(url: str, bodies: Sequence[Mapping[str, Any]], *, path: str = "chat/completions") -> list[bytes]:
    """All requests at once, each on a connection of its own; what was answered, in their order."""
    place = urlsplit(f"{url}/{path}")
    allow_connections()

    async def one(body: Mapping[str, Any]) -> bytes:
        content = json.dumps(body).encode()
        head = f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(head.encode() + content)
        answer = await reader.read()
        writer.close()
        about, _, content = answer.partition(b"\r\n\r\n")
        assert b" 200 " in about.partition(b"\r\n")[0], answer
        return b"".join(_chunks(content)) if b"chunked" in about.lower() else content

    async def all_of_them() -> list[bytes]:
        return list(await asyncio.gather(*map(one, bodies)))

    return asyncio.run(all_of_them())


def _chunks(content: bytes) -> Iterator[bytes]:
    while content:
        size, _, content = content.partition(b"\r\n")
        yield content[: int(size, 16)]
        content = content[int(size, 16) + 2 :]
