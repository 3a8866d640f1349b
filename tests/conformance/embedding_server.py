"""A small server with the OpenAI embeddings API, for tests: hashed words, with the limits a real one has."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from backends.embeddings.hashing import HashingEmbedder
from backends.embeddings.settings import HashingEmbedderSettings

DIMENSION = 64
WINDOW_CHARACTERS = 2000
KEY = "test-key"


@contextmanager
def embedding_server(*, refused_with: int = 400) -> Iterator[str]:
    """Its base address; vectors come unscaled and in reverse order, longer texts are refused as vLLM does (400) or
    text-embeddings-inference (413)."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"refused_with": refused_with}))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    refused_with: int

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = request["input"]
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self._answer(401, {"error": {"message": "wrong key"}})
        elif request["model"] != "hashing":
            self._answer(404, {"error": {"message": "no such model"}})
        elif any(not text or len(text) > WINDOW_CHARACTERS for text in texts):
            self._answer(
                self.refused_with, {"error": {"message": "This model's maximum context length is 512 tokens."}}
            )
        else:
            vectors = 3.0 * HashingEmbedder(HashingEmbedderSettings(dimension=DIMENSION)).embed_passages(texts)
            data = [
                {"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(vectors.tolist())
            ]
            self._answer(200, {"object": "list", "model": "hashing", "data": data[::-1], "usage": {}})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""
