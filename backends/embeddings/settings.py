"""Settings of the embedders; the union is the registry."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr

from backends.settings import BackendSettings


class OnnxEmbedderSettings(BackendSettings):
    """all-MiniLM-L6-v2 in this process, built by set-up; nothing else is needed."""

    kind: Literal["onnx"] = "onnx"
    adapter: ClassVar[str] = "backends.embeddings.onnx:OnnxEmbedder"

    threads: int = Field(default=1, ge=1, le=64)
    batch_tokens: int = Field(default=4096, ge=256, description="Tokens computed together; more needs more memory.")


class OpenAIEmbedderSettings(BackendSettings):
    """Any server with the OpenAI embeddings API: vLLM, Ollama's /v1, text-embeddings-inference, llama.cpp."""

    kind: Literal["openai"] = "openai"
    adapter: ClassVar[str] = "backends.embeddings.openai:OpenAIEmbedder"

    url: str = Field(description="Base address that ends in /v1.")
    model: str
    dimension: int = Field(ge=1, le=8192)
    api_key: SecretStr = SecretStr("")
    passage_prefix: str = Field(default="", description='What the model wants before a passage, such as "passage: ".')
    question_prefix: str = Field(default="", description='What the model wants before a question, such as "query: ".')
    batch_texts: int = Field(default=64, ge=1, le=2048)
    timeout_seconds: float = Field(default=60.0, gt=0)
    retries: int = Field(default=2, ge=0, le=10)


class HashingEmbedderSettings(BackendSettings):
    """Vectors from hashed words: no model, no meaning beyond shared words. For tests and for very small machines."""

    kind: Literal["hashing"] = "hashing"
    adapter: ClassVar[str] = "backends.embeddings.hashing:HashingEmbedder"

    dimension: int = Field(default=256, ge=8, le=4096)


EmbedderSettings = Annotated[
    OnnxEmbedderSettings | OpenAIEmbedderSettings | HashingEmbedderSettings, Field(discriminator="kind")
]
