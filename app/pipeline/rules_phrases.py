"""Arguments: which words around a noun belong to it, and of what type it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.domain.documents import Span
from app.pipeline.parsing import entities_of
from app.pipeline.verification import PRONOUNS

_INSIDE = frozenset({"compound", "amod", "nummod", "nmod", "quantmod", "advmod", "npadvmod", "poss", "case"})
_NOUNS = frozenset({"NOUN", "PROPN", "NUM", "SYM", "X", "ADJ"})
_NOUN_PLACES = frozenset({"dobj", "pobj", "nsubj", "nsubjpass", "conj", "appos"})
"""Where an unknown name such as a drug's is often taken for a verb."""
_NEVER_NOUNS = frozenset({"PRON", "DET", "ADP", "PUNCT", "PART", "AUX", "CCONJ", "SCONJ", "SPACE", "ADV"})


@dataclass(frozen=True, slots=True)
class Argument:
    """A noun phrase; `span` in document coordinates, `head` its spaCy token or None where it stands elsewhere."""

    text: str
    span: Span
    type: str
    head: Any
    coreference: bool = False

    @property
    def is_name(self) -> bool:
        return self.type != "Concept"


class Phrases:
    """Noun phrases of one parsed sentence that starts at `offset` in the document."""

    def __init__(self, document: Any, *, offset: int, common: frozenset[str] = frozenset()) -> None:
        """`common` are words that the text writes small elsewhere: at its start they are no name."""
        self.document = document
        self._offset = offset
        self.entities = list(entities_of(document, common=common))

    def argument(self, head: Any) -> Argument | None:
        """The phrase whose head is this token; None for what is no noun. Pronouns are returned as they are."""
        if head.pos_ == "PRON" or head.lower_ in PRONOUNS:
            return self._make(head.idx, head.idx + len(head), "Concept", head)
        entity = self._entity_at(head)
        start, end = self._borders(head)
        if entity is not None:
            kind = entity.type
            covers = entity.span.start <= start and end <= entity.span.end
            if covers or kind in {"Person", "Place", "Organization", "Date", "Amount", "Work", "Event"}:
                start, end = entity.span.start, entity.span.end
            return self._make(start, end, kind, head)
        noun = head.pos_ in _NOUNS or (head.dep_ in _NOUN_PLACES and head.pos_ not in _NEVER_NOUNS)
        if not noun or head.is_stop or not any(sign.isalnum() for sign in head.text):
            return None
        return self._make(start, end, "Concept", head)

    def names(self) -> Iterator[Argument]:
        """Every named entity as an argument, in order."""
        for entity in self.entities:
            found = self.document.char_span(entity.span.start, entity.span.end, alignment_mode="expand")
            yield self._make(entity.span.start, entity.span.end, entity.type, found.root)

    def entity_under(self, head: Any) -> Argument | None:
        """A name inside the phrase of this head that is not the whole of it, such as an owner: "Acme's chairman"."""
        for child in head.children:
            if child.dep_ in {"poss", "compound", "nmod"} and self._entity_at(child) is not None:
                return self.argument(child)
        return None

    def _make(self, start: int, end: int, type_: str, head: Any) -> Argument:
        text = self.document.text[start:end]
        return Argument(" ".join(text.split()), Span(self._offset + start, self._offset + end), type_, head)

    def _entity_at(self, head: Any) -> Any | None:
        for entity in self.entities:
            if entity.span.start <= head.idx < entity.span.end:
                return entity
        return None

    def _borders(self, head: Any) -> tuple[int, int]:
        """From the leftmost modifier that belongs to the head, without article, to the head's end."""
        left = head
        for child in reversed(list(head.lefts)):
            if child.dep_ not in _INSIDE or child.lower_ in {"such", "other", "both", "all", "no", "not", "only"}:
                break
            if child.dep_ == "poss" and (child.pos_ == "PRON" or child.lower_ in PRONOUNS):
                break
            first = child.left_edge
            if any(token.dep_ in {"punct"} and token.text in {"(", "["} for token in child.subtree):
                break
            left = first
        start = left.idx
        while left.i < head.i and (left.pos_ == "DET" or left.is_punct):
            left = left.nbor(1)
            start = left.idx
        right = head
        while right.i + 1 < len(head.doc) and right.nbor(1).dep_ == "nummod" and right.nbor(1).head.i == head.i:
            right = right.nbor(1)
        return start, right.idx + len(right)
