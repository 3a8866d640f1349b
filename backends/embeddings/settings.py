"""Settings of the embedders; the union is the registry."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr

from backends.addresses import SafeAddress, SafeOpenAIAddress
from backends.certificates import TlsSettings
from backends.settings import BackendSettings


class OnnxEmbedderSettings(BackendSettings):
    """all-MiniLM-L6-v2 in this process, built by set-up; nothing else is needed."""

    kind: Literal["onnx"] = "onnx"
    adapter: ClassVar[str] = "backends.embeddings.onnx:OnnxEmbedder"

    threads: int = Field(default=1, ge=1, le=64)
    batch_tokens: int = Field(default=4096, ge=256, description="Tokens computed together; more needs more memory.")


class ServedEmbedderSettings(TlsSettings):
    """What is the same for every server."""

    model: str = Field(min_length=1)
    passage_prefix: str | None = Field(
        default=None, description='Put before a passage, such as "passage: "; unset: what the model family wants.'
    )
    question_prefix: str | None = Field(
        default=None, description='Put before a question, such as "query: "; unset: what the model family wants.'
    )
    batch_texts: int = Field(default=64, ge=1, le=2048)
    timeout_seconds: float = Field(default=60.0, gt=0, description="Longest time for a batch.")
    retries: int = Field(default=2, ge=0, le=10)


class OllamaEmbedderSettings(ServedEmbedderSettings):
    """A model of an Ollama server, which has to answer when Dafe Graphs starts."""

    kind: Literal["ollama"] = "ollama"
    adapter: ClassVar[str] = "backends.embeddings.ollama:OllamaEmbedder"
    server: ClassVar[str | None] = "ollama"

    url: SafeAddress = "http://127.0.0.1:11434"
    keep_alive: str = Field(default="5m", description='How long the model stays loaded after a call, such as "30m".')
    batch_texts: int = Field(default=16, ge=1, le=2048, description="The server computes one after the other.")
    timeout_seconds: float = Field(default=300.0, gt=0, description="Longest time for a batch, loading included.")


class OpenAIEmbedderSettings(ServedEmbedderSettings):
    """Any server with the OpenAI embeddings API: vLLM, text-embeddings-inference, llama.cpp."""

    kind: Literal["openai"] = "openai"
    adapter: ClassVar[str] = "backends.embeddings.openai:OpenAIEmbedder"

    url: SafeOpenAIAddress = Field(description="Base address that ends in /v1.")
    dimension: int = Field(ge=1, le=8192)
    api_key: SecretStr = SecretStr("")


class RouterEmbedderSettings(BackendSettings):
    """Several servers with the same embedding model: they share the work, and one that fails is left out meanwhile."""

    kind: Literal["router"] = "router"
    adapter: ClassVar[str] = "backends.embeddings.router:RoutedEmbedder"

    endpoints: tuple[Annotated[OllamaEmbedderSettings | OpenAIEmbedderSettings, Field(discriminator="kind")], ...] = (
        Field(min_length=1, description="One of them has to answer when Dafe Graphs starts.")
    )


class HashingEmbedderSettings(BackendSettings):
    """Vectors from hashed words: no model, no meaning beyond shared words. For tests and for very small machines."""

    kind: Literal["hashing"] = "hashing"
    adapter: ClassVar[str] = "backends.embeddings.hashing:HashingEmbedder"

    dimension: int = Field(default=256, ge=8, le=4096)


EmbedderSettings = Annotated[
    OnnxEmbedderSettings
    | OllamaEmbedderSettings
    | OpenAIEmbedderSettings
    | RouterEmbedderSettings
    | HashingEmbedderSettings,
    Field(discriminator="kind"),
]
