"""A small server that answers like Ollama 0.17.4, for what the real one cannot be brought to do on purpose.

Words in double square brackets in the last message make it fail: [[error]] (an error line in the stream), [[cut]],
[[stall]], [[garbage]]; in a text to embed [[nan]], [[nan-refused]], [[zero]], [[wide]], [[twice]], [[gone]] (its runner
was killed), [[stall]], [[garbage]].
"""

import json
import ssl
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
    window_characters: int = 1000
    busy: int = 0
    """How many of the next embedding requests are refused as too many."""
    replaced_by: list[Any] | None = None
    """The models it holds from the next embedding request on."""
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    pieces: tuple[str, ...] = ("Hello", ", ", "you")
    """What it says in every chat."""

    def embedded(self) -> list[list[str]]:
        """The texts of each embedding request but the first, which an embedder sends when it is built."""
        return [body["input"] for path, body in self.requests if path == "/api/embed"][1:]

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
        elif self.path == "/api/embed":
            self._embed(body, entry)
        elif body.get("format") == {"type": "nonsense"}:
            self.answer(500, {"error": "invalid JSON schema in format"})
        elif "[[busy]]" in body["messages"][-1]["content"]:
            self.answer(503, {"error": "server busy, please try again. maximum pending requests exceeded"})
        else:
            self._chat(body["messages"][-1]["content"])

    def _embed(self, body: dict[str, Any], entry: dict[str, Any]) -> None:
        texts = body["input"]
        said = " ".join(texts)
        self.state.models = self.state.replaced_by or self.state.models
        if self.state.busy:
            self.state.busy -= 1
            self.answer(503, {"error": "server busy, please try again. maximum pending requests exceeded"})
        elif "embedding" not in entry["capabilities"]:
            self.answer(501, {"error": "this model does not support embeddings"})
        elif any(len(text) > self.state.window_characters for text in texts):
            # Without the word that forbids it the real one would cut; so that a test sees it, this one fails.
            refused = body.get("truncate") is False
            self.answer(400 if refused else 500, {"error": "the input length exceeds the context length"})
        elif "[[gone]]" in said:
            self.answer(400, {"error": 'do embedding request: Post "http://127.0.0.1:1/embedding": EOF'})
        elif "[[nan-refused]]" in said:
            self.answer(400, {"error": "embedding contains NaN or Inf values"})
        elif "[[garbage]]" in said:
            self.answer(200, {"embedding": [1.0]})
        else:
            time.sleep(3 if "[[stall]]" in said else 0)
            self.answer(200, {"embeddings": [row for text in texts for row in _rows(text)]})

    def _chat(self, prompt: str) -> None:
        self.start_stream("application/x-ndjson")
        for text in self.state.pieces:
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


def _rows(text: str) -> list[list[float]]:
    """Three numbers of the text, not of unit length."""
    row = [float(len(text)), float(sum(map(ord, text)) % 97), 1.0]
    if "[[nan]]" in text:
        row[1] = float("nan")
    if "[[zero]]" in text:
        row = [0.0, 0.0, 0.0]
    if "[[wide]]" in text:
        row.append(1.0)
    return [row, row] if "[[twice]]" in text else [row]


@contextmanager
def ollama_dialect(*models: Any, tls: ssl.SSLContext | None = None, **properties: Any) -> Iterator[OllamaDialect]:
    """A running server that holds these models."""
    state = OllamaDialect(models=list(models), **properties)
    with serving(type("Handler", (_Handler,), {"state": state}), tls=tls) as url:
        state.url = url
        yield state
