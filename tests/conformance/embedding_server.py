"""A small server with the OpenAI embeddings API, for tests: hashed words, with the limits a real one has."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from backends.embeddings.hashing import HashingEmbedder
from backends.embeddings.settings import HashingEmbedderSettings
from tests.servers.loopback import JsonHandler, serving

DIMENSION = 64
WINDOW_CHARACTERS = 2000
KEY = "test-key"


@contextmanager
def embedding_server(
    *, refused_with: int = 400, dimension: int = DIMENSION, port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Its base address; vectors come unscaled and in reverse order, longer texts are refused as vLLM does (400) or
    text-embeddings-inference (413)."""
    properties = {"refused_with": refused_with, "dimension": dimension}
    with serving(type("Handler", (_Handler,), properties), tls=tls, port=port) as url:
        yield f"{url}/v1"


class _Handler(JsonHandler):
    refused_with: int
    dimension: int

    def do_POST(self) -> None:
        request = self.body()
        texts = request["input"]
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self.answer(401, {"error": {"message": "wrong key"}})
        elif request["model"] != "hashing":
            self.answer(404, {"error": {"message": "no such model"}})
        elif any(not text or len(text) > WINDOW_CHARACTERS for text in texts):
            self.answer(self.refused_with, {"error": {"message": "This model's maximum context length is 512 tokens."}})
        else:
            vectors = 3.0 * HashingEmbedder(HashingEmbedderSettings(dimension=self.dimension)).embed_passages(texts)
            data = [
                {"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(vectors.tolist())
            ]
            self.answer(200, {"object": "list", "model": "hashing", "data": data[::-1], "usage": {}})
