"""Chunks cover the whole document, know where they stand, and do not depend on the embedder."""

import inspect
import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.documents import Chunk, DocumentVersion, Heading, LoadedDocument, Page, Span
from app.domain.ids import DocumentId, FileId, UserId, VersionId, WorkspaceId
from app.pipeline.chunking import CHUNK_TOKENS, OVERLAP_TOKENS, chunk_document, page_of
from app.pipeline.embedding import embedded_text
from app.pipeline.parsing import SentenceParser
from backends.loaders.texts import read_csv, read_markdown, read_text
from backends.loaders.writing import DocumentWriter

VERSION = DocumentVersion(
    id=VersionId("v1"),
    document_id=DocumentId("d1"),
    workspace_id=WorkspaceId("w1"),
    number=1,
    name="discharge_letter-2026.txt",
    media_type="text/plain",
    sha256="",
    size_bytes=0,
    file_id=FileId("v1"),
    uploaded_by=UserId("u1"),
    uploaded_at=datetime(2026, 1, 1, tzinfo=UTC),
)
LIST_MARKS = set("-–—•*·▪◦‣●○■")
"""A mark before an item is no part of its sentence."""
WORDS = "warfarin interacts with amiodarone and the dose of digoxin was lowered after bleeding in May".split()


@pytest.fixture(scope="module")
def parser() -> SentenceParser:
    return SentenceParser()


def count_words(text: str) -> int:
    return len(text.split())


def chunks_of(loaded: LoadedDocument, parser: SentenceParser) -> list[Chunk]:
    return chunk_document(loaded, version=VERSION, ids_key=b"k" * 32, parser=parser, count_tokens=count_words)


def written(text: str, reader: Callable[[bytes, DocumentWriter], None] = read_text) -> LoadedDocument:
    writer = DocumentWriter(most_characters=1_000_000)
    reader(text.encode(), writer)
    return writer.finish()


def check(loaded: LoadedDocument, chunks: list[Chunk]) -> None:
    covered: set[int] = set()
    for place, chunk in enumerate(chunks):
        assert chunk.ordinal == place
        assert chunk.text == loaded.text[chunk.span.start : chunk.span.end]
        assert (chunk.sentences[0].span.start, chunk.sentences[-1].span.end) == (chunk.span.start, chunk.span.end)
        for sentence in chunk.sentences:
            assert loaded.text[sentence.span.start : sentence.span.end].strip()
            covered |= set(range(sentence.span.start, sentence.span.end))
        for one, two in pairwise(chunk.sentences):
            assert one.span.end <= two.span.start
        assert chunk.page == page_of(loaded.pages, chunk.span.start)
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    left = {sign for place, sign in enumerate(loaded.text) if place not in covered and not sign.isspace()}
    assert left <= LIST_MARKS
    for before, after in pairwise(chunks):
        shared = [one for one in after.sentences if one in before.sentences]
        assert len(shared) <= 1
        if shared:
            assert shared == [before.sentences[-1]] == [after.sentences[0]]
            assert count_words(loaded.text[shared[0].span.start : shared[0].span.end]) <= OVERLAP_TOKENS
            assert not shared[0].row
        else:
            assert before.span.end <= after.span.start


SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=70).map(
    lambda words: " ".join(words).capitalize() + "."
)
PARAGRAPHS = st.lists(st.lists(SENTENCES, min_size=1, max_size=8).map(" ".join), min_size=1, max_size=8)
HEADINGS = st.sampled_from(["# Title", "## Medication", "### History", "- item one", "1. first", ""])


@given(PARAGRAPHS, st.lists(HEADINGS, min_size=8, max_size=8))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_sentence_is_in_a_chunk_that_knows_its_place(
    parser: SentenceParser, paragraphs: list[str], headings: list[str]
) -> None:
    text = "\n\n".join(f"{heading}\n\n{paragraph}" for heading, paragraph in zip(headings, paragraphs, strict=False))
    loaded = written(text, read_markdown)
    check(loaded, chunks_of(loaded, parser))


@given(st.text(alphabet="ab .?!\n\t\f1(–é漢", min_size=1, max_size=400))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_text_is_covered(parser: SentenceParser, text: str) -> None:
    loaded = LoadedDocument(text, (Page(1, Span(0, len(text))),))
    check(loaded, chunks_of(loaded, parser))


def test_a_long_document_is_cut_within_the_limit_with_short_overlaps(parser: SentenceParser) -> None:
    sentences = [f"In visit {n} the dose of warfarin was lowered to {n} mg because of bleeding." for n in range(120)]
    loaded = written(" ".join(sentences))
    chunks = chunks_of(loaded, parser)
    check(loaded, chunks)
    assert len(chunks) > 5
    assert all(count_words(chunk.text) <= CHUNK_TOKENS for chunk in chunks)
    assert all(after.sentences[0] == before.sentences[-1] for before, after in pairwise(chunks))


def test_a_sentence_without_end_is_cut_at_spaces(parser: SentenceParser) -> None:
    loaded = LoadedDocument("word " * 500, (Page(1, Span(0, 2_500)),))
    chunks = chunks_of(loaded, parser)
    check(loaded, chunks)
    assert all(count_words(chunk.text) <= CHUNK_TOKENS for chunk in chunks)
    assert all(re.fullmatch(r"(word ?)+", chunk.text) for chunk in chunks)


def test_a_heading_begins_a_chunk_and_gives_it_its_topic(parser: SentenceParser) -> None:
    loaded = written(
        "# Letter\n\nIntro text.\n\n## Medication\n\nWarfarin was given.\n\n## Plan\n\nSeen in May.", read_markdown
    )
    chunks = chunks_of(loaded, parser)
    assert [chunk.topic for chunk in chunks] == ["Letter", "Letter / Medication", "Letter / Plan"]
    assert all(chunk.sentences[0].heading for chunk in chunks)
    assert [chunk.text.split("\n")[0] for chunk in chunks] == ["Letter", "Medication", "Plan"]


def test_a_document_without_title_takes_its_topic_from_its_name(parser: SentenceParser) -> None:
    loaded = LoadedDocument("Warfarin was given.", (Page(1, Span(0, 19)),), (Heading(Span(0, 0), 1),))
    assert {chunk.topic for chunk in chunks_of(loaded, parser)} == {"discharge letter 2026"}


def test_table_rows_stay_whole_and_are_not_repeated(parser: SentenceParser) -> None:
    loaded = written(
        "Drug,Dose\n" + "\n".join(f"Drug {n},{n} mg. Twice a day. With food." for n in range(80)), read_csv
    )
    chunks = chunks_of(loaded, parser)
    check(loaded, chunks)
    rows = [sentence.span for chunk in chunks for sentence in chunk.sentences if sentence.row]
    assert rows == [row.span for row in loaded.rows]


def test_the_names_of_columns_count_once_a_chunk(parser: SentenceParser) -> None:
    """Else a table with long names would fill many chunks with them, and the best of these would be the fullest."""
    name = "Yearly dose in the target range"
    loaded = written(f"Drug,{name}\n" + "\n".join(f"Drug {n},{n}" for n in range(50)), read_csv)
    chunks = chunks_of(loaded, parser)
    check(loaded, chunks)
    assert len(chunks) == 1
    for text in (embedded_text(chunks[0]), " ".join(chunks[0].stems)):
        assert text.lower().count("target") == 1
    assert embedded_text(chunks[0]).endswith(
        "Drug 0; Yearly dose in the target range: 0\n" + "\n".join(f"Drug {n}; {n}" for n in range(1, 50))
    )


def test_boundaries_depend_on_the_text_alone(parser: SentenceParser) -> None:
    """The embedder is not even known: evidence points at these places whatever model embeds them."""
    parameters = set(inspect.signature(chunk_document).parameters)
    assert parameters == {"loaded", "version", "ids_key", "parser", "count_tokens"}
    loaded = written("One sentence stands here. " * 200)
    once, again = chunks_of(loaded, parser), chunks_of(loaded, SentenceParser())
    assert once == again
