"""The contract of a document loader: bytes to text with its pages, headings and table rows."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from app.domain.documents import LoadedDocument


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside a file (of an archive or an e-mail); `name` is its last path part, cleaned."""

    name: str
    content: bytes


class DocumentLoader(ABC):
    """Reads untrusted files in a limited child process. Errors: InvalidInputError (unknown format, encrypted, over a
    limit, broken, no readable text: one sentence that says what to do), CancelledError, MissingDependencyError."""

    @abstractmethod
    def detect(self, name: str, content: bytes) -> str:
        """The media type from content and name. Raises InvalidInputError for what is not supported or not what its
        name says."""

    @abstractmethod
    def unpack(self, name: str, content: bytes) -> list[Attachment]:
        """The files inside a ZIP archive (recursively, within limits) or an e-mail's attachments; [] otherwise."""

    @abstractmethod
    def load(
        self, name: str, content: bytes, *, on_progress: Callable[[int, int], bool] | None = None
    ) -> LoadedDocument:
        """Read everything. `on_progress(pages done, pages in all)` is called between batches; False stops the child and
        raises CancelledError. Pages that could not be read are named in `warnings`, never dropped in silence."""

    @abstractmethod
    def render_page(self, name: str, content: bytes, page: int, *, width: int) -> bytes:
        """PNG of a PDF page `width` pixels wide. Raises InvalidInputError for other formats, NotFoundError for a page
        that does not exist."""

    @abstractmethod
    def close(self) -> None:
        """End child processes; a second call does nothing."""
