"""Mentions, entities and triples with their evidence."""

from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.documents import Span
from app.domain.ids import ChunkId, DocumentId, EntityId, TripleId, VersionId


class Assertion(StrEnum):
    """How a fact is stated (after i2b2 2010 assertion classes); only `AFFIRMED` is ever shown as plain fact."""

    AFFIRMED = "affirmed"
    NEGATED = "negated"
    POSSIBLE = "possible"
    FAMILY = "family"
    HISTORICAL = "historical"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class ProposedTriple:
    """What an extractor offers the gate. Texts as the extractor read them; spans (document coordinates) if it knows."""

    sentence: Span
    subject: str
    relation: str
    object: str
    kind: str
    """How it was found: svo, verb_pp, copula, table, model …"""
    assertion: Assertion = Assertion.AFFIRMED
    subject_span: Span | None = None
    object_span: Span | None = None
    subject_type: str = "Concept"
    object_type: str = "Concept"
    coreference: bool = False
    """An argument was a pronoun; its text is the antecedent and its span the antecedent's."""


@dataclass(frozen=True, slots=True)
class VerifiedTriple:
    """A proposal that passed the gate: both arguments are verbatim spans of the document."""

    sentence: Span
    subject: str
    relation: str
    object: str
    subject_span: Span
    object_span: Span
    subject_type: str
    object_type: str
    assertion: Assertion
    kind: str
    confidence: float
    inferred: bool = False
    """The relation's words are not in the sentence; drawn dashed."""


@dataclass(frozen=True, slots=True)
class RecognisedEntity:
    """A name found in a chunk, before resolution."""

    span: Span
    text: str
    type: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one chunk yielded: names, verified triples, and the refused candidates counted by reason."""

    entities: tuple[RecognisedEntity, ...]
    triples: tuple[VerifiedTriple, ...]
    refused: dict[str, int]


@dataclass(frozen=True, slots=True)
class Mention:
    """A chunk names an entity `count` times; `topic` when the entity is what the chunk is about (title, heading)."""

    entity_id: EntityId
    chunk_id: ChunkId
    version_id: VersionId
    count: int
    topic: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """A resolved thing. `mentions` counts permitted chunks that name it (0 where not asked for)."""

    id: EntityId
    name: str
    key: str
    """Normalised name (`app.domain.names.name_key`); unique with `type` in a workspace."""
    type: str
    aliases: tuple[str, ...] = ()
    mentions: int = 0
    own_names: tuple[str, ...] = field(default=(), compare=False)
    """Name and aliases that a document names it by itself, as a graph gives them; the other aliases are only explained
    there ("AF" for atrial fibrillation). Whoever adds an entity gives none: its name is one."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a triple was read. The quote is `document_text[span.start:span.end]`; `quote_hash` is its SHA-256."""

    document_id: DocumentId
    version_id: VersionId
    chunk_id: ChunkId
    page: int
    span: Span
    quote_hash: str
    kind: str
    extractor: str
    """"rules/3" or "model-digest/prompt-hash"."""
    confidence: float
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class Triple:
    """Subject, relation, object and every place that says so; exists only while `evidence` is not empty."""

    id: TripleId
    subject_id: EntityId
    relation: str
    object_id: EntityId
    assertion: Assertion
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Subgraph:
    """Entities and triples returned together; every triple's ends are among the entities."""

    entities: tuple[Entity, ...]
    triples: tuple[Triple, ...]


@dataclass(frozen=True, slots=True)
class GraphCounts:
    entities: int
    triples: int
    evidence: int


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one chunk adds to the graph; written twice, it is there once. Entities carry no mention count here."""

    entities: tuple[Entity, ...]
    mentions: tuple[Mention, ...]
    triples: tuple[Triple, ...]
