"""The token server as a process of its own, and a client that knows nothing but how to send many requests at once."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 3_600.0


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


def send_all(url: str, bodies: Sequence[Mapping[str, Any]], *, path: str = "chat/completions") -> list[bytes]:
    """All requests at once, each on a connection of its own; what was answered, in their order."""

    async def one(client: httpx.AsyncClient, body: Mapping[str, Any]) -> bytes:
        answer = await client.post(f"{url}/{path}", json=body)
        return answer.raise_for_status().content

    async def all_of_them() -> list[bytes]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(trust_env=False, timeout=_PATIENCE_SECONDS, limits=limits) as client:
            return list(await asyncio.gather(*(one(client, body) for body in bodies)))

    return asyncio.run(all_of_them())
