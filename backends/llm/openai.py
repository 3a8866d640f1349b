"""A language model behind the OpenAI chat API: vLLM, llama.cpp and others."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import httpx
from openai import OpenAIError
from pydantic import SecretStr

from app.domain.models import Message, ModelInfo
from backends.certificates import tls_context
from backends.llm import refusals
from backends.llm.base import LanguageModel, Piece
from backends.llm.counting import estimate_tokens
from backends.llm.openai_errors import translated
from backends.llm.settings import OpenAISettings

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI

_UNKNOWN_WINDOW_TOKENS = 4096
_CONNECT_SECONDS = 10.0
_COUNT_SECONDS = 10.0
_LIST_SECONDS = 10.0
# `created` is the time of the request on vLLM and llama.cpp, so it must not count.
_IDENTITY = ("id", "root", "owned_by")


class OpenAILanguageModel(LanguageModel):
    """Weights replaced on the server under the same name and place go unnoticed: the API shows no checksum."""

    def __init__(self, settings: OpenAISettings, **_ignored: object) -> None:
        self._settings = settings
        key = settings.api_key.get_secret_value()
        timeout = httpx.Timeout(
            settings.timeout_seconds, connect=min(_CONNECT_SECONDS, settings.timeout_seconds), pool=None
        )
        # No proxy from the environment: prompts go to the configured address and nowhere else.
        self._http = httpx.Client(
            verify=tls_context(settings, settings="language model"),
            timeout=timeout,
            trust_env=False,
            headers={"Authorization": f"Bearer {key}"} if key else {},
        )
        self._chat = _chat_client(settings, self._http)
        self._server_counts = True

    def describe(self) -> ModelInfo:
        listed = self._listed()
        weights = {name: size for name, size in (listed.get("meta") or {}).items() if name != "n_ctx"}
        identity = json.dumps([weights, *(listed.get(name) for name in _IDENTITY)], sort_keys=True)
        windows = [size for size in (self._settings.window_tokens, _reported_window(listed)) if size]
        return ModelInfo(
            backend="openai",
            name=self._settings.model,
            digest="sha256:" + hashlib.sha256(identity.encode()).hexdigest(),
            window_tokens=min(windows, default=_UNKNOWN_WINDOW_TOKENS),
        )

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        schema: Mapping[str, Any] | None = None,
        temperature: float = 0.0,
    ) -> Iterator[Piece]:
        # The client's own `response_format` and `max_tokens` would collect the answer or be renamed on the way.
        body: dict[str, Any] = {"max_tokens": max_tokens}
        if self._settings.priority is not None:
            body["priority"] = self._settings.priority
        if schema is not None:
            answer_form = {"name": "answer", "schema": dict(schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": answer_form}
        asked = [{"role": message.role, "content": message.text} for message in messages]
        from langsmith import tracing_context

        finish = None
        with translated(self._settings):
            chunks = self._chat.stream(asked, temperature=temperature, extra_body=body)
            try:
                # Whether a run is traced to an outside service is decided at its first step.
                with tracing_context(enabled=False):
                    first = next(chunks)
                for chunk in chain([first], chunks):
                    finish = chunk.response_metadata.get("finish_reason") or finish
                    if isinstance(chunk.content, str) and chunk.content:
                        yield Piece(chunk.content)
            finally:
                chunks.close()  # type: ignore[attr-defined]
        yield _last_piece(finish)

    def count_tokens(self, text: str) -> int:
        """Exact on vLLM and llama.cpp; estimated, about twice as high, on servers that cannot count."""
        if not text:
            return 0
        return (self._counted(text) if self._server_counts else None) or estimate_tokens(text)

    def close(self) -> None:
        self._http.close()

    def _listed(self) -> dict[str, Any]:
        """What the server says of the model; nothing but its name where it keeps no list."""
        limit = min(_LIST_SECONDS, self._settings.timeout_seconds)
        with translated(self._settings.model_copy(update={"timeout_seconds": limit})):
            try:
                listed = self._chat.root_client.models.list(timeout=limit)
                models: list[dict[str, Any]] = [entry.model_dump() for entry in listed]
            except OpenAIError as error:
                if getattr(error, "status_code", None) not in {404, 405}:
                    raise
                return {"id": self._settings.model}
        for entry in models:
            if self._settings.model in (entry.get("id"), *(entry.get("aliases") or ())):
                return entry
        raise refusals.unknown_model(self._settings.model)

    def _counted(self, text: str) -> int | None:
        # vLLM reads "prompt", llama.cpp "content"; both pass over what they do not know.
        body = {"model": self._settings.model, "prompt": text, "content": text, "add_special_tokens": False}
        url = self._settings.url.removesuffix("/v1") + "/tokenize"
        try:
            answer = self._http.post(url, json=body, timeout=_COUNT_SECONDS)
        except httpx.HTTPError:
            return None
        try:
            counted = answer.raise_for_status().json()
            return int(counted.get("count") or len(counted["tokens"]))
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError, AttributeError):
            self._server_counts = False
            return None


def _chat_client(settings: OpenAISettings, http: httpx.Client) -> "ChatOpenAI":
    # Imported late: it takes seconds, and importing it opens a socket.
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(
        model=settings.model,
        base_url=settings.url,
        api_key=SecretStr(settings.api_key.get_secret_value() or "none"),
        http_client=http,
        timeout=http.timeout,
        max_retries=0,
        stream_usage=False,
        use_responses_api=False,
    )


def _reported_window(listed: Mapping[str, Any]) -> int | None:
    sizes = (listed.get("max_model_len"), (listed.get("meta") or {}).get("n_ctx"))
    return next((size for size in sizes if isinstance(size, int) and size > 0), None)


def _last_piece(finish: str | None) -> Piece:
    if finish == "stop":
        return Piece("", "stop")
    if finish == "length":
        return Piece("", "length")
    raise refusals.ended_otherwise(finish) if finish else refusals.broken_off()
