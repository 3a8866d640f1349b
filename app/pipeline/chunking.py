"""Cuts a document's text into overlapping stretches of whole sentences, each with its topic."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.domain.documents import Chunk, DocumentVersion, Heading, LoadedDocument, Page, Sentence, Span
from app.domain.ids import ChunkId, derived_id
from app.pipeline.parsing import SentenceParser
from app.pipeline.table_text import name_once, shorten_row
from app.pipeline.words import content_stems

CHUNK_TOKENS = 200
"""With a topic of up to forty tokens a chunk fits the window of 256 that the embedded embedder has."""
OVERLAP_TOKENS = 40
_TOPIC_CHARACTERS = 160
_LONGEST_SENTENCE = 600
"""In characters; a longer one is cut at spaces, so that no chunk grows over its limit."""
_BLOCK_END = re.compile(r"\n[ \t]*\n|\f|\n(?=[ \t]*(?:[-•*·▪–]|\d{1,2}[.)])[ \t])")


@dataclass(frozen=True, slots=True)
class _Section:
    """A stretch under one heading; `span` starts behind the heading."""

    span: Span
    topic: str


def chunk_document(
    loaded: LoadedDocument,
    *,
    version: DocumentVersion,
    ids_key: bytes,
    parser: SentenceParser,
    count_tokens: Callable[[str], int],
) -> list[Chunk]:
    """Chunks in order. Every sentence is in one at least; the last sentence of a chunk, if short, begins the next.

    Boundaries depend on the text and `count_tokens` alone. A heading begins a chunk and is its first sentence.
    """
    chunks: list[Chunk] = []
    for section in _sections(loaded, fallback=_fallback_title(version.name)):
        sentences = list(_sentences(loaded, section.span, parser))
        for group in _groups(loaded.text, sentences, count_tokens):
            span = Span(group[0].span.start, group[-1].span.end)
            text = loaded.text[span.start : span.end]
            ordinal = len(chunks)
            chunks.append(
                Chunk(
                    id=ChunkId(derived_id(ids_key, version.id, str(ordinal))),
                    workspace_id=version.workspace_id,
                    document_id=version.document_id,
                    version_id=version.id,
                    ordinal=ordinal,
                    page=page_of(loaded.pages, span.start),
                    span=span,
                    text=text,
                    topic=section.topic,
                    sentences=tuple(group),
                    stems=tuple(content_stems(f"{section.topic} {name_once(text, group, start=span.start)}")),
                )
            )
    return chunks


def page_of(pages: tuple[Page, ...], position: int) -> int:
    """The number of the page that holds the character at `position`; 1 for a document without pages."""
    number = 1
    for page in pages:
        if page.span.start > position:
            break
        number = page.number
    return number


def _fallback_title(name: str) -> str:
    return re.sub(r"[_\-]+", " ", name.rsplit(".", 1)[0]).strip()


def _sections(loaded: LoadedDocument, *, fallback: str) -> Iterator[_Section]:
    """The text between headings, in order; the topic is the title and the headings above."""
    title = (loaded.title or "").strip() or fallback
    headings = sorted(loaded.headings, key=lambda heading: heading.span)
    starts = [0, *(heading.span.start for heading in headings)]
    ends = [*(heading.span.start for heading in headings), len(loaded.text)]
    open_ones: list[Heading] = []
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if place:
            heading = headings[place - 1]
            open_ones = [above for above in open_ones if above.level < heading.level] + [heading]
        if loaded.text[start:end].strip():
            names = [title, *(loaded.text[above.span.start : above.span.end].strip() for above in open_ones)]
            yield _Section(Span(start, end), " / ".join(dict.fromkeys(filter(None, names)))[:_TOPIC_CHARACTERS])


def _sentences(loaded: LoadedDocument, span: Span, parser: SentenceParser) -> Iterator[Sentence]:
    """Sentences of a section: its heading, table rows whole, prose split, in order."""
    fixed = [(heading.span, "heading") for heading in loaded.headings if heading.span.overlaps(span)]
    fixed += [(row.span, "row") for row in loaded.rows if row.span.overlaps(span)]
    position = span.start
    for place, kind in [*sorted(fixed), (Span(span.end, span.end), "end")]:
        yield from _prose(loaded.text, Span(position, max(position, place.start)), parser)
        if kind != "end" and place.start >= position:
            yield Sentence(place, heading=kind == "heading", row=kind == "row")
        position = max(position, place.end)


def _prose(text: str, span: Span, parser: SentenceParser) -> Iterator[Sentence]:
    position = span.start
    borders = [match.start() for match in _BLOCK_END.finditer(text, span.start, span.end)]
    for end in [*borders, span.end]:
        block = text[position:end]
        if block.strip():
            for found in parser.split(block):
                yield from _shortened(text, Span(position + found.start, position + found.end))
        position = end


def _shortened(text: str, span: Span) -> Iterator[Sentence]:
    start = span.start
    while span.end - start > _LONGEST_SENTENCE:
        cut = text.rfind(" ", start + _LONGEST_SENTENCE // 2, start + _LONGEST_SENTENCE)
        cut = cut if cut > start else start + _LONGEST_SENTENCE
        yield Sentence(Span(start, cut))
        start = cut + (text[cut] == " ")
    if start < span.end:
        yield Sentence(Span(start, span.end))


def _groups(text: str, sentences: list[Sentence], count_tokens: Callable[[str], int]) -> Iterator[list[Sentence]]:
    """The names of a table's columns count once a group."""
    group: list[Sentence] = []
    size = 0
    known: set[str] = set()

    def count(sentence: Sentence) -> int:
        written = text[sentence.span.start : sentence.span.end]
        return count_tokens(shorten_row(written, known) if sentence.row else written)

    for sentence in sentences:
        tokens = count(sentence)
        if group and size + tokens > CHUNK_TOKENS:
            yield group
            known.clear()
            tokens = count(sentence)
            last = group[-1]
            repeated = count_tokens(text[last.span.start : last.span.end])
            keep = len(group) > 1 and repeated <= OVERLAP_TOKENS and repeated + tokens <= CHUNK_TOKENS and not last.row
            group, size = ([last], repeated) if keep else ([], 0)
        group.append(sentence)
        size += tokens
    if group:
        yield group
