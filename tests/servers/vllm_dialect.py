"""A small server that speaks vLLM's dialect of the OpenAI API, as recorded from vLLM 0.32.0; its text is made up.

A word or a sign is one token. Words in double square brackets in the last message make it fail in a chosen way:
[[error]] (an error event in the stream), [[cut]] (the connection ends), [[stall]] (silence), [[garbage]], [[abort]].
"""

import json
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.servers.loopback import JsonHandler, serving

_TOKENS = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")
_TEMPLATE_TOKENS = 4
_TYPES = {"object", "array", "string", "integer", "number", "boolean", "null"}


@dataclass
class VllmDialect:
    """What the server is and what it has seen."""

    url: str = ""
    port: int = 0
    model: str = "smol"
    root: str = "/models/smol"
    """Where the weights lie: another model under the same name has another root."""
    most_running: int = 0
    """More at once are refused with 429; 0: any number."""
    refuses: int = 0
    """The status that every chat is refused with; 0: none is."""
    key: str = ""
    window_tokens: int = 1024
    counts: bool = True
    seconds_per_token: float = 0.0
    running: int = 0
    most_seen: int = 0
    """The most that ran at once."""
    aborted: int = 0
    generated: int = 0
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def tokens_of(text: str) -> list[str]:
    return _TOKENS.findall(text)


def example_of(schema: dict[str, Any]) -> Any:
    """The smallest value that fits a simple schema."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind not in _TYPES:
        raise ValueError(f"Invalid type: {kind}")
    if kind == "object":
        return {name: example_of(part) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [example_of(schema["items"])] * schema.get("minItems", 0)
    return {"string": "", "integer": 0, "number": 0.5, "boolean": False, "null": None}[kind]


class _Handler(JsonHandler):
    state: VllmDialect

    def do_GET(self) -> None:
        if not self._allowed():
            return
        if self.path == "/v1/models":
            self.answer(200, {"object": "list", "data": [self._model_card()]})
        elif self.path == "/health":
            self.answer(200, {})
        else:
            self.answer(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        body = self.body()
        self.state.requests.append((self.path, body))
        if not self._allowed():
            return
        if self.path == "/tokenize" and self.state.counts:
            tokens = tokens_of(body["prompt"])
            count = {"count": len(tokens), "max_model_len": self.state.window_tokens, "tokens": [7] * len(tokens)}
            self.answer(200, {**count, "token_strs": None})
        elif self.path == "/v1/chat/completions":
            self._chat(body)
        else:
            self.answer(404, {"detail": "Not Found"})

    def _allowed(self) -> bool:
        guarded = self.state.key and self.path.startswith("/v1")
        if guarded and self.headers.get("Authorization") != f"Bearer {self.state.key}":
            self.answer(401, {"error": "Unauthorized"})
            return False
        return True

    def _model_card(self) -> dict[str, Any]:
        return {
            "id": self.state.model,
            "object": "model",
            "created": time.time_ns() // 1_000_000,
            "owned_by": "vllm",
            "root": self.state.root,
            "parent": None,
            "max_model_len": self.state.window_tokens,
            "permission": [],
        }

    def _chat(self, body: dict[str, Any]) -> None:
        if self.state.refuses:
            return self._refuse(self.state.refuses, "EngineCore died", "InternalServerError", None)
        with self.state.lock:
            if self.state.most_running and self.state.running >= self.state.most_running:
                return self._refuse(429, "The request queue is full.", "TooManyRequestsError", None)
            self.state.running += 1
            self.state.most_seen = max(self.state.most_seen, self.state.running)
        try:
            return self._answer(body)
        finally:
            with self.state.lock:
                self.state.running -= 1

    def _answer(self, body: dict[str, Any]) -> None:
        window = self.state.window_tokens
        prompt = sum(len(tokens_of(message["content"])) + _TEMPLATE_TOKENS for message in body["messages"])
        if body.get("model", self.state.model) != self.state.model:
            message = f"The model `{body['model']}` does not exist. Valid aliases: {self.state.model}."
            return self._refuse(404, message, "NotFoundError", "model")
        if body.get("max_tokens", 1) > window:
            message = f"max_tokens={body['max_tokens']} cannot be greater than max_model_len={window}"
            return self._refuse(400, message, "BadRequestError", "max_tokens")
        if prompt >= window:
            message = (
                f"This model's maximum context length is {window} tokens. However, your prompt contains at least "
                f"{window + 1} input tokens, which exceeds this limit even without any output tokens."
            )
            return self._refuse(400, message, "BadRequestError", "input_tokens")
        try:
            pieces = self._pieces(body)
        except ValueError as error:
            return self._refuse(400, f"Grammar error: {error}", "BadRequestError", None)
        return self._generate(pieces, min(body.get("max_tokens", window), window - prompt), body["messages"][-1])

    def _pieces(self, body: dict[str, Any]) -> list[str]:
        form = body.get("response_format") or {}
        if form.get("type") == "json_schema":
            return tokens_of(json.dumps(example_of(form["json_schema"]["schema"])))
        if "thousand" in body["messages"][-1]["content"]:
            return [f" {number}" for number in range(1, 1001)]
        return tokens_of("Hello, this is an answer of eleven tokens .")

    def _refuse(self, code: int, message: str, kind: str, parameter: str | None) -> None:
        self.answer(code, {"error": {"message": message, "type": kind, "param": parameter, "code": code}})

    def _generate(self, pieces: list[str], most: int, message: dict[str, str]) -> None:
        try:
            self.start_stream("text/event-stream")
            self._event({"role": "assistant", "content": ""})
            for number, piece in enumerate(pieces[:most]):
                if number == 2 and self._fail(message["content"]):
                    return
                time.sleep(self.state.seconds_per_token)
                self._event({"content": piece})
                self.state.generated += 1
            self._event({}, "length" if len(pieces) > most else "stop")
            self.send_part("data: [DONE]\n\n")
        except (BrokenPipeError, ConnectionResetError):
            self.state.aborted += 1

    def _fail(self, prompt: str) -> bool:
        if "[[error]]" in prompt:
            error = {"message": "EngineCore died", "type": "InternalServerError", "param": None, "code": 500}
            self.send_part(f"data: {json.dumps({'error': error})}\n\n")
        elif "[[garbage]]" in prompt:
            self.send_part("data: <html>\n\n")
        elif "[[abort]]" in prompt:
            self._event({}, "abort")
            self.send_part("data: [DONE]\n\n")
        elif "[[stall]]" in prompt:
            time.sleep(3)
        elif "[[cut]]" not in prompt:
            return False
        return True

    def _event(self, delta: dict[str, str], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish, "stop_reason": None}
        chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": self.state.model}
        self.send_part(f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n")


@contextmanager
def vllm_dialect(*, tls: ssl.SSLContext | None = None, **properties: Any) -> Iterator[VllmDialect]:
    """A running server with these properties of VllmDialect."""
    state = VllmDialect(**properties)
    with serving(type("Handler", (_Handler,), {"state": state}), tls=tls, port=state.port) as url:
        state.url = f"{url}/v1"
        yield state
