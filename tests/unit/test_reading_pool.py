"""Tests of reading chunks at the same time."""

import time
from collections.abc import Callable
from contextlib import closing
from threading import Barrier, Event, Lock, Thread

import pytest

from app.domain.documents import Chunk, Span
from app.domain.graph import Extraction
from app.domain.ids import ChunkId, DocumentId, VersionId, WorkspaceId
from app.errors import BackendUnavailableError, CancelledError
from app.pipeline.extraction import ChunkExtraction
from app.pipeline.reading_pool import ReadingPool


def chunks_of(name: str, number: int) -> list[Chunk]:
    whose = (WorkspaceId("w"), DocumentId(name), VersionId(name))
    return [Chunk(ChunkId(f"{name}{place}"), *whose, place, 1, Span(0, 1), "x", "", ()) for place in range(number)]


def found_in(chunk: Chunk) -> ChunkExtraction:
    return ChunkExtraction(Extraction((), (), {chunk.id: 1}))


class Reader:
    """Reads, and counts how many it read at once, of each document."""

    def __init__(self, *, seconds: float = 0.02) -> None:
        self.lock, self.seconds = Lock(), seconds
        self.busy: list[str] = []
        self.most = 0
        self.seen: list[str] = []

    def __call__(self, chunk: Chunk, go_on: Callable[[], bool]) -> ChunkExtraction:
        with self.lock:
            self.busy.append(chunk.document_id)
            self.most = max(self.most, len(self.busy))
        time.sleep(self.seconds * (2 if chunk.ordinal % 2 else 1))
        with self.lock:
            self.busy.remove(chunk.document_id)
            self.seen.append(chunk.id)
        return found_in(chunk)


def names(found: list[ChunkExtraction]) -> list[str]:
    return [name for one in found for name in one.extraction.refused]


@pytest.mark.parametrize("size", [1, 4])
def test_what_was_read_comes_in_the_order_of_the_chunks_and_so_many_are_read_at_once(size: int) -> None:
    reader = Reader()
    looked: list[int] = []
    with closing(ReadingPool(size).read(chunks_of("d", 12), reader, look=looked.append)) as read:
        assert names(list(read)) == [f"d{place}" for place in range(12)]
    assert reader.most == size
    assert looked == sorted(looked)
    assert set(looked) == set(range(12))


def test_two_documents_share_the_threads_and_the_small_one_need_not_wait_for_the_large_one() -> None:
    pool, reader, ended = ReadingPool(4), Reader(seconds=0.1), {}

    def take(name: str, number: int) -> None:
        with closing(pool.read(chunks_of(name, number), reader, look=lambda _: None)) as read:
            list(read)
        ended[name] = time.monotonic()

    large = Thread(target=take, args=("large", 40))
    large.start()
    time.sleep(0.15)
    take("small", 2)
    assert "large" not in ended
    large.join()
    assert reader.most == 4


def test_what_one_chunk_fails_with_ends_the_others() -> None:
    together, ended = Barrier(3), []

    def read(chunk: Chunk, go_on: Callable[[], bool]) -> ChunkExtraction:
        together.wait(5)
        if chunk.ordinal == 0:
            raise BackendUnavailableError("The model is away.")
        while go_on():
            time.sleep(0.01)
        ended.append(chunk.ordinal)
        return found_in(chunk)

    with (
        pytest.raises(BackendUnavailableError),
        closing(ReadingPool(3).read(chunks_of("d", 9), read, look=lambda _: None)) as found,
    ):
        list(found)
    assert sorted(ended) == [1, 2]


def test_who_looks_can_end_it_while_it_waits_and_nothing_is_read_after_it() -> None:
    began, reading = Event(), []

    def read(chunk: Chunk, go_on: Callable[[], bool]) -> ChunkExtraction:
        reading.append(chunk.ordinal)
        began.set()
        while go_on():
            time.sleep(0.01)
        reading.remove(chunk.ordinal)
        raise CancelledError("It was stopped.")

    def look(_place: int) -> None:
        if began.is_set():
            raise CancelledError("Stop.")

    with (
        pytest.raises(CancelledError, match=r"Stop\."),
        closing(ReadingPool(2).read(chunks_of("d", 9), read, look=look)) as found,
    ):
        list(found)
    assert reading == []


def test_who_takes_only_the_first_leaves_nothing_running() -> None:
    reader, pool = Reader(), ReadingPool(3)
    with closing(pool.read(chunks_of("d", 30), reader, look=lambda _: None)) as read:
        next(read)
    assert reader.busy == []
    assert len(reader.seen) < 8
    with closing(pool.read(chunks_of("e", 2), reader, look=lambda _: None)) as read:
        assert names(list(read)) == ["e0", "e1"]
