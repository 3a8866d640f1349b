"""The contract of an extractor: what one chunk yields."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from app.domain.documents import Chunk, ChunkState
from app.domain.graph import Extraction


@dataclass(frozen=True, slots=True)
class ChunkExtraction:
    """An extraction and how it came about: `state` is EXTRACTED, RETRIED or QUARANTINED."""

    extraction: Extraction
    state: ChunkState = ChunkState.EXTRACTED


@dataclass(frozen=True, slots=True)
class ChosenExtractor:
    """Who reads a document now. One that `stands_in` for a better one that is away leaves facts to be read again."""

    extractor: "TripleExtractor"
    stands_in: bool = False


def always() -> bool:
    return True


class TripleExtractor(ABC):
    """Reads names and facts from chunks. The same chunk and version give the same result."""

    version: str
    """Changes whenever the same chunk may give something else: part of every evidence and every cache key."""

    @abstractmethod
    def extract(self, chunk: Chunk, *, go_on: Callable[[], bool] = always) -> ChunkExtraction:
        """Names and verified triples with spans in document coordinates; refused candidates counted by reason.

        A chunk whose model answer cannot be read is QUARANTINED with what was read without the model, never an error;
        a server that does not answer raises BackendUnavailableError. `go_on` is asked while a model answers: False
        ends the call and raises CancelledError.
        """
