"""Rules and model together: the model reads only sentences in which the rules leave two names unlinked."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import combinations

from app.domain.documents import Chunk, Span
from app.domain.graph import Assertion, Extraction, RecognisedEntity, VerifiedTriple
from app.pipeline.extraction import ChunkExtraction, TripleExtractor, always
from app.pipeline.fact_meaning import FactMeaning, leave_out
from app.pipeline.model_extraction import grounded, prose
from app.pipeline.model_reading import ModelReader
from app.pipeline.parsing import SentenceParser
from app.pipeline.rules import find_names, parse_sentences, propose, rules_version, small_words
from app.pipeline.verification import CONFIDENCES, ParsedSentence, add_counts, verify

_DOUBTFUL = 0.4
"""Confidence of a fact whose pronoun was resolved, or whose status is disputed."""


class RulesAndModelExtractor(TripleExtractor):
    """The union behind the gate. A chunk whose names the rules link all costs no call."""

    def __init__(self, reader: ModelReader, *, parser: SentenceParser, meaning: FactMeaning) -> None:
        self._reader = reader
        self._parser = parser
        self._meaning = meaning
        self.version = f"{rules_version(meaning)}+{reader.version}"

    def extract(self, chunk: Chunk, *, go_on: Callable[[], bool] = always) -> ChunkExtraction:
        sentences = parse_sentences(chunk, self._parser)
        common = small_words(chunk)
        names = tuple(find_names(sentences, common=common))
        by_rules = propose(chunk, sentences)
        ruled, refused = verify(by_rules, sentences)
        strays = self._meaning.strays(ruled, sentences)
        kept, _ = leave_out(ruled, strays)
        reading = self._reader.read(chunk, unlinked(prose(chunk, sentences), names, kept), go_on=go_on)
        proposals = grounded(reading.proposals, by_rules=by_rules, sentences=sentences, common=common)
        modelled, refused_of_model = verify(proposals, sentences)
        united, left_out = leave_out(unite(ruled, modelled), strays)
        counts = add_counts(refused, reading.refused, refused_of_model, left_out)
        return ChunkExtraction(Extraction(names, united, counts), reading.state)


def unlinked(
    sentences: Sequence[ParsedSentence], names: Sequence[RecognisedEntity], triples: Sequence[VerifiedTriple]
) -> list[ParsedSentence]:
    """The sentences that hold two names which no triple of that sentence joins."""
    return [sentence for sentence in sentences if _has_unlinked(sentence.span, names, triples)]


def unite(ruled: Sequence[VerifiedTriple], modelled: Iterable[VerifiedTriple]) -> tuple[VerifiedTriple, ...]:
    """One triple for two that join the same places of a sentence, either way round.

    The model's wording and direction win; places, types and status are the rules'. Agreement makes it kind "both";
    what only the rules hold for plain fact becomes possible.
    """
    united = dict(enumerate(ruled))
    agreed: set[int] = set()
    added: list[VerifiedTriple] = []
    for triple in modelled:
        partners = [place for place, rule in enumerate(ruled) if place not in agreed and _same_places(rule, triple)]
        if not partners:
            added.append(triple)
            continue
        best = max(partners, key=lambda place: (ruled[place].confidence, -place))
        agreed.add(best)
        united[best] = _agree(ruled[best], triple)
    return (*united.values(), *added)


def _has_unlinked(span: Span, names: Sequence[RecognisedEntity], triples: Sequence[VerifiedTriple]) -> bool:
    inside = [name.span for name in names if span.start <= name.span.start and name.span.end <= span.end]
    facts = [triple for triple in triples if triple.sentence == span]
    return any(not any(_joins(fact, one, other) for fact in facts) for one, other in combinations(inside, 2))


def _joins(fact: VerifiedTriple, one: Span, other: Span) -> bool:
    ends = (fact.subject_span, fact.object_span)
    return any(first.overlaps(one) and second.overlaps(other) for first, second in (ends, ends[::-1]))


def _same_places(rule: VerifiedTriple, model: VerifiedTriple) -> bool:
    return rule.sentence == model.sentence and (_is_parallel(rule, model) or _is_crossed(rule, model))


def _is_parallel(rule: VerifiedTriple, model: VerifiedTriple) -> bool:
    return rule.subject_span.overlaps(model.subject_span) and rule.object_span.overlaps(model.object_span)


def _is_crossed(rule: VerifiedTriple, model: VerifiedTriple) -> bool:
    return rule.subject_span.overlaps(model.object_span) and rule.object_span.overlaps(model.subject_span)


def _agree(rule: VerifiedTriple, model: VerifiedTriple) -> VerifiedTriple:
    if rule.assertion is Assertion.AFFIRMED and model.assertion is not Assertion.AFFIRMED:
        return replace(rule, assertion=Assertion.POSSIBLE, confidence=_DOUBTFUL)
    doubtful = rule.kind != "obj_pp" and rule.confidence <= _DOUBTFUL
    confidence = _DOUBTFUL if doubtful else CONFIDENCES["both"]
    worded = replace(rule, relation=model.relation, inferred=model.inferred, kind="both", confidence=confidence)
    if _is_parallel(rule, model):
        return worded
    return replace(
        worded,
        subject=rule.object,
        object=rule.subject,
        subject_span=rule.object_span,
        object_span=rule.subject_span,
        subject_type=rule.object_type,
        object_type=rule.subject_type,
    )
