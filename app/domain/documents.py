"""Documents, their versions, pages and chunks."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.ids import ChunkId, DocumentId, FileId, UserId, VersionId, WorkspaceId


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """Half-open character range `[start, end)` in the text of one document version."""

    start: int
    end: int

    def overlaps(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class WordBox:
    """A word's span in the document text and its box as fractions of the page, origin top left."""

    span: Span
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Page:
    """One page, slide, sheet or e-mail part; `number` counts from 1."""

    number: int
    span: Span
    words: tuple[WordBox, ...] = ()
    """Empty where the format has no page image (everything but PDF)."""
    ocr: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the text; `level` counts from 1 (the document's title)."""

    span: Span
    level: int


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table, rendered into the document text at `span` as "label; column: value; column: value"."""

    span: Span
    header: tuple[str, ...]
    cells: tuple[str, ...]
    """As many as `header`, in its order; the first is the row's label."""
    unit: str | None = None
    period: str | None = None
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class LoadedDocument:
    """What a loader read: one text, and where pages, headings and table rows lie in it."""

    text: str
    pages: tuple[Page, ...]
    headings: tuple[Heading, ...] = ()
    rows: tuple[TableRow, ...] = ()
    title: str | None = None
    warnings: tuple[str, ...] = ()
    """Sentences for the coverage report, such as "Page 4 holds no readable text."; never document text."""
    hidden: tuple[Span, ...] = ()
    """What a person who opens the file does not see: hidden by its style, transparent, far too small, beside or under
    something; whole rows of tables."""


class DocumentStatus(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    INDEXED = "indexed"
    FAILED = "failed"
    REFUSED = "refused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What became of a version's chunks: `chunks == extracted + retried + quarantined` once it is indexed."""

    pages: int = 0
    chunks: int = 0
    extracted: int = 0
    retried: int = 0
    """Extracted, but only at a second attempt."""
    quarantined: int = 0
    triples: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    """Candidate triples the gate refused, by reason."""
    warnings: tuple[str, ...] = ()
    extractor: str = ""
    """The version of the extractor that read its facts; empty where it was indexed before that was noted."""


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """One uploaded content of a document, or one more reading of it; never changes but for status, coverage, error and
    whether it is to be read again."""

    id: VersionId
    document_id: DocumentId
    workspace_id: WorkspaceId
    number: int
    name: str
    media_type: str
    sha256: str
    size_bytes: int
    file_id: FileId
    uploaded_by: UserId
    uploaded_at: datetime
    status: DocumentStatus = DocumentStatus.WAITING
    error: str | None = None
    """One sentence: what happened, what to do."""
    coverage: Coverage = Coverage()
    title: str | None = None
    to_redo: bool = False
    """Rules read it in the place of a language model that was away: it is to be read again when that is back."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as people see it: its name and the version to look at."""

    id: DocumentId
    workspace_id: WorkspaceId
    name: str
    version: DocumentVersion
    """The newest version, finished or not."""
    visible_version_id: VersionId | None
    """The finished version that search and answers use; None until one is indexed."""
    restricted: bool = False
    """Only the people on its access list see it."""


class ChunkState(StrEnum):
    PENDING = "pending"
    EXTRACTED = "extracted"
    RETRIED = "retried"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Sentence:
    span: Span
    heading: bool = False
    row: bool = False
    """A table row, rendered as "label; column: value; column: value"."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stored stretch of a document version. `text == document_text[span.start:span.end]`, always."""

    id: ChunkId
    workspace_id: WorkspaceId
    document_id: DocumentId
    version_id: VersionId
    ordinal: int
    page: int
    """The page on which the chunk starts, from 1."""
    span: Span
    text: str
    topic: str
    """Document title and section heading, "Title / Heading"; embedded and searched with the text."""
    sentences: tuple[Sentence, ...]
    """In order, spans in document coordinates, each inside `span`."""
    stems: tuple[str, ...] = ()
    """Content-word stems of topic and text, with repetitions: what word search indexes and counts."""
    state: ChunkState = ChunkState.PENDING
