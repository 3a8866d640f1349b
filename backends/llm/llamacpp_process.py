"""Starts and ends the llama.cpp child process, seen from the parent."""

import json
import secrets
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field

from app.errors import BackendUnavailableError, ConfigurationError, MissingDependencyError
from backends.llm.settings import LlamaCppSettings

MISSING = "LlamaCppLanguageModel needs packages that are not installed: run uv sync --extra llamacpp."


@dataclass(frozen=True, slots=True)
class LlamaCppProcess:
    """A running child. Whatever ends this process ends the child too, because the pipe to it closes."""

    url: str
    api_key: str = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        """Kill it: it keeps nothing, and an orderly end would wait for the request that is running."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def start(settings: LlamaCppSettings, *, alias: str) -> LlamaCppProcess:
    """Returns when the model is loaded and served under `alias`."""
    api_key = secrets.token_urlsafe(32)
    request = {
        "path": str(settings.path.absolute()),
        "alias": alias,
        "threads": settings.threads,
        "window_tokens": settings.window_tokens,
        "api_key": api_key,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "backends.llm.llamacpp_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    child = LlamaCppProcess(url="", api_key=api_key, process=process)
    try:
        answer = _handshake(process, request, settings.start_timeout_seconds)
    except BaseException:
        child.end()
        raise
    if "url" in answer:
        return LlamaCppProcess(url=answer["url"], api_key=api_key, process=process)
    child.end()
    if answer["error"] == "missing":
        raise MissingDependencyError(MISSING)
    raise ConfigurationError(
        f"llama.cpp cannot load {settings.path.name}: give a complete GGUF file of a chat model that fits in memory."
    )


def _handshake(process: subprocess.Popen[bytes], request: dict[str, object], seconds: float) -> dict[str, str]:
    if process.stdin is None or process.stdout is None:
        raise TypeError("the child needs both pipes")
    until = time.monotonic() + seconds
    try:
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        return {"error": "unreadable"}
    if not select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))[0]:
        raise BackendUnavailableError(
            f"llama.cpp did not load the model within {seconds:g} seconds: "
            "raise start_timeout_seconds of the language model, or choose a smaller model."
        )
    line = process.stdout.readline()
    # A child that ends without a word was killed by the system or by llama.cpp itself.
    return dict(json.loads(line)) if line else {"error": "unreadable"}
