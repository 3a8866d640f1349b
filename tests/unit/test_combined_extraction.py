"""Tests of rules and model together, with scripted models and the real parser."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.documents import ChunkState, Span
from app.domain.graph import Assertion, VerifiedTriple
from app.pipeline.combined_extraction import RulesAndModelExtractor, unite
from app.pipeline.fact_meaning import STRAY
from app.pipeline.parsing import SentenceParser
from app.pipeline.rules import RulesExtractor
from backends.cache.sql import SqlCacheStore
from backends.llm.scripted import ScriptedLanguageModel
from backends.llm.settings import ScriptedAnswer
from tests.unit.meaning_parts import MEANING
from tests.unit.model_parts import chunk_of, fact, facts, open_cache, reader_of, scripted

PARSER = SentenceParser()
LINKED = "Nadia Brenner founded Corvane Bank."
UNLINKED = "In the hall stood Peter Lindqvist, Ilona Vasari and the statue of Maria Keller."


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[SqlCacheStore]:
    with open_cache(tmp_path) as opened:
        yield opened


def extractor(model: ScriptedLanguageModel, cache: SqlCacheStore) -> RulesAndModelExtractor:
    return RulesAndModelExtractor(reader_of(model, cache), parser=PARSER, meaning=MEANING)


def test_a_chunk_that_the_rules_link_costs_no_call(cache: SqlCacheStore) -> None:
    chunk = chunk_of(LINKED)
    found = extractor(scripted(ScriptedAnswer(fails="unavailable")), cache).extract(chunk)
    assert found == RulesExtractor(PARSER, MEANING).extract(chunk)


def test_only_sentences_with_unlinked_names_go_to_the_model(cache: SqlCacheStore) -> None:
    model = scripted(
        ScriptedAnswer(text="not expected", when=LINKED),
        ScriptedAnswer(
            text=facts(fact(1, "Ilona Vasari", "stood in the hall with", "Maria Keller")), when=f"1. {UNLINKED}"
        ),
    )
    found = extractor(model, cache).extract(chunk_of(LINKED, UNLINKED))
    assert found.state is ChunkState.EXTRACTED
    assert ("Ilona Vasari", "Maria Keller", "model") in {
        (triple.subject, triple.object, triple.kind) for triple in found.extraction.triples
    }


def test_what_the_rules_read_stays_when_the_model_cannot_be_read(cache: SqlCacheStore) -> None:
    chunk = chunk_of(LINKED, UNLINKED)
    found = extractor(scripted("No."), cache).extract(chunk)
    assert found.state is ChunkState.QUARANTINED
    assert found.extraction.triples == RulesExtractor(PARSER, MEANING).extract(chunk).extraction.triples


def test_a_fact_that_means_little_of_its_sentence_stays_only_where_the_model_agrees(cache: SqlCacheStore) -> None:
    text = (
        "In the hall stood Peter Lindqvist and Ilona Vasari, and leverage was 4.31 times, because two vessels were in "
        "dry dock."
    )
    for answer, agrees in ((facts(fact(1, "two vessels", "were in", "dry dock")), True), (facts(), False)):
        found = extractor(scripted(answer), cache).extract(chunk_of(text, version=str(agrees))).extraction
        assert (("two vessels", "dry dock") in {(one.subject, one.object) for one in found.triples}) is agrees
        assert found.refused[STRAY] == (1 if agrees else 2)


RULE = VerifiedTriple(
    sentence=Span(0, 50),
    subject="Corvane Bank",
    relation="sold",
    object="Merrow Group",
    subject_span=Span(0, 12),
    object_span=Span(18, 30),
    subject_type="Organization",
    object_type="Organization",
    assertion=Assertion.AFFIRMED,
    kind="svo",
    confidence=0.6,
)
MODEL = replace(
    RULE, relation="disposed of", subject_type="Concept", object_span=Span(14, 30), kind="model", confidence=0.7
)


def test_agreement_takes_the_models_words_and_the_rules_places() -> None:
    assert unite([RULE], [MODEL]) == (replace(RULE, relation="disposed of", kind="both", confidence=0.9),)


def test_agreement_the_other_way_round_takes_the_models_direction() -> None:
    turned = replace(MODEL, subject_span=RULE.object_span, object_span=RULE.subject_span, relation="was sold by")
    (triple,) = unite([RULE], [turned])
    assert (triple.subject, triple.relation, triple.object) == ("Merrow Group", "was sold by", "Corvane Bank")
    assert (triple.subject_span, triple.kind) == (RULE.object_span, "both")


def test_a_disputed_status_is_no_plain_fact() -> None:
    (triple,) = unite([RULE], [replace(MODEL, assertion=Assertion.NEGATED)])
    assert (triple.assertion, triple.relation, triple.confidence) == (Assertion.POSSIBLE, "sold", 0.4)


def test_the_status_of_the_rules_holds() -> None:
    denied = replace(RULE, assertion=Assertion.NEGATED)
    assert unite([denied], [MODEL])[0].assertion is Assertion.NEGATED


def test_agreement_on_a_guessed_pronoun_stays_doubtful() -> None:
    assert unite([replace(RULE, confidence=0.4)], [MODEL])[0].confidence == 0.4


def test_facts_of_other_places_are_added() -> None:
    elsewhere = replace(MODEL, object="Tessmer", object_span=Span(34, 41))
    assert unite([RULE], [elsewhere]) == (RULE, elsewhere)


def test_two_facts_of_the_model_do_not_agree_with_the_same_one() -> None:
    assert len(unite([RULE], [MODEL, replace(MODEL, relation="owned")])) == 2
