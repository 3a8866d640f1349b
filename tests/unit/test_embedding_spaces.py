"""A model of before that is slow to open holds up one question, not each, and none once it is there."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from app.domain.embeddings import EmbeddingSpace
from app.pipeline import embedding_spaces
from app.pipeline.embedding_spaces import EmbeddingSpaces, Opened
from backends.cache.settings import SqlCacheSettings
from backends.cache.sql import SqlCacheStore
from backends.embeddings.hashing import HashingEmbedder
from backends.embeddings.settings import HashingEmbedderSettings
from backends.metadata.settings import SqliteMetadataSettings
from backends.metadata.sql import SqlMetadataStore
from backends.vectors.memory import MemoryVectorStore
from backends.vectors.settings import MemoryVectorSettings
from tests.unit.model_parts import open_database

OLD = EmbeddingSpace("hashing-64", 64)
WAIT_SECONDS = 0.5


def opened(dimension: int) -> Opened:
    embedder = HashingEmbedder(HashingEmbedderSettings(dimension=dimension))
    return embedder, MemoryVectorStore(MemoryVectorSettings(), dimension=dimension)


@pytest.fixture
def gate() -> Event:
    return Event()


@pytest.fixture
def spaces(tmp_path: Path, gate: Event, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddingSpaces]:
    monkeypatch.setattr(EmbeddingSpaces._former, "__kwdefaults__", {"wait_seconds": WAIT_SECONDS})

    def open_former(space: EmbeddingSpace) -> Opened:
        assert gate.wait(30)
        return opened(space.dimension)

    with open_database(tmp_path) as database:
        metadata = SqlMetadataStore(SqliteMetadataSettings(), database=database)
        cache = SqlCacheStore(SqlCacheSettings(), database=database)
        yield EmbeddingSpaces(*opened(96), metadata=metadata, cache=cache, open_former=open_former)


def seconds_of_a_look(spaces: EmbeddingSpaces) -> tuple[bool, float]:
    began = time.monotonic()
    return spaces.can_search(OLD), time.monotonic() - began


def test_one_look_waits_for_a_model_that_is_slow_to_open_and_the_next_do_not(
    spaces: EmbeddingSpaces, gate: Event
) -> None:
    opening = Thread(target=lambda: spaces.can_search(OLD))
    opening.start()
    wait_until_held(spaces)
    found, waited = seconds_of_a_look(spaces)
    assert not found and waited >= WAIT_SECONDS
    for _ in range(3):
        found, waited = seconds_of_a_look(spaces)
        assert not found and waited < WAIT_SECONDS / 2
    gate.set()
    opening.join()
    with spaces._lock:  # Somebody is opening another one: what is there needs no turn.
        found, waited = seconds_of_a_look(spaces)
    assert found and waited < WAIT_SECONDS / 2


def wait_until_held(spaces: EmbeddingSpaces) -> None:
    until = time.monotonic() + 10
    while not spaces._lock.locked():
        assert time.monotonic() < until
        time.sleep(0.01)
    assert embedding_spaces._OPENING_SECONDS > WAIT_SECONDS
