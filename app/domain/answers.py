"""Questions, passages and cited answers."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.documents import Chunk, Span
from app.domain.graph import Assertion
from app.domain.ids import ChunkId, DocumentId, EntityId, QuestionId, TripleId, UserId, VersionId, WorkspaceId


class Mode(StrEnum):
    AUTO = "auto"
    GRAPH = "graph"
    RAG = "rag"
    GRAPHRAG = "graphrag"


class Verdict(StrEnum):
    SUPPORTED = "supported"
    WEAK = "weak"
    NOT_SUPPORTED = "not_supported"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as retrieved: `rank` from 1, `found_by` among words, meaning, graph; `weight` orders one list only."""

    chunk: Chunk
    rank: int
    weight: float
    found_by: tuple[str, ...]
    document_name: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """What [n] opens: a quote of a document, verbatim at `span` of that version."""

    n: int
    document_id: DocumentId
    version_id: VersionId
    document: str
    chunk_id: ChunkId
    page: int
    span: Span
    quote: str
    uploaded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    text: str
    citations: tuple[int, ...]
    verdict: Verdict
    reason: str = ""
    """Why support is weak or missing, in one sentence; empty when supported."""


@dataclass(frozen=True, slots=True)
class AnswerTriple:
    """A fact used by the answer; `hop` counts from 1 at the question's entities."""

    triple_id: TripleId
    subject_id: EntityId
    subject: str
    subject_type: str
    relation: str
    object_id: EntityId
    object: str
    object_type: str
    assertion: Assertion
    document_id: DocumentId
    quote: str
    hop: int
    citation: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer, or what is known so far while it streams (`finished` False)."""

    mode: Mode
    reason: str
    """Why this mode, in one clause."""
    sentences: tuple[AnswerSentence, ...] = ()
    quoted: tuple[AnswerSentence, ...] = ()
    """Sentences of the documents that stand beside what a model wrote; empty where `sentences` are the quotes."""
    citations: tuple[Citation, ...] = ()
    triples: tuple[AnswerTriple, ...] = ()
    refused: bool = False
    support: float = 0.0
    unknown_entities: tuple[str, ...] = ()
    """Names in the question that no permitted document mentions."""
    searched_documents: int = 0
    nearest: tuple[Citation, ...] = ()
    """When refused: the closest passages, not used as an answer."""
    nearest_triples: tuple[AnswerTriple, ...] = ()
    model: str | None = None
    """None: extractive, no language model took part."""
    notice: str = ""
    """Something the reader must know, such as that the model went away and sentences are quoted instead."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds by stage, in order."""
    finished: bool = True
    kept_at: datetime | None = None
    """When it was made, for an answer that was given before and kept; None for one that was made for this question."""

    @property
    def text(self) -> str:
        return " ".join(sentence.text for sentence in self.sentences)


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A row of somebody's history."""

    id: QuestionId
    workspace_id: WorkspaceId
    asked_by: UserId
    asked_at: datetime
    text: str
    mode: Mode
    answer: Answer
