"""The records as a whole, for moving them to another metadata store."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from app.domain.ids import WorkspaceId

Record = dict[str, Any]
"""What is kept of one thing, by the names of its columns; texts are readable."""
Key = tuple[str, ...]


class MovableRecords(ABC):
    """Whatever can be read with `read` of one store can be written to another one, which keeps it in its own way.

    Not among the kinds is what only this store can use (sessions, failed sign-ins), what is told of the vector store
    beside it (embeddings), and passages with their words: `ChunkRecords` reads and writes these.
    """

    kinds: tuple[str, ...]
    """Of the whole installation: read and written without a workspace."""
    workspace_kinds: tuple[str, ...]
    """Of each workspace."""

    @abstractmethod
    def key(self, kind: str, record: Record) -> Key:
        """What tells a record from the others of its kind."""

    @abstractmethod
    def read(
        self,
        kind: str,
        *,
        workspace_id: WorkspaceId | None,
        after: Key | None = None,
        until: Key | None = None,
        limit: int | None = None,
    ) -> list[Record]:
        """In the order of their keys: those behind `after`, up to `until` with it, the first `limit` of them.

        Raises IntegrityError for texts that cannot be read.
        """

    @abstractmethod
    def write(
        self, kind: str, records: Sequence[Record], *, gone: Sequence[Key] = (), workspace_id: WorkspaceId | None
    ) -> None:
        """All of it or nothing: remove those with the keys `gone`, and put each record where one of its key was.

        Raises ConflictError where another record has what only one may have, such as a user's name.
        """

    @abstractmethod
    def forget_sign_ins(self) -> None:
        """Remove the sessions and failed sign-ins of this store."""

    @abstractmethod
    def clear(self) -> None:
        """Remove every record of this store, sessions, failed sign-ins, embeddings and passages too, and `wipe` it."""
