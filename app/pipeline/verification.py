"""The gate: no triple is stored unless its arguments stand in the sentence it cites."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.documents import Span
from app.domain.graph import Assertion, ProposedTriple, VerifiedTriple
from app.domain.names import fold
from app.pipeline.polarity import PARSE_DECIDES, polarity_of
from app.pipeline.words import content_stems, words

GATE_VERSION = "gate/1"
MOST_ARGUMENT_TOKENS = 12
PRONOUNS = frozenset(
    (
        "i you he she it we they me him her us them this that these those who whom which what whose one ones himself "
        "herself itself themselves myself ourselves mine yours his hers its ours theirs there here each other others "
        "both some any none all everyone everything something anything nothing someone anyone another such my your our "
        "their"
    ).split()
)
UNITS = frozenset("kg g mg microg ml l dl mm cm m km h hr min s mmol umol mol iu u kpa mmhg bpm ms".split())
LIGHT_NOUNS = frozenset(
    (
        "role ability impact way part lot number kind type sort fact thing case example result use basis effect "
        "variety range series set place time addition order term terms means manner aspect level rest majority half "
        "couple point view sense reason matter matters following respect regard extent process need needs chance "
        "possibility"
    ).split()
)
CONFIDENCES = {
    "table": 0.9,
    "svo": 0.6,
    "verb_pp": 0.6,
    "passive": 0.6,
    "copula": 0.6,
    "appos": 0.6,
    "poss": 0.6,
    "compound": 0.6,
    "life": 0.4,
    "date": 0.6,
    "obj_pp": 0.4,
    "model": 0.7,
    "both": 0.9,
}
"""How far a kind is to be trusted (research, not calibrated); a coreference lowers it to .4."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class ParsedSentence:
    """A sentence of a chunk, its text and its spaCy parse (`document`), spans of which start at `span.start`."""

    span: Span
    text: str
    document: Any


def verify(
    proposals: Iterable[ProposedTriple], sentences: Sequence[ParsedSentence]
) -> tuple[tuple[VerifiedTriple, ...], dict[str, int]]:
    """The triples that pass, in the order given without repetitions, and how many were refused for which reason.

    The seven rules are those of DESIGN.md section 9. `span`s given by rules are checked like those of a model: the
    text at the span must be the argument.
    """
    by_span = {sentence.span: sentence for sentence in sentences}
    chunk = _Chunk(sentences)
    passed: dict[tuple[object, ...], VerifiedTriple] = {}
    refused: Counter[str] = Counter()
    for proposal in proposals:
        sentence = by_span.get(proposal.sentence)
        result = _check(proposal, sentence, chunk) if sentence else "sentence not there"
        if isinstance(result, str):
            refused[result] += 1
            continue
        key = (result.sentence, result.subject_span, result.relation, result.object_span)
        if key not in passed or result.confidence > passed[key].confidence:
            passed[key] = result
    return tuple(passed.values()), dict(sorted(refused.items()))


def add_counts(*counts: Mapping[str, int]) -> dict[str, int]:
    """Counts by reason added up, in the order of the reasons."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))


class _Chunk:
    """The text around, where the antecedent of a pronoun may stand."""

    def __init__(self, sentences: Sequence[ParsedSentence]) -> None:
        self._sentences = sentences

    def holds(self, text: str, span: Span) -> bool:
        for sentence in self._sentences:
            if sentence.span.start <= span.start and span.end <= sentence.span.end:
                start = sentence.span.start
                return fold(sentence.text[span.start - start : span.end - start]) == fold(text)
        return False


def _check(proposal: ProposedTriple, sentence: ParsedSentence, chunk: _Chunk) -> VerifiedTriple | str:
    subject_span = _place(proposal.subject, proposal.subject_span, sentence, chunk, proposal.coreference)
    object_span = _place(proposal.object, proposal.object_span, sentence, chunk, coreference=False)
    if subject_span is None or object_span is None:
        return "words not in the sentence"
    if subject_span == object_span or fold(proposal.subject) == fold(proposal.object):
        return "the same thing twice"
    for argument in (proposal.subject, proposal.object):
        if reason := _unfit(argument):
            return reason
    relation = " ".join(proposal.relation.split()).strip(" .,;:")
    if not relation or len(relation) > 80:
        return "no relation"
    stems = content_stems(relation)
    if proposal.kind not in PARSE_DECIDES and _names_others(relation, sentence.text):
        return "words not in the sentence"
    if numbers_of(relation) - numbers_of(sentence.text):
        return "number not in the sentence"
    assertion = _stated(proposal, sentence, (_local(subject_span, sentence), _local(object_span, sentence)), relation)
    if assertion is None:
        return "stated otherwise"
    stated = set(content_stems(sentence.text))
    return VerifiedTriple(
        sentence=proposal.sentence,
        subject=_own_text(sentence, subject_span, proposal.subject),
        relation=relation,
        object=_own_text(sentence, object_span, proposal.object),
        subject_span=subject_span,
        object_span=object_span,
        subject_type=proposal.subject_type,
        object_type=proposal.object_type,
        assertion=assertion,
        kind=proposal.kind,
        confidence=min(CONFIDENCES.get(proposal.kind, 0.5), 0.4 if proposal.coreference else 1.0),
        inferred=bool(stems) and not stated.intersection(stems),
    )


def _stated(
    proposal: ProposedTriple, sentence: ParsedSentence, spans: tuple[Span | None, Span | None], relation: str
) -> Assertion | None:
    """The status that the parse gives, over an affirmed one; None where a proposal claims yet another."""
    if proposal.kind in PARSE_DECIDES:
        return proposal.assertion
    parsed = polarity_of(sentence.document, *spans, relation=relation)
    if parsed in {Assertion.AFFIRMED, proposal.assertion}:
        return proposal.assertion
    return parsed if proposal.assertion is Assertion.AFFIRMED else None


def _place(text: str, span: Span | None, sentence: ParsedSentence, chunk: _Chunk, coreference: bool) -> Span | None:
    """Where the argument stands: at its span if that holds it, else at its first place in the sentence."""
    if span is not None:
        inside = sentence.span.start <= span.start and span.end <= sentence.span.end
        if (inside or coreference) and chunk.holds(text, span):
            return span
        return None
    found = find_tokens(text, sentence.text)
    return Span(sentence.span.start + found.start, sentence.span.start + found.end) if found else None


def find_tokens(argument: str, sentence: str) -> Span | None:
    """The first place where `argument` stands as whole words, compared folded; None when nowhere."""
    wanted = words(argument)
    if not wanted:
        return None
    places = [(fold(match.group()), match.start(), match.end()) for match in re.finditer(r"\S+", sentence)]
    tokens: list[tuple[str, int, int]] = []
    for _, start, end in places:
        tokens += [
            (fold(part.group()), start + part.start(), start + part.end())
            for part in re.finditer(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?|\w+", sentence[start:end])
        ]
    for first in range(len(tokens) - len(wanted) + 1):
        if [token[0] for token in tokens[first : first + len(wanted)]] == wanted:
            return Span(tokens[first][1], tokens[first + len(wanted) - 1][2])
    return None


def _unfit(argument: str) -> str | None:
    parts = words(argument)
    if not parts:
        return "words not in the sentence"
    if len(parts) == 1 and parts[0] in PRONOUNS:
        return "pronoun"
    if not argument[0].isdigit() and all(part in UNITS or part.isdigit() for part in parts):
        return "a unit alone"
    if argument.count('"') % 2 or argument.count("(") != argument.count(")"):
        return "cut off"
    if parts[-1] in LIGHT_NOUNS and not any(part.isdigit() for part in parts) and len(parts) <= 2:
        return "light noun"
    if len(parts) > MOST_ARGUMENT_TOKENS:
        return "too long"
    return None


def _names_others(relation: str, sentence: str) -> bool:
    """Whether a relation brings in a name: a word with a capital, not its first, that is not in the sentence."""
    capitals = {word for part in relation.split()[1:] if part[:1].isupper() for word in words(part)}
    return bool(capitals.difference(words(sentence)))


def numbers_of(text: str) -> set[str]:
    """The numbers of a text, digit for digit."""
    return set(_NUMBER.findall(text))


def _own_text(sentence: ParsedSentence, span: Span, fallback: str) -> str:
    start = sentence.span.start
    if start <= span.start and span.end <= sentence.span.end:
        return " ".join(sentence.text[span.start - start : span.end - start].split())
    return fallback


def _local(span: Span, sentence: ParsedSentence) -> Span | None:
    if span.start < sentence.span.start or span.end > sentence.span.end:
        return None
    return Span(span.start - sentence.span.start, span.end - sentence.span.start)
