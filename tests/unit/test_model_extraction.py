"""Tests of the model-led extractor with scripted models and the real parser."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.documents import ChunkState
from app.domain.graph import Assertion
from app.errors import BackendUnavailableError, CancelledError
from app.pipeline.model_extraction import ModelExtractor
from app.pipeline.model_output import MALFORMED
from app.pipeline.model_reading import EXAMPLE_NAMES, UNREADABLE, ModelReader, prompt_version
from app.pipeline.parsing import SentenceParser
from app.pipeline.prompting import read_prompt
from backends.cache.sql import SqlCacheStore
from backends.llm.scripted import ScriptedLanguageModel
from backends.llm.settings import ScriptedAnswer
from tests.unit.model_parts import chunk_of, fact, facts, open_cache, reader_of, scripted

PARSER = SentenceParser()
SALE = "Corvane Bank sold Merrow Group to Tessmer Holdings."
OFFICE = "Nadia Brenner runs Corvane Bank."


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[SqlCacheStore]:
    with open_cache(tmp_path) as opened:
        yield opened


def extractor(model: ScriptedLanguageModel, cache: SqlCacheStore) -> ModelExtractor:
    return ModelExtractor(reader_of(model, cache), parser=PARSER)


def test_a_fact_of_the_model_gets_the_places_of_its_words(cache: SqlCacheStore) -> None:
    chunk = chunk_of(OFFICE, SALE, start=100)
    model = scripted(facts(fact(2, "corvane  bank", "sold", "Merrow Group")))
    found = extractor(model, cache).extract(chunk)
    (triple,) = found.extraction.triples
    text = chunk.text
    assert found.state is ChunkState.EXTRACTED
    assert (triple.subject, triple.object, triple.kind) == ("Corvane Bank", "Merrow Group", "model")
    assert text[triple.subject_span.start - 100 : triple.subject_span.end - 100] == "Corvane Bank"
    assert text[triple.sentence.start - 100 : triple.sentence.end - 100] == SALE
    assert triple.subject_type == "Organization"


def test_names_of_the_prompts_examples_never_enter(cache: SqlCacheStore) -> None:
    copied = [
        fact(1, "Quillbrook Instruments", "was bought by", "Tarnmoor Holdings"),
        fact(1, "Quillbrook Instruments", "was bought in", "1987"),
        fact(1, "Oskelin", "lower", "brindamide levels", "negated"),
        fact(1, "Nadia Brenner", "runs", "Tarnmoor Holdings"),
    ]
    assert all(str(item["object"]) in read_prompt("extraction") for item in copied)
    found = extractor(scripted(facts(*copied)), cache).extract(chunk_of(OFFICE))
    assert found.extraction.triples == ()
    assert found.extraction.refused == {"words not in the sentence": 4}


def test_names_enter_in_no_relation_either(cache: SqlCacheStore) -> None:
    chunk = chunk_of(OFFICE)
    brought = [
        fact(1, "Nadia Brenner", "was bought by tarnmoor holdings with", "Corvane Bank"),
        fact(1, "Nadia Brenner", "runs with Peter Lindqvist", "Corvane Bank"),
        fact(1, "Nadia Brenner", "Runs", "Corvane Bank"),
    ]
    assert all(f" {name} " in f" {read_prompt('extraction').casefold()} " for name in EXAMPLE_NAMES)
    found = extractor(scripted(facts(*brought)), cache).extract(chunk)
    assert [triple.relation for triple in found.extraction.triples] == ["Runs"]
    assert found.extraction.refused == {"a name of the prompt's example": 1, "words not in the sentence": 1}


def test_the_parse_decides_how_a_fact_is_stated(cache: SqlCacheStore) -> None:
    chunk = chunk_of("Zelotrine does not interact with warfarin.")
    found = extractor(scripted(facts(fact(1, "Zelotrine", "interacts with", "warfarin"))), cache).extract(chunk)
    assert [triple.assertion for triple in found.extraction.triples] == [Assertion.NEGATED]


def test_table_rows_and_names_stay_with_the_rules(cache: SqlCacheStore) -> None:
    chunk = chunk_of("Tessmer Holdings; revenue: 12.5", OFFICE, rows=(0,))
    found = extractor(scripted(facts()), cache).extract(chunk)
    assert [(triple.subject, triple.object) for triple in found.extraction.triples] == [("Tessmer Holdings", "12.5")]
    assert {name.text for name in found.extraction.entities} >= {"Nadia Brenner", "Corvane Bank"}


def test_a_name_for_a_pronoun_counts_only_where_the_rules_resolved_it_so(cache: SqlCacheStore) -> None:
    chunk = chunk_of(OFFICE, "She founded Merrow Group.")
    model = scripted(
        facts(fact(2, "Nadia Brenner", "founded", "Merrow Group"), fact(2, "Bob", "founded", "Merrow Group"))
    )
    found = extractor(model, cache).extract(chunk)
    (triple,) = found.extraction.triples
    assert (triple.subject, triple.subject_span.start, triple.confidence) == ("Nadia Brenner", 0, 0.4)


def test_an_unreadable_answer_is_tried_again_on_each_half(cache: SqlCacheStore) -> None:
    model = scripted(
        "I am sorry.",
        facts(fact(1, "Nadia Brenner", "runs", "Corvane Bank")),
        facts(fact(1, "Corvane Bank", "sold", "Merrow Group"), {"odd": 1}),
    )
    found = extractor(model, cache).extract(chunk_of(OFFICE, SALE))
    assert found.state is ChunkState.RETRIED
    assert [triple.relation for triple in found.extraction.triples] == ["runs", "sold"]
    assert found.extraction.refused == {MALFORMED: 1}


def test_a_chunk_that_stays_unreadable_is_set_aside_and_keeps_its_names(cache: SqlCacheStore) -> None:
    model = scripted("No.", facts(fact(1, "Nadia Brenner", "runs", "Corvane Bank")), "No.")
    found = extractor(model, cache).extract(chunk_of(OFFICE, SALE))
    assert found.state is ChunkState.QUARANTINED
    assert found.extraction.triples == ()
    assert found.extraction.refused == {UNREADABLE: 1}
    assert found.extraction.entities


def test_a_cut_answer_is_never_read(cache: SqlCacheStore) -> None:
    whole = facts(fact(1, "Nadia Brenner", "runs", "Corvane Bank"))
    cut = {**whole, "rest": "x " * 2000}
    found = extractor(scripted(cut), cache).extract(chunk_of(OFFICE, SALE))
    assert found.state is ChunkState.QUARANTINED


def test_an_answer_broken_off_by_an_error_is_not_used(cache: SqlCacheStore) -> None:
    broken = ScriptedAnswer(text=facts(fact(1, "Nadia Brenner", "runs", "Corvane Bank")), fails="output")
    assert extractor(scripted(broken), cache).extract(chunk_of(OFFICE)).state is ChunkState.QUARANTINED


def test_a_chunk_too_long_for_the_window_is_set_aside(cache: SqlCacheStore) -> None:
    found = extractor(scripted(facts(), window_tokens=300), cache).extract(chunk_of(OFFICE, SALE))
    assert found.state is ChunkState.QUARANTINED


def test_an_absent_model_is_an_error_of_the_job_not_of_the_chunk(cache: SqlCacheStore) -> None:
    with pytest.raises(BackendUnavailableError):
        extractor(scripted(ScriptedAnswer(fails="unavailable")), cache).extract(chunk_of(OFFICE))


def test_another_model_than_the_tested_one_is_not_asked(cache: SqlCacheStore) -> None:
    tested, other = scripted(facts()), scripted("another")
    reader = ModelReader(other, info=tested.describe(), cache=cache)
    with pytest.raises(BackendUnavailableError, match="tested again"):
        ModelExtractor(reader, parser=PARSER).extract(chunk_of(OFFICE))


def test_a_finished_answer_is_not_asked_for_again(cache: SqlCacheStore) -> None:
    model = scripted(facts(fact(1, "Nadia Brenner", "runs", "Corvane Bank")), facts())
    first = extractor(model, cache).extract(chunk_of(OFFICE))
    again = extractor(model, cache).extract(chunk_of(OFFICE))
    assert first == again
    cache.delete_scope("w1/document of v1")
    assert extractor(model, cache).extract(chunk_of(OFFICE)).extraction.triples == ()


def test_stopping_ends_the_call_at_the_server(cache: SqlCacheStore) -> None:
    model = scripted(facts(fact(1, "Nadia Brenner", "runs", "Corvane Bank")))
    asked: list[int] = []

    def go_on() -> bool:
        asked.append(model.open_streams)
        return len(asked) < 3

    with pytest.raises(CancelledError):
        extractor(model, cache).extract(chunk_of(OFFICE), go_on=go_on)
    assert asked == [1, 1, 1]
    assert model.open_streams == 0


def test_a_chunk_without_prose_costs_no_call(cache: SqlCacheStore) -> None:
    model = scripted(ScriptedAnswer(fails="unavailable"))
    found = extractor(model, cache).extract(chunk_of("Tessmer Holdings; revenue: 12.5", rows=(0,)))
    assert found.state is ChunkState.EXTRACTED


def test_the_version_names_the_model_the_prompt_and_the_gate(cache: SqlCacheStore) -> None:
    model = scripted(facts())
    version = extractor(model, cache).version
    assert model.describe().digest in version
    assert prompt_version() in version
    assert "gate/" in version
    assert extractor(scripted("other"), cache).version != version


def test_the_prompt_holds_the_ontology_of_the_workspace(cache: SqlCacheStore) -> None:
    model = scripted(
        ScriptedAnswer(text=facts(fact(1, "Nadia Brenner", "runs", "Corvane Bank")), when="- Covenant:"),
        ScriptedAnswer(fails="output"),
    )
    reader = reader_of(model, cache, ontology_of=lambda workspace_id: "finance")
    assert ModelExtractor(reader, parser=PARSER).extract(chunk_of(OFFICE)).state is ChunkState.EXTRACTED
