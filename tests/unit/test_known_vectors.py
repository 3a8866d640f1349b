"""Vectors from memory are those that the embedder gives, in the order of the texts."""

from collections.abc import Sequence

import numpy as np
import pytest

from app.pipeline.known_vectors import KnownVectors
from backends.embeddings.base import Embedder, Vectors
from backends.embeddings.settings import HashingEmbedderSettings
from backends.loading import load

TEXTS = ["warfarin", "amiodarone interacts", "warfarin", "bleeding \ud800"]


class Counting(Embedder):
    """The hashing embedder, which notes what it was asked for."""

    def __init__(self) -> None:
        self._hashing = load(Embedder, HashingEmbedderSettings())
        self.name, self.dimension = self._hashing.name, self._hashing.dimension
        self.asked: list[str] = []

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return self._hashing.embed_passages([text.encode(errors="replace").decode() for text in texts])

    def embed_question(self, text: str) -> Vectors:
        return self._hashing.embed_question(text)

    def close(self) -> None:
        self._hashing.close()


def test_each_passage_is_computed_once_and_comes_in_its_place() -> None:
    embedder = Counting()
    known = KnownVectors(embedder)
    wanted = Counting().embed_passages(TEXTS)
    for texts, rows in ((TEXTS[:2], wanted[:2]), (TEXTS, wanted), (TEXTS[::-1], wanted[::-1])):
        np.testing.assert_array_equal(known.embed_passages(texts), rows)
    assert embedder.asked == ["warfarin", "amiodarone interacts", "bleeding \ud800"]
    assert known.embed_passages([]).shape == (0, embedder.dimension)


def test_the_longest_unused_is_forgotten_first() -> None:
    embedder = Counting()
    known = KnownVectors(embedder, most=2)
    for texts in (["a1", "b2"], ["a1"], ["c3"], ["a1"], ["b2"]):
        known.embed_passages(texts)
    assert embedder.asked == ["a1", "b2", "c3", "b2"]


def test_nobody_can_change_what_is_remembered() -> None:
    known = KnownVectors(Counting())
    first = known.embed_passages(["warfarin"])
    before = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(known.embed_passages(["warfarin"]), before)


def test_what_fails_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = Counting()
    known = KnownVectors(embedder)
    with monkeypatch.context() as broken:
        broken.setattr(embedder, "embed_passages", lambda texts: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            known.embed_passages(["warfarin"])
    assert known.embed_passages(["warfarin"]).any()
