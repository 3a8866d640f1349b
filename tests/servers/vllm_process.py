"""The small vLLM in a process of its own, so that it can be killed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.servers.vllm_dialect import vllm_dialect

ROOT = Path(__file__).parents[2]


@dataclass
class VllmProcess:
    url: str
    process: "subprocess.Popen[str]"

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def vllm_process(**properties: Any) -> Iterator[VllmProcess]:
    """A running server with these properties of VllmDialect; killed with the block at the latest."""
    command = [sys.executable, "-m", "tests.servers.vllm_process", json.dumps(properties)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        yield VllmProcess(process.stdout.readline().strip(), process)
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    with vllm_dialect(**json.loads(sys.argv[1])) as server:
        print(server.url, flush=True)
        sys.stdin.read()
