"""Tests of what the probe lets a model do, with scripted models."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.models import Band
from app.errors import BackendUnavailableError
from app.pipeline.choosing import choose_extractor, choose_writer
from app.pipeline.combined_extraction import RulesAndModelExtractor
from app.pipeline.model_extraction import ModelExtractor
from app.pipeline.parsing import SentenceParser
from app.pipeline.probe import GOLD_PAIRS, NO_MODEL, override_band, probe
from app.pipeline.probe_items import PROBE_ITEMS
from app.pipeline.rules import RulesExtractor
from backends.cache.sql import SqlCacheStore
from backends.embeddings.hashing import HashingEmbedder
from backends.embeddings.settings import HashingEmbedderSettings
from backends.llm.scripted import ScriptedLanguageModel
from backends.llm.settings import ScriptedAnswer
from tests.unit.meaning_parts import MEANING
from tests.unit.model_parts import fact, facts, open_cache, scripted

PARSER = SentenceParser()
OWNED, TREATED, DENIED, SOLD, EMPTY = (f"1. {item.sentences[0]}" for item in PROBE_ITEMS)
PERFECT: dict[str, Any] = {
    OWNED: facts(
        fact(1, "Harwick Analytics", "was founded by", "Nadia Brenner"),
        fact(1, "Harwick Analytics", "was founded in", "2009"),
        fact(1, "Tessmer Holdings", "owns", "Harwick Analytics"),
    ),
    TREATED: facts(
        fact(1, "Dr. Ilona Vasari", "treats", "Peter Lindqvist"),
        fact(2, "He", "takes", "apixaban"),
        fact(2, "apixaban", "for", "atrial fibrillation"),
    ),
    DENIED: facts(fact(1, "Zelotrine", "interact with", "warfarin", "negated")),
    SOLD: facts(
        fact(1, "Corvane Bank", "sold", "leasing unit"),
        fact(1, "Ostby Capital", "had financed", "leasing unit"),
        fact(1, "leasing unit", "sold to", "Merrow Group"),
    ),
    EMPTY: facts(),
}
CONFUSED = facts(fact(1, "Zelotrine", "interacts with", "warfarin"))
INVENTED = facts(fact(1, "Quillbrook Instruments", "was bought by", "Tarnmoor Holdings"))


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[SqlCacheStore]:
    with open_cache(tmp_path) as opened:
        yield opened


def model_with(**settings: Any) -> ScriptedLanguageModel:
    return answering(PERFECT, **settings)


def answering(answers: dict[str, Any], **settings: Any) -> ScriptedLanguageModel:
    return scripted(*(ScriptedAnswer(text=text, when=when) for when, text in answers.items()), **settings)


def test_the_items_hold_ten_pairs() -> None:
    assert GOLD_PAIRS == 10
    assert [item for item in PROBE_ITEMS if not item.pairs] == [PROBE_ITEMS[-1]]


def test_a_model_without_fault_leads(cache: SqlCacheStore) -> None:
    result = probe(model_with(), cache=cache)
    assert (result.band, result.gold_pairs, result.verbatim) == (Band.MODEL_LED, 10, 1.0)
    assert result.negation_kept and result.empty_item_empty and result.valid_json
    assert result.reason == "It found 10 of 10 facts and copied 100% of the words; it reads first."


@pytest.mark.parametrize(
    ("changes", "band", "words"),
    [
        ({DENIED: CONFUSED}, Band.RULES_AND_MODEL, "lost a negation"),
        ({EMPTY: INVENTED}, Band.RULES_AND_MODEL, "made up a fact"),
        ({SOLD: facts()}, Band.RULES_AND_MODEL, "7 of 10"),
        ({SOLD: facts(), DENIED: facts()}, Band.RULES_ONLY, "6 of 10"),
        ({EMPTY: facts(*INVENTED["facts"] * 3)}, Band.RULES_ONLY, "copied 77%"),
        ({EMPTY: "There are none."}, Band.RULES_ONLY, "no readable JSON"),
        ({OWNED: facts(*PERFECT[OWNED]["facts"], {"odd": 1})}, Band.RULES_ONLY, "no readable JSON"),
    ],
)
def test_faults_lower_the_band(cache: SqlCacheStore, changes: dict[str, Any], band: Band, words: str) -> None:
    result = probe(answering(PERFECT | changes), cache=cache)
    assert result.band is band
    assert words in result.reason


def test_a_slow_model_is_left_out_and_its_call_ended(cache: SqlCacheStore) -> None:
    times = iter(range(0, 10_000, 2))
    model = model_with()
    result = probe(model, cache=cache, limit_seconds=60, clock=lambda: float(next(times)))
    assert result.band is Band.RULES_ONLY
    assert "more than 60 seconds" in result.reason
    assert model.open_streams == 0


def test_a_result_is_kept_until_the_model_changes(cache: SqlCacheStore) -> None:
    first = probe(model_with(), cache=cache)
    away = scripted(
        *(ScriptedAnswer(text=text, when=when) for when, text in PERFECT.items()), ScriptedAnswer(fails="unavailable")
    )
    assert probe(model_with(), cache=cache) == first
    assert probe(away, cache=cache).model != first.model
    with pytest.raises(BackendUnavailableError):
        probe(scripted(ScriptedAnswer(fails="unavailable")), cache=cache)


def test_an_administrator_may_set_the_band_with_a_reason(cache: SqlCacheStore) -> None:
    result = override_band(probe(model_with(), cache=cache), Band.RULES_ONLY, reason="Not released by the ward.")
    assert result.band is Band.RULES_ONLY
    assert "Not released by the ward." in result.reason


def test_the_band_chooses_who_reads_and_who_writes(cache: SqlCacheStore) -> None:
    model = model_with()
    result = probe(model, cache=cache)
    embedder = HashingEmbedder(HashingEmbedderSettings())
    expected = {
        Band.MODEL_LED: (ModelExtractor, True),
        Band.RULES_AND_MODEL: (RulesAndModelExtractor, True),
        Band.RULES_ONLY: (RulesExtractor, False),
    }
    for band, (kind, writes) in expected.items():
        set_to = override_band(result, band, reason="Test.")
        assert type(choose_extractor(set_to, model=model, parser=PARSER, meaning=MEANING, cache=cache)) is kind
        assert (choose_writer([(set_to, model)], parser=PARSER, embedder=embedder) is not None) is writes
    assert type(choose_extractor(NO_MODEL, model=model, parser=PARSER, meaning=MEANING, cache=cache)) is RulesExtractor
    assert choose_writer([(result, None)], parser=PARSER, embedder=embedder) is None
