"""A small server that answers like Ollama 0.17.4, for what the real one cannot be brought to do on purpose.

Words in double square brackets in the last message make it fail: [[error]] (an error line in the stream), [[cut]],
[[stall]], [[garbage]].
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.servers.loopback import JsonHandler, serving


@dataclass
class OllamaDialect:
    """What the server holds and what it was asked. `models` are entries of /api/tags with their `capabilities`."""

    url: str = ""
    models: list[dict[str, Any]] = field(default_factory=list)
    loaded_window: int | None = None
    trained_window: int = 8192
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def chats(self) -> list[dict[str, Any]]:
        return [body for path, body in self.requests if path == "/api/chat"]


def model_entry(name: str, *, size: int = 1000, capabilities: tuple[str, ...] = ("completion",), **more: Any) -> Any:
    return {"name": name, "model": name, "size": size, "digest": f"{name}-digest", "capabilities": capabilities, **more}


class _Handler(JsonHandler):
    state: OllamaDialect

    def do_GET(self) -> None:
        if self.path == "/api/tags":
            self.answer(200, {"models": self.state.models})
        elif self.path == "/api/ps":
            window = self.state.loaded_window
            self.answer(200, {"models": [{**entry, "context_length": window} for entry in self.state.models if window]})
        else:
            self.answer(404, {"error": "not found"})

    def do_POST(self) -> None:
        body = self.body()
        self.state.requests.append((self.path, body))
        names = {body["model"], f"{body['model']}:latest"}
        entry = next((entry for entry in self.state.models if entry["name"] in names), None)
        if entry is None:
            self.answer(404, {"error": f"model '{body['model']}' not found"})
        elif self.path == "/api/show":
            details = {"llama.context_length": self.state.trained_window, "general.file_type": 2}
            self.answer(200, {"capabilities": entry["capabilities"], "model_info": details})
        elif self.path == "/api/generate":
            self.answer(200, {"done": True, "done_reason": "load", "response": ""})
        elif body.get("format") == {"type": "nonsense"}:
            self.answer(500, {"error": "invalid JSON schema in format"})
        elif "[[busy]]" in body["messages"][-1]["content"]:
            self.answer(503, {"error": "server busy, please try again. maximum pending requests exceeded"})
        else:
            self._chat(body["messages"][-1]["content"])

    def _chat(self, prompt: str) -> None:
        self.start_stream("application/x-ndjson")
        for text in ("Hello", ", ", "you"):
            self._line({"message": {"role": "assistant", "content": text}, "done": False})
        if "[[error]]" in prompt:
            self._line({"error": "an error was encountered while running the model: unexpected EOF"})
        elif "[[garbage]]" in prompt:
            self.send_part("<html>\n")
        elif "[[stall]]" in prompt:
            time.sleep(3)
        elif "[[cut]]" not in prompt:
            self._line({"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"})

    def _line(self, part: dict[str, Any]) -> None:
        self.send_part(json.dumps(part) + "\n")


@contextmanager
def ollama_dialect(*models: Any, **properties: Any) -> Iterator[OllamaDialect]:
    """A running server that holds these models."""
    state = OllamaDialect(models=list(models), **properties)
    with serving(type("Handler", (_Handler,), {"state": state})) as url:
        state.url = url
        yield state
