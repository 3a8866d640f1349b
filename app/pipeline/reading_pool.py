"""Reads chunks of several documents at the same time, and hands out each document's in its order."""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event, Lock

from app.domain.documents import Chunk
from app.pipeline.extraction import ChunkExtraction

_LOOK_SECONDS = 0.5
_Read = Callable[[Chunk, Callable[[], bool]], ChunkExtraction]


class ReadingPool:
    """So many threads, shared evenly by the documents that are read at the time. Threads may share this object."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="reading")
        self._documents = 0
        self._lock = Lock()

    def read(
        self, chunks: Sequence[Chunk], read: _Read, *, look: Callable[[int], None]
    ) -> Generator[ChunkExtraction, None, None]:
        """What `read` makes of each chunk, in the order of the chunks; to be closed.

        `look` is called in the caller's thread with the place that is waited for, before it and twice a second: what it
        raises ends the reading, as does what `read` raises. `read` is given what says whether to go on. When this has
        ended nothing is read any more.
        """
        ended = Event()
        under_way: deque[Future[ChunkExtraction]] = deque()
        rest = iter(chunks)
        try:
            with self._one_more():
                for place in range(len(chunks)):
                    look(place)
                    while len(under_way) < self._share():
                        chunk = next(rest, None)
                        if chunk is None:
                            break
                        under_way.append(self._threads.submit(read, chunk, lambda: not ended.is_set()))
                    while not wait([under_way[0]], timeout=_LOOK_SECONDS).done:
                        look(place)
                    yield under_way.popleft().result()
        finally:
            ended.set()
            for future in under_way:
                future.cancel()
            wait(under_way)

    @contextmanager
    def _one_more(self) -> Iterator[None]:
        with self._lock:
            self._documents += 1
        try:
            yield
        finally:
            with self._lock:
                self._documents -= 1

    def _share(self) -> int:
        return -(-self._size // max(1, self._documents))
