"""Settings of the language models; the union is the registry."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from backends.addresses import SafeAddress, SafeOpenAIAddress
from backends.certificates import TlsSettings
from backends.llm.base import Task
from backends.settings import BackendSettings

OLLAMA_URL = "http://127.0.0.1:11434"


class _OllamaOptions(BackendSettings):
    url: SafeAddress = OLLAMA_URL
    num_ctx: int = Field(default=8192, ge=256, description="Window asked for; the model's own limit still holds.")
    keep_alive: str = Field(default="5m", description='How long the model stays loaded after a call, such as "30m".')
    timeout_seconds: float = Field(default=300.0, gt=0, description="Longest time without a token, loading included.")


class AutoLanguageModelSettings(_OllamaOptions):
    """An Ollama on this machine when one answers at start, otherwise no language model."""

    kind: Literal["auto"] = "auto"
    adapter: ClassVar[str] = ""


class NoLanguageModelSettings(BackendSettings):
    """No language model: rules extract, answers quote sentences."""

    kind: Literal["none"] = "none"
    adapter: ClassVar[str] = ""


class OllamaSettings(_OllamaOptions, TlsSettings):
    """A model of an Ollama server."""

    kind: Literal["ollama"] = "ollama"
    adapter: ClassVar[str] = "backends.llm.ollama:OllamaLanguageModel"

    model: str = Field(min_length=1)


class OpenAISettings(TlsSettings):
    """Any server with the OpenAI chat API: vLLM, llama.cpp, text-generation-inference, a gateway in the house."""

    kind: Literal["openai"] = "openai"
    adapter: ClassVar[str] = "backends.llm.openai:OpenAILanguageModel"

    url: SafeOpenAIAddress = Field(description="Base address that ends in /v1.")
    model: str = Field(min_length=1)
    api_key: SecretStr = SecretStr("")
    window_tokens: int | None = Field(
        default=None, ge=256, description="Window to keep to; unset: as the server reports it, or 4096."
    )
    timeout_seconds: float = Field(default=120.0, gt=0, description="Longest time without a token.")
    priority: int | None = Field(
        default=None,
        description="Sent with each call to a vLLM with --scheduling-policy priority; lower comes first.",
    )


class LlamaCppSettings(BackendSettings):
    """A GGUF file run by llama.cpp in a child process."""

    kind: Literal["llamacpp"] = "llamacpp"
    adapter: ClassVar[str] = "backends.llm.llamacpp:LlamaCppLanguageModel"
    extra: ClassVar[str | None] = "llamacpp"

    path: Path = Field(description="The GGUF file.")
    threads: int = Field(default=0, ge=0, le=256, description="0: as many as cores are free when the model loads.")
    window_tokens: int = Field(default=8192, ge=256, description="Window asked for; the model's own limit still holds.")
    timeout_seconds: float = Field(default=300.0, gt=0, description="Longest time without a token.")
    start_timeout_seconds: float = Field(default=180.0, gt=0, description="Longest time to load the file.")


class ScriptedAnswer(BaseModel):
    """One prepared answer, given when the prompt contains `when`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str | dict[str, Any] | list[Any] = Field(default="", description="Anything but text is given as JSON.")
    when: str = Field(default="", description="Words of the prompt that call for this answer; empty: any prompt.")
    fails: Literal["", "unavailable", "output"] = Field(default="", description="The error raised after the text.")


class ScriptedSettings(BackendSettings):
    """Prepared answers instead of a model: for tests and demonstrations.

    Answers whose `when` is in the prompt come before those without; among equals they take turns in their order.
    """

    kind: Literal["scripted"] = "scripted"
    adapter: ClassVar[str] = "backends.llm.scripted:ScriptedLanguageModel"

    path: Path | None = Field(default=None, description="YAML or JSON file with a list of answers.")
    answers: tuple[ScriptedAnswer, ...] = ()
    window_tokens: int = Field(default=8192, ge=1)
    seconds_per_piece: float = Field(default=0.0, ge=0, description="Pause before each piece, to watch streaming.")


class EndpointSettings(BaseModel):
    """One server, or one copy of a model. Those with the same kind, model and tier share the work."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="How the health page calls it.")
    model: OllamaSettings | OpenAISettings | LlamaCppSettings | ScriptedSettings = Field(discriminator="kind")
    tasks: frozenset[Task] = Field(
        default=frozenset({"answer", "verify", "extract"}), min_length=1, description="What it is used for."
    )
    tier: Literal["large", "small"] = Field(default="large", description="Large ones answer before small ones.")
    most_at_once: int = Field(
        default=8, ge=1, le=1024, description="Most calls at once of each process, while it copes."
    )
    kept_for_people: int = Field(
        default=1,
        ge=0,
        description="Of these, how many the process's own indexing leaves free; one call it may always make.",
    )
    target_seconds: float = Field(
        default=10.0, gt=0, description="Longest wait for the first words that is still well; slower, it gets less."
    )
    priority_scheduling: bool = Field(
        default=False,
        description="The vLLM there runs with --scheduling-policy priority; only this works between processes.",
    )

    @model_validator(mode="after")
    def _refuse_priority_elsewhere(self) -> "EndpointSettings":
        if self.priority_scheduling and self.model.kind != "openai":
            raise ValueError(f"{self.name}: only a vLLM (kind openai) knows priority_scheduling")
        return self


class RouterSettings(BackendSettings):
    """Several endpoints: replicas share the work, answers have a chain of models to fall back on.

    Each process keeps its own queue, limits and calls kept for people; between web and worker processes only a vLLM
    that schedules by priority puts people first.
    """

    kind: Literal["router"] = "router"
    adapter: ClassVar[str] = "backends.llm.router:RoutedLanguageModels"

    endpoints: tuple[EndpointSettings, ...] = Field(min_length=1)
    wait_seconds: float = Field(
        default=60.0, gt=0, description="How long a person's question waits for its turn at one model."
    )

    @model_validator(mode="after")
    def _refuse_equal_names(self) -> "RouterSettings":
        names = [endpoint.name for endpoint in self.endpoints]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two endpoints are called {twice[0]}")
        return self


LanguageModelSettings = Annotated[
    AutoLanguageModelSettings
    | NoLanguageModelSettings
    | OllamaSettings
    | OpenAISettings
    | LlamaCppSettings
    | ScriptedSettings
    | RouterSettings,
    Field(discriminator="kind"),
]
