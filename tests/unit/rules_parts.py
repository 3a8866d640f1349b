"""Reads sentences with the rules as indexing does: split, parsed, proposed, passed through the gate."""

from app.domain.documents import Chunk, Sentence, Span
from app.domain.graph import Extraction
from app.domain.ids import ChunkId, DocumentId, VersionId, WorkspaceId
from app.pipeline.parsing import SentenceParser
from app.pipeline.rules import find_names, parse_sentences, propose, small_words
from app.pipeline.verification import verify

PARSER = SentenceParser()


def read_text(text: str, *, topic: str = "") -> Extraction:
    """What one chunk of this text yields."""
    sentences = tuple(Sentence(span) for span in PARSER.split(text))
    chunk = Chunk(
        id=ChunkId("chunk"),
        workspace_id=WorkspaceId("workspace"),
        document_id=DocumentId("document"),
        version_id=VersionId("version"),
        ordinal=0,
        page=1,
        span=Span(0, len(text)),
        text=text,
        topic=topic,
        sentences=sentences,
        stems=(),
    )
    return read_chunk(chunk)


def read_chunk(chunk: Chunk) -> Extraction:
    """All that passes the gate, before facts are compared with what their sentences mean."""
    sentences = parse_sentences(chunk, PARSER)
    triples, refused = verify(propose(chunk, sentences), sentences)
    return Extraction(tuple(find_names(sentences, common=small_words(chunk))), triples, refused)


def said(text: str, *, topic: str = "") -> set[tuple[str, str, str, str]]:
    """The facts as (status, subject, relation, object)."""
    return {
        (fact.assertion.value, fact.subject, fact.relation, fact.object)
        for fact in read_text(text, topic=topic).triples
    }


def facts(text: str) -> set[tuple[str, str, str]]:
    """The facts without their status."""
    return {fact[1:] for fact in said(text)}


def statuses(text: str, object_: str, *, topic: str = "") -> set[str]:
    """Every status under which something is said of `object_`."""
    return {status for status, _, _, other in said(text, topic=topic) if object_ in other}
