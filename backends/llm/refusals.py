"""The errors that every language model raises in the same words."""

from app.errors import ModelOutputError
from backends.refusals import Refusals, TooLongError


class _Refusals(Refusals):
    def too_long(self, window_tokens: int | None = None) -> TooLongError:
        size = f" of {window_tokens} tokens" if window_tokens else ""
        return TooLongError(
            f"The question and its passages are longer than the language model's window{size}: "
            "ask about less at once, or choose a model with a larger window."
        )


REFUSALS = _Refusals("language model")
prompt_too_long = REFUSALS.too_long
request_refused = REFUSALS.request_refused
unreachable = REFUSALS.unreachable
silent = REFUSALS.silent
broken_off = REFUSALS.broken_off
overloaded = REFUSALS.overloaded
key_refused = REFUSALS.key_refused
unknown_model = REFUSALS.unknown_model
strange_answer = REFUSALS.strange_answer


def ended_otherwise(reason: str) -> ModelOutputError:
    return ModelOutputError(f"The language model ended its answer for another reason ({reason}): nothing was used.")
