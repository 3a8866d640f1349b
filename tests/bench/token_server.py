"""Speaks the OpenAI chat protocol at the pace of a 7B model with continuous batching; its text is made up.

python -m tests.bench.token_server [--slots 8] [--speed 1] [--chunk 8] [--window 32768] [--port 0]

Prints its address and stays until its standard input ends. `GET /counts` says what it has done since `POST /reset`, and
`GET /recorded` gives the bodies of the chats that it got since then. `--speed 4` makes everything four times as fast.
"""

import argparse
import asyncio
import base64
import json
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from threading import Thread
from typing import Any

import uvicorn

from backends.embeddings.hashing import HashingEmbedder
from backends.embeddings.settings import HashingEmbedderSettings
from tests.bench.token_answers import TokenAnswer, answer_to, tokens_of
from tests.bench.token_engine import Counts, Engine, Generation, Pace, PrefixCache
from tests.bench.token_process import allow_connections

MODEL = "token-server"
_TEMPLATE_TOKENS = 4
_SHORTEST_PAUSE_SECONDS = 0.002
"""Whatever happens within it is told at once, so that one core is enough for 64 slots."""
_HEADERS = {"json": [(b"content-type", b"application/json")], "events": [(b"content-type", b"text/event-stream")]}
Receive = Callable[[], Coroutine[Any, Any, Any]]
Send = Callable[[Any], Awaitable[None]]


@dataclass
class _Call:
    body: dict[str, Any]
    answer: TokenAnswer
    pieces: list[str]
    prompt: str
    prompt_tokens: int
    generation: Generation
    happened: asyncio.Event
    sent: int = 0

    @property
    def cut(self) -> bool:
        return self.generation.length < len(self.pieces)

    def more(self) -> str:
        """What was written since it was asked last."""
        text = "".join(self.pieces[self.sent : self.generation.written])
        self.sent = self.generation.written
        return text

    def usage(self) -> dict[str, int]:
        written = self.generation.written
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": written,
            "total_tokens": self.prompt_tokens + written,
        }


class _TooLongError(Exception):
    pass


class TokenApplication:
    """The ASGI application."""

    def __init__(self, pace: Pace, *, speed: float, chunk: int, window_tokens: int) -> None:
        self._pace, self._speed, self._chunk, self._window = pace, speed, chunk, window_tokens
        self._embedder = HashingEmbedder(HashingEmbedderSettings(dimension=256))
        self._timer: asyncio.TimerHandle | None = None
        self._reset()

    def _reset(self) -> None:
        self._engine = Engine(self._pace, chunk=self._chunk, now=time.monotonic() * self._speed)
        self._counts, self._prefixes = Counts(), PrefixCache()
        self._recorded: list[dict[str, Any]] = []

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = await _body(receive)
        path = scope["path"]
        if path == "/v1/chat/completions":
            await self._chat(body, receive, send)
        elif path == "/tokenize":
            tokens = tokens_of(body.get("prompt") or body.get("content") or "")
            await _json(send, {"count": len(tokens), "max_model_len": self._window, "tokens": [7] * len(tokens)})
        elif path == "/v1/models":
            card = {"id": MODEL, "object": "model", "created": 1, "owned_by": "vllm", "root": f"/models/{MODEL}"}
            await _json(send, {"object": "list", "data": [{**card, "max_model_len": self._window}]})
        elif path == "/v1/embeddings":
            await self._embed(body, send)
        elif path == "/counts":
            await _json(send, self._report())
        elif path == "/recorded":
            await _json(send, self._recorded)
        elif path == "/reset":
            self._reset()
            await _json(send, {})
        else:
            await _json(send, {"detail": "Not Found"}, 404)

    def _report(self) -> dict[str, Any]:
        self._move()
        engine = self._engine
        pace = {"slots": self._pace.slots, "tokens_a_second": self._pace.full * self._speed, "speed": self._speed}
        used = {"busy_slot_seconds": engine.busy_seconds / self._speed, "most_waiting": engine.most_waiting}
        return {**vars(self._counts), **pace, **used, "running": engine.busy, "waiting": engine.waiting}

    async def _embed(self, body: Mapping[str, Any], send: Send) -> None:
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        vectors = await asyncio.to_thread(self._embedder.embed_passages, texts)
        self._counts.embedded += len(texts)
        coded = body.get("encoding_format") == "base64"
        given = [base64.b64encode(one.tobytes()).decode() if coded else one.tolist() for one in vectors]
        data = [{"object": "embedding", "index": number, "embedding": one} for number, one in enumerate(given)]
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        await _json(send, {"object": "list", "model": MODEL, "data": data, "usage": usage})

    async def _chat(self, body: dict[str, Any], receive: Receive, send: Send) -> None:
        try:
            call = self._begin(body)
        except _TooLongError:
            self._counts.refused += 1
            message = f"This model's maximum context length is {self._window} tokens."
            error = {"message": message, "type": "BadRequestError", "param": "input_tokens", "code": 400}
            await _json(send, {"error": error}, 400)
            return
        counts, engine = self._counts, self._engine
        watch = asyncio.create_task(receive())
        watch.add_done_callback(lambda _: call.happened.set())
        try:
            await (self._stream(call, watch, send) if body.get("stream") else self._answer(call, watch, send))
        finally:
            watch.cancel()
            if not call.generation.finished and engine is self._engine:
                self._move()
                engine.cancel(call.generation)
                self._plan()
            self._end(call, counts)

    def _begin(self, body: dict[str, Any]) -> _Call:
        self._recorded.append(body)
        messages = body["messages"]
        prompt = "".join(f"{one['role']}\n{one['content']}\n" for one in messages)
        tokens = sum(len(tokens_of(str(one["content"]))) + _TEMPLATE_TOKENS for one in messages)
        asked = body.get("max_tokens") or body.get("max_completion_tokens") or self._window
        if tokens >= self._window:
            raise _TooLongError
        answer = answer_to(messages)
        pieces = tokens_of(answer.text)
        happened = asyncio.Event()
        unread = tokens * (1 - self._prefixes.add(prompt))
        length = max(1, min(len(pieces), asked, self._window - tokens))
        generation = Generation(unread, length, told=happened.set)
        counts = self._counts
        counts.started += 1
        counts.read_tokens += unread
        counts.first_at = counts.first_at or time.monotonic()
        self._move()
        self._engine.submit(generation)
        counts.most_running = max(counts.most_running, self._engine.busy)
        self._plan()
        return _Call(body, answer, pieces, prompt, tokens, generation, happened)

    def _end(self, call: _Call, counts: Counts) -> None:
        written = call.generation.written
        counts.last_at = time.monotonic()
        if not call.generation.finished:
            counts.cancelled += 1
            counts.cancelled_tokens += written
            return
        self._prefixes.add(f"{call.prompt}assistant\n{call.answer.text}\n")
        counts.finished += 1
        counts.prompt_tokens += call.prompt_tokens
        counts.completion_tokens += written
        counts.kinds[call.answer.kind] += 1
        counts.completion_tokens_of[call.answer.kind] += written

    async def _answer(self, call: _Call, watch: "asyncio.Task[Any]", send: Send) -> None:
        while not call.generation.finished:
            call.happened.clear()
            await call.happened.wait()
            if watch.done():
                return
        message = {"role": "assistant", "content": call.more()}
        finish = "length" if call.cut else "stop"
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        about = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": MODEL}
        await _json(send, {**about, "choices": [choice], "usage": call.usage()})

    async def _stream(self, call: _Call, watch: "asyncio.Task[Any]", send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS["events"]})
        await _part(send, _event({"role": "assistant", "content": ""}))
        while not call.generation.finished:
            call.happened.clear()
            await call.happened.wait()
            if watch.done() and not call.generation.finished:
                return
            if text := call.more():
                await _part(send, _event({"content": text}))
        ends = [_event({}, "length" if call.cut else "stop")]
        if (call.body.get("stream_options") or {}).get("include_usage"):
            ends.append(_event(None, usage=call.usage()))
        await _part(send, "".join([*ends, "data: [DONE]\n\n"]), more=False)

    def _move(self) -> None:
        self._engine.advance(time.monotonic() * self._speed)

    def _plan(self) -> None:
        """One timer for all slots: at the next thing that happens to any of them."""
        if self._timer is not None:
            self._timer.cancel()
        happens = self._engine.next_at()
        if happens is not None:
            pause = max(_SHORTEST_PAUSE_SECONDS, happens / self._speed - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(pause, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._move()
        self._plan()


async def _body(receive: Receive) -> dict[str, Any]:
    parts = bytearray()
    while True:
        message = await receive()
        parts += message.get("body", b"")
        if not message.get("more_body"):
            return dict(json.loads(parts or b"{}"))


async def _json(send: Send, content: object, status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": _HEADERS["json"]})
    await _part(send, json.dumps(content), more=False)


async def _part(send: Send, text: str, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": more})


def _event(delta: Mapping[str, str] | None, finish: str | None = None, usage: Mapping[str, int] | None = None) -> str:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    about = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return f"data: {json.dumps({**about, 'choices': choices, 'usage': usage})}\n\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, default=8, choices=range(1, 65), metavar="1-64")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--chunk", type=int, default=8, help="tokens that are streamed together")
    parser.add_argument("--window", type=int, default=32_768)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    pace = Pace.of(options.slots)
    application = TokenApplication(pace, speed=options.speed, chunk=options.chunk, window_tokens=options.window)
    allow_connections()
    listening = socket.create_server(("127.0.0.1", options.port), backlog=2048)
    server = uvicorn.Server(
        uvicorn.Config(application, log_level="error", lifespan="off", timeout_keep_alive=600, access_log=False)
    )

    def end_with_input() -> None:
        sys.stdin.read()
        server.should_exit = True

    Thread(target=end_with_input, daemon=True).start()
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", flush=True)
    server.run(sockets=[listening])


if __name__ == "__main__":
    main()
