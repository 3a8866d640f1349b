"""The errors that every language model raises in the same words."""

from app.errors import BackendUnavailableError, InvalidInputError, ModelOutputError


def prompt_too_long(window_tokens: int | None = None) -> InvalidInputError:
    size = f" of {window_tokens} tokens" if window_tokens else ""
    return InvalidInputError(
        f"The question and its passages are longer than the language model's window{size}: "
        "ask about less at once, or choose a model with a larger window."
    )


def request_refused() -> InvalidInputError:
    return InvalidInputError(
        "The language model server refused the form of the request: its log says why; try another model or server."
    )


def unreachable(url: str) -> BackendUnavailableError:
    return BackendUnavailableError(f"No language model server answers at {url}: start it or correct the address.")


def silent(seconds: float) -> BackendUnavailableError:
    return BackendUnavailableError(
        f"The language model sent nothing for {seconds:g} seconds: try again when its machine is less busy, "
        "or raise the time-out of the language model."
    )


def broken_off() -> BackendUnavailableError:
    return BackendUnavailableError(
        "The language model server broke off in the middle of an answer: try again, and look at its log."
    )


def overloaded(status: int) -> BackendUnavailableError:
    return BackendUnavailableError(
        f"The language model server cannot answer now (HTTP {status}): try again later, and look at its log."
    )


def key_refused() -> BackendUnavailableError:
    return BackendUnavailableError("The language model server refused the key: correct the key of the language model.")


def unknown_model(name: str) -> BackendUnavailableError:
    return BackendUnavailableError(
        f"The language model server does not have the model {name}: install it there or correct the name."
    )


def strange_answer() -> ModelOutputError:
    return ModelOutputError(
        "The language model server answered in a form that is not its protocol's: check what runs at its address."
    )


def ended_otherwise(reason: str) -> ModelOutputError:
    return ModelOutputError(f"The language model ended its answer for another reason ({reason}): nothing was used.")
