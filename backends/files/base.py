"""The contract of the file store: uploads and read layouts, whole and encrypted."""

from abc import ABC, abstractmethod

from app.domain.ids import FileId


class FileStore(ABC):
    """Files by id. A file is there whole or not at all, also after a crash or a full disk."""

    @abstractmethod
    def put(self, file_id: FileId, content: bytes) -> None:
        """Store durably; an id already there is replaced at once. Raises BackendUnavailableError when the disk is full
        or read-only."""

    @abstractmethod
    def get(self, file_id: FileId) -> bytes:
        """Raises NotFoundError, IntegrityError when the content was changed or swapped on disk."""

    @abstractmethod
    def delete(self, file_id: FileId) -> None:
        """Remove it; an unknown one is no error."""

    @abstractmethod
    def find(self) -> list[FileId]:
        """Every id stored, sorted."""

    @abstractmethod
    def close(self) -> None:
        """Free what this object holds; a second call does nothing."""
