"""The errors that the users of a model server raise in the same words."""

from dataclasses import dataclass

from app.errors import BackendUnavailableError, ConfigurationError, InvalidInputError, ModelOutputError


class PassingError(BackendUnavailableError):
    """The same request may succeed in a moment; one that changes nothing may be sent again."""


class BusyError(PassingError):
    """The server has no room for the request now and did not begin with it."""


class TooLongError(InvalidInputError):
    """A text is over the model's window; nothing was computed."""


@dataclass(frozen=True)
class Refusals:
    """`model` is what people call it, such as "language model"."""

    model: str

    def too_long(self, window_tokens: int | None = None) -> TooLongError:
        size = f" of {window_tokens} tokens" if window_tokens else ""
        return TooLongError(
            f"A text is longer than the {self.model}'s window{size}: choose a model with a larger window."
        )

    def request_refused(self) -> InvalidInputError:
        return InvalidInputError(
            f"The {self.model} server refused the form of the request: its log says why; try another model or server."
        )

    def unreachable(self, url: str) -> BackendUnavailableError:
        return BackendUnavailableError(f"No {self.model} server answers at {url}: start it or correct the address.")

    def silent(self, seconds: float) -> BackendUnavailableError:
        return BackendUnavailableError(
            f"The {self.model} sent nothing for {seconds:g} seconds: try again when its machine is less busy, "
            f"or raise the time-out of the {self.model}."
        )

    def broken_off(self) -> PassingError:
        return PassingError(
            f"The {self.model} server broke off in the middle of an answer: try again, and look at its log."
        )

    def overloaded(self, status: int) -> PassingError:
        refusal = BusyError if status in {429, 503} else PassingError
        return refusal(
            f"The {self.model} server cannot answer now (HTTP {status}): try again later, and look at its log."
        )

    def key_refused(self) -> BackendUnavailableError:
        return BackendUnavailableError(f"The {self.model} server refused the key: correct the key of the {self.model}.")

    def unknown_model(self, name: str) -> BackendUnavailableError:
        return BackendUnavailableError(
            f"The {self.model} server does not have the model {name}: install it there or correct the name."
        )

    def model_elsewhere(self, name: str) -> BackendUnavailableError:
        return BackendUnavailableError(
            f"The model {name} runs on a machine outside this Ollama server: choose one that runs here."
        )

    def cannot_embed(self, name: str) -> ConfigurationError:
        return ConfigurationError(f"The model {name} cannot embed: choose an embedding model in the settings.")

    def no_numbers(self) -> ModelOutputError:
        return ModelOutputError(
            f"The {self.model} gave a vector that is empty or not made of numbers: look at its server's log."
        )

    def strange_answer(self) -> ModelOutputError:
        return ModelOutputError(
            f"The {self.model} server answered in a form that is not its protocol's: check what runs at its address."
        )
