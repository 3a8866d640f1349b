"""An end of a fact as rules read it."""

from dataclasses import dataclass
from typing import Any

from app.domain.documents import Span


@dataclass(frozen=True, slots=True)
class Argument:
    """A noun phrase; `span` in document coordinates, `head` its spaCy token or None where it stands elsewhere."""

    text: str
    span: Span
    type: str
    head: Any
    coreference: bool = False
    short: str = ""
    """Without the "of …" that `text` ends in; the same where it has none."""

    @property
    def is_name(self) -> bool:
        return self.type != "Concept"

    @property
    def is_named(self) -> bool:
        """A name, recognised as one or only parsed as one."""
        return self.is_name or (self.head is not None and self.head.pos_ == "PROPN")

    @property
    def as_words(self) -> str:
        """As a part of a relation: in small letters where no name is among the words."""
        return self._small(self.short)

    @property
    def as_phrase(self) -> str:
        """Like `as_words`, with the "of …"."""
        return self._small(self.text)

    def _small(self, text: str) -> str:
        named = self.head is not None and any(child.pos_ == "PROPN" for child in self.head.lefts)
        return text if named or any(map(str.isupper, text[1:])) else text.lower()
