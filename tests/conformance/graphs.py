"""Small contributions to a graph, shared by the suite and its child processes."""

from collections.abc import Sequence

from app.domain.documents import Span
from app.domain.graph import Assertion, Contribution, Entity, Evidence, Mention, Triple
from app.domain.ids import ChunkId, DocumentId, EntityId, TripleId, VersionId
from app.domain.names import name_key


def entity(name: str, *, type_: str = "Drug", aliases: Sequence[str] = (), id_: str | None = None) -> Entity:
    return Entity(EntityId(id_ or f"e-{name_key(name)}"), name, name_key(name), type_, tuple(aliases))


def evidence(*, version: str, chunk: str, start: int = 0, end: int = 10, confidence: float = 0.9) -> Evidence:
    return Evidence(
        document_id=DocumentId(f"d-{version}"),
        version_id=VersionId(version),
        chunk_id=ChunkId(chunk),
        page=1,
        span=Span(start, end),
        quote_hash="ab" * 32,
        kind="svo",
        extractor="rules/3",
        confidence=confidence,
    )


def triple(
    subject: Entity,
    relation: str,
    object_: Entity,
    places: Sequence[Evidence],
    *,
    assertion: Assertion = Assertion.AFFIRMED,
) -> Triple:
    id_ = TripleId(f"t-{subject.id}-{relation}-{object_.id}-{assertion}")
    return Triple(id_, subject.id, relation, object_.id, assertion, tuple(places))


def mention(one: Entity, *, chunk: str, version: str, count: int = 1, topic: bool = False) -> Mention:
    return Mention(one.id, ChunkId(chunk), VersionId(version), count, topic)


def contribution(
    *,
    chunk: str,
    version: str,
    subject: str = "Apixaban",
    relation: str = "inhibit",
    object_: str = "Factor Xa",
    aliases: Sequence[str] = (),
    assertion: Assertion = Assertion.AFFIRMED,
    start: int | None = None,
) -> Contribution:
    """One sentence of a chunk: two entities that the chunk names, and a triple between them.

    Without `start` the evidence lies where the digits of the chunk's id say, so that chunks do not share a place.
    """
    digits = "".join(character for character in chunk if character.isdigit())
    place = int(digits or 0) * 10 if start is None else start
    first, second = entity(subject, aliases=aliases), entity(object_, type_="Protein")
    return Contribution(
        (first, second),
        (mention(first, chunk=chunk, version=version), mention(second, chunk=chunk, version=version)),
        (
            triple(
                first,
                relation,
                second,
                [evidence(version=version, chunk=chunk, start=place, end=place + 10)],
                assertion=assertion,
            ),
        ),
    )
