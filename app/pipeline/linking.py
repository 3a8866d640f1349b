"""Finds the entities that a question names."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from app.domain.documents import Span
from app.domain.graph import Entity, RecognisedEntity
from app.domain.names import fold, name_key

NEAR_ENOUGH = 0.6
_LONGEST_NAME_WORDS = 10
_WORD = re.compile(r"\w+(?:['’.&/-]\w+)*\.?")
_CAPITALISED_RUN = re.compile(
    r"[A-Z0-9][\w'’.&/-]*(?:\s+(?:(?:of|the|de|la|von|van|for|in|on|to|a)\s+)*[A-Z0-9][\w'’.&/-]*)*"
)
_QUOTED = re.compile(r"[\"“]([^\"”]{2,80})[\"”]")
_COMMON_WORDS = (
    "a an and any are as at be been before after between by can could did do does during for from had has have how i "
    "if in into is it its list me my of on or our she he show tell than that the their them there these they this "
    "those to was we were what when where which while who whom whose why will with within would you your not no both "
    "same also name given give more most first last other film person people year country"
)
_NO_NAMES = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class Link:
    """A stretch of the question and the entities it may name; `similarity` is 1 for an equal name or alias."""

    span: Span
    text: str
    entities: tuple[Entity, ...]
    similarity: float = 1.0
    named: bool = True
    """Written as a name: recognised, capitalised or quoted."""


FindNearest = Callable[[str], tuple[Entity, float] | None]
"""The entity whose name is most like a key, and how much (0 to 1)."""


class SimilarNames:
    """The permitted entities of a workspace by likeness of name."""

    def __init__(self, entities: Sequence[Entity]) -> None:
        self.entities = tuple(entities)

    def find_nearest(self, key: str) -> tuple[Entity, float] | None:
        """The entity whose name shares most letter triples with `key` (cosine, rare triples count more)."""
        if not self.entities:
            return None
        names, rarity, columns = self._letter_triples
        row = np.zeros(len(columns))
        for triple in _triples_of(key):
            if triple in columns:
                row[columns[triple]] += rarity[columns[triple]]
        length = math.sqrt(
            float(row @ row) + sum(rarity.max() ** 2 for triple in set(_triples_of(key)) if triple not in columns)
        )
        if length == 0:
            return None
        similarities = names @ (row / length)
        best = int(similarities.argmax())
        return self.entities[best], float(similarities[best])

    @cached_property
    def _letter_triples(self) -> tuple[Any, Any, dict[str, int]]:
        from scipy.sparse import csr_array

        columns: dict[str, int] = {}
        indices: list[int] = []
        starts = [0]
        for entity in self.entities:
            indices.extend(columns.setdefault(triple, len(columns)) for triple in _triples_of(entity.key))
            starts.append(len(indices))
        counts = csr_array((np.ones(len(indices)), indices, starts), shape=(len(self.entities), len(columns)))
        counts.sum_duplicates()
        holding = np.bincount(counts.indices, minlength=len(columns))
        rarity = np.log((1 + len(self.entities)) / (1 + holding)) + 1
        weighted = counts * rarity
        lengths = np.sqrt(np.asarray((weighted * weighted).sum(axis=1)).ravel())
        return (weighted / np.maximum(lengths, 1e-12)[:, None]).tocsr(), rarity, columns


def possible_keys(question: str) -> frozenset[str]:
    """The keys (`app.domain.names.name_key`) under which stretches of the question may name an entity."""
    words = _words(question)
    return frozenset(name_key(_text(question, span)) for span in _stretches(question, words)) - {""}


def link(
    question: str,
    *,
    recognised: Sequence[RecognisedEntity],
    entities: Sequence[Entity],
    find_nearest: FindNearest,
) -> list[Link]:
    """The names in the question, longest first and none inside another: equal names, then for recognised or
    capitalised names that fit none, the most similar one (at least .6); what fits nothing has no entities.

    `entities` are those with one of the question's `possible_keys`, the most mentioned first.
    """
    possible = _possible_names(question, recognised)
    links = [
        replace(found, named=any(span.overlaps(found.span) for span in possible))
        for found in _equal_names(question, entities)
    ]
    taken = [found.span for found in links]
    for span in possible:
        if any(span.overlaps(other) for other in taken):
            continue
        taken.append(span)
        text = _text(question, span)
        nearest = find_nearest(name_key(text))
        if nearest is not None and nearest[1] >= NEAR_ENOUGH:
            links.append(Link(span, text, (nearest[0],), nearest[1]))
        else:
            links.append(Link(span, text, (), 0.0))
    return sorted(links, key=lambda found: found.span)


def _equal_names(question: str, entities: Sequence[Entity]) -> Iterator[Link]:
    by_key: dict[str, list[Entity]] = defaultdict(list)
    for entity in entities:
        for key in {entity.key, *map(name_key, entity.aliases)}:
            by_key[key].append(entity)
    taken: list[Span] = []
    for span in _stretches(question, _words(question)):
        text = _text(question, span)
        named = by_key.get(name_key(text))
        if named and not any(span.overlaps(other) for other in taken):
            taken.append(span)
            yield Link(span, text, tuple(named))


def _stretches(question: str, words: Sequence[Span]) -> Iterator[Span]:
    """Of up to ten words, the longest first; no single word that names nothing."""
    for size in range(min(_LONGEST_NAME_WORDS, len(words)), 0, -1):
        for first in range(len(words) - size + 1):
            span = Span(words[first].start, words[first + size - 1].end)
            if size > 1 or fold(_text(question, span)).strip(".") not in _NO_NAMES:
                yield span


def _words(question: str) -> list[Span]:
    return [Span(match.start(), match.end()) for match in _WORD.finditer(question)]


def _text(question: str, span: Span) -> str:
    return question[span.start : span.end]


def _possible_names(question: str, recognised: Sequence[RecognisedEntity]) -> list[Span]:
    """Stretches that look like names: quoted, recognised, capitalised; longest first."""
    spans = {Span(match.start(1), match.end(1)) for match in _QUOTED.finditer(question)}
    spans |= {found.span for found in recognised}
    for match in _CAPITALISED_RUN.finditer(question):
        words = list(_WORD.finditer(match.group()))
        while words and words[0].group().casefold() in _NO_NAMES:
            words.pop(0)
        if words:
            spans.add(Span(match.start() + words[0].start(), match.start() + words[-1].end()))
    return sorted(spans, key=lambda span: (span.start - span.end, span.start))


def _triples_of(key: str) -> list[str]:
    padded = f" {key} "
    return [padded[start : start + 3] for start in range(len(padded) - 2)]
