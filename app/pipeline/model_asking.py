"""Puts one question to a language model and waits for the whole answer, or stops on demand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from app.domain.models import Message
from app.errors import CancelledError, InvalidInputError, ModelOutputError
from backends.llm.base import LanguageModel, Piece

_TOKENS_A_MESSAGE = 16
"""More than any chat template puts around a message."""


def ask(
    model: LanguageModel,
    messages: Sequence[Message],
    *,
    max_tokens: int,
    schema: Mapping[str, Any] | None = None,
    go_on: Callable[[], bool],
) -> str:
    """The whole answer. `go_on` is asked at every piece: False ends the call at the server and raises CancelledError.

    Raises ModelOutputError for an answer that was cut, BackendUnavailableError and InvalidInputError as the model does.
    """
    parts: list[str] = []
    finish = None
    with streaming(model.stream(messages, max_tokens=max_tokens, schema=schema)) as pieces:
        for piece in pieces:
            parts.append(piece.text)
            finish = piece.finish or finish
            if not go_on():
                raise CancelledError("The language model was stopped; nothing of its answer was used.")
    if finish != "stop":
        raise ModelOutputError("The language model's answer was cut; nothing of it was used.")
    return "".join(parts)


@contextmanager
def streaming(pieces: Iterator[Piece]) -> Iterator[Iterator[Piece]]:
    """Ends the request at the server however the block is left."""
    try:
        yield pieces
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def room_for_answer(model: LanguageModel, messages: Sequence[Message], *, window_tokens: int, at_most: int) -> int:
    """Tokens that are left for an answer. Raises InvalidInputError when fewer than an eighth of `at_most` are."""
    prompt = sum(model.count_tokens(message.text) + _TOKENS_A_MESSAGE for message in messages)
    left = min(at_most, window_tokens - prompt)
    if left < at_most // 8:
        raise InvalidInputError(
            "The language model's window is too small for this text: raise its context length or choose another model."
        )
    return left
