"""Counts tokens as all-MiniLM-L6-v2 does: chunk boundaries rest on it whatever embedder is in use."""

from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from backends.embeddings.minilm import MODEL_NAME, source_folder


class TokenCounter:
    """A callable `text -> tokens`, without the two marks that begin and end a sequence; loaded at the first call."""

    def __init__(self, model_dir: Path | None = None) -> None:
        """`model_dir` as for OnnxEmbedder; without one, or where nothing is built, the installed package is read."""
        self._model_dir = model_dir

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        built = self._model_dir / MODEL_NAME / "tokenizer.json" if self._model_dir else None
        return load_tokenizer(built if built and built.is_file() else source_folder() / "tokenizer.json")

    def __call__(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)


def load_tokenizer(path: Path, *, window_tokens: int | None = None) -> Tokenizer:
    """The tokenizer of `path` without its stored padding, cutting at `window_tokens` or, without it, never."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if window_tokens is not None:
        tokenizer.enable_truncation(max_length=window_tokens)
    return tokenizer
