"""Tests of the keys of cached results: whatever makes another result makes another key."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from app.domain.documents import Sentence, Span
from app.domain.ids import VersionId, WorkspaceId
from app.pipeline.cache_keys import cache_key, corpus_digest
from app.pipeline.indexing import _cache_key
from app.pipeline.vector_cache import VectorCache
from backends.cache.base import Layer
from backends.cache.sql import SqlCacheStore
from backends.embeddings.base import Vectors
from backends.embeddings.hashing import HashingEmbedder
from backends.embeddings.settings import HashingEmbedderSettings
from tests.unit.model_parts import chunk_of, open_cache

NOW = datetime(2026, 1, 1, tzinfo=UTC)
W1, W2 = WorkspaceId("w1"), WorkspaceId("w2")


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[SqlCacheStore]:
    with open_cache(tmp_path) as opened:
        yield opened


def digest(*versions: str) -> str:
    return corpus_digest(frozenset(map(VersionId, versions)))


def test_a_corpus_is_what_may_be_seen() -> None:
    assert len({digest("v1"), digest("v2"), digest("v1", "v2"), digest(), digest("v1v2"), digest("v1,v2")}) == 6
    assert digest("v2", "v1") == digest("v1", "v2")


def test_parts_never_run_into_each_other() -> None:
    keys = [cache_key(Layer.QUERY, *parts) for parts in (("a", "b"), ("ab",), ("a\x1fb",), ("a", "", "b"), ('a", "b',))]
    keys.append(cache_key(Layer.ANSWER, "a", "b"))
    assert len(set(keys)) == 6
    assert keys[0].startswith("query/")


def test_the_facts_of_a_chunk_depend_on_everything_that_an_extractor_reads() -> None:
    chunk = chunk_of("Warfarin.", "It is a drug.")
    heading = replace(chunk, sentences=(replace(chunk.sentences[0], heading=True), chunk.sentences[1]))
    row = replace(chunk, sentences=(chunk.sentences[0], replace(chunk.sentences[1], row=True)))
    split = replace(chunk, sentences=(Sentence(Span(0, 12)), Sentence(Span(13, 23))))
    others = [replace(chunk, topic="Notes"), chunk_of("Warfarin.", "It is a drug!"), heading, row, split]
    keys = {_cache_key(one, "rules/1") for one in (chunk, *others)} | {_cache_key(chunk, "rules/2")}
    assert len(keys) == 7


class Asked(HashingEmbedder):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(HashingEmbedderSettings())
        self.texts: list[str] = []

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return super().embed_passages(texts)

    def embed_question(self, text: str) -> Vectors:
        self.texts.append(f"? {text}")
        vector: Vectors = super().embed_passages([text])[0]
        return vector


def test_a_text_is_embedded_once_a_scope_a_use_and_a_model(cache: SqlCacheStore) -> None:
    embedder = Asked()
    kept = VectorCache(embedder, cache=cache)
    first = kept.embed_passages(["a", "b", "a"], scope="w1/d1")
    again = kept.embed_passages(["c", "b", "a"], scope="w1/d1")
    assert embedder.texts == ["a", "b", "c"]
    plain = HashingEmbedder(HashingEmbedderSettings())
    assert np.array_equal(first, plain.embed_passages(["a", "b", "a"]))
    assert np.array_equal(again, plain.embed_passages(["c", "b", "a"]))
    assert kept.embed_passages([], scope="w1/d1").shape == (0, embedder.dimension)
    for _ in range(2):
        assert np.array_equal(kept.embed_question("a", workspace_id=W1), plain.embed_question("a"))
    kept.embed_question("a", workspace_id=W2)
    kept.embed_passages(["a"], scope="w1/d2")
    embedder.name = "another"
    kept.embed_passages(["a"], scope="w1/d1")
    assert embedder.texts == ["a", "b", "c", "? a", "? a", "a", "a"]


def test_a_damaged_vector_is_made_anew(cache: SqlCacheStore) -> None:
    kept = VectorCache(HashingEmbedder(HashingEmbedderSettings()), cache=cache)
    first = kept.embed_passages(["a"], scope="w1/d1")
    cache.put(
        cache_key(Layer.EMBEDDING, HashingEmbedder(HashingEmbedderSettings()).name, "passage", "a"),
        b"short",
        scope="w1/d1",
    )
    assert np.array_equal(kept.embed_passages(["a"], scope="w1/d1"), first)
