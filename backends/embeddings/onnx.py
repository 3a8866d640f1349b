"""all-MiniLM-L6-v2 on ONNX Runtime, in this process."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from app.errors import MissingDependencyError
from backends.embeddings.base import Embedder, Vectors
from backends.embeddings.minilm import DIMENSION, EMBEDDER_NAME, MODEL_NAME, WINDOW_TOKENS
from backends.embeddings.settings import OnnxEmbedderSettings
from backends.embeddings.tokens import load_tokenizer

_PADDED_TO = 8


class OnnxEmbedder(Embedder):
    """Texts over 256 tokens are cut. The model is loaded at the first text, not before; threads may share this object.

    Texts of like length are computed together and padded to a multiple of eight tokens that depends on the text
    alone, so that a vector does not depend on its neighbours.
    """

    name = EMBEDDER_NAME
    dimension = DIMENSION

    def __init__(self, settings: OnnxEmbedderSettings, *, model_dir: Path, **_ignored: object) -> None:
        self._settings = settings
        self._folder = model_dir / MODEL_NAME
        self._lock = Lock()
        self._loaded: tuple[Tokenizer, Any] | None = None

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        if not texts:
            return vectors
        tokenizer, session = self._load()
        token_ids = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
        for rows, width in _batches(token_ids, batch_tokens=self._settings.batch_tokens):
            ids = np.zeros((len(rows), width), dtype=np.int64)
            mask = np.zeros((len(rows), width), dtype=np.float32)
            for place, row in enumerate(rows):
                ids[place, : len(token_ids[row])] = token_ids[row]
                mask[place, : len(token_ids[row])] = 1.0
            vectors[rows] = session.run(None, {"ids": ids, "mask": mask})[0]
        return vectors

    def embed_question(self, text: str) -> Vectors:
        vector: Vectors = self.embed_passages([text])[0]
        return vector

    def close(self) -> None:
        with self._lock:
            self._loaded = None

    def _load(self) -> tuple[Tokenizer, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = (
                    _open_tokenizer(self._folder),
                    open_session(self._folder / "model.onnx", threads=self._settings.threads),
                )
            return self._loaded


def open_session(model: Path, *, threads: int) -> Any:
    """An ONNX Runtime session on the CPU whose idle threads sleep instead of spinning."""
    import onnxruntime

    if not model.is_file():
        raise MissingDependencyError("The embedding model is not built yet: run make setup.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _open_tokenizer(folder: Path) -> Tokenizer:
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise MissingDependencyError("The embedding model is not built yet: run make setup.")
    return load_tokenizer(path, window_tokens=WINDOW_TOKENS)


def _batches(token_ids: Sequence[Sequence[int]], *, batch_tokens: int) -> Iterator[tuple[list[int], int]]:
    """Row numbers of texts with the same padded width, longest first, with that width."""
    by_width: dict[int, list[int]] = {}
    for row, ids in enumerate(token_ids):
        by_width.setdefault(-(-len(ids) // _PADDED_TO) * _PADDED_TO, []).append(row)
    for width in sorted(by_width, reverse=True):
        rows = by_width[width]
        size = max(1, batch_tokens // width)
        for start in range(0, len(rows), size):
            yield rows[start : start + size], width
