"""The model of a process: looked for, tried, overridden, away and back."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from app.domain.models import Band
from app.errors import BackendUnavailableError
from app.services.model_in_use import ModelInUse
from backends.cache.settings import SqlCacheSettings
from backends.cache.sql import SqlCacheStore
from backends.llm.base import LanguageModel
from backends.llm.scripted import ScriptedLanguageModel
from backends.llm.settings import ScriptedAnswer, ScriptedSettings
from backends.lock_files import exclusive
from backends.sql.engine import Database
from backends.sql.migrating import upgrade


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[SqlCacheStore]:
    database = Database(tmp_path / "cache.db", key=None)
    upgrade(database)
    yield SqlCacheStore(SqlCacheSettings(), database=database)
    database.close()


def useless() -> LanguageModel:
    return ScriptedLanguageModel(ScriptedSettings(answers=(ScriptedAnswer(text="no JSON"),)))


def gone() -> LanguageModel:
    return ScriptedLanguageModel(ScriptedSettings(answers=(ScriptedAnswer(fails="unavailable"),)))


def test_without_a_model_rules_read_alone(cache: SqlCacheStore) -> None:
    tried = ModelInUse(lambda: None, cache=cache).settle()
    assert tried.model is None
    assert tried.result.band is Band.RULES_ONLY


def test_a_model_that_answers_no_json_may_do_nothing_and_the_reason_says_so(cache: SqlCacheStore) -> None:
    tried = ModelInUse(useless, cache=cache).settle()
    assert tried.result.band is Band.RULES_ONLY
    assert "JSON" in tried.result.reason


def test_an_administrator_can_override_the_band(cache: SqlCacheStore) -> None:
    tried = ModelInUse(useless, cache=cache, band=Band.RULES_AND_MODEL).settle()
    assert tried.result.band is Band.RULES_AND_MODEL
    assert "administrator" in tried.result.reason


def test_looking_never_waits_for_the_trial(cache: SqlCacheStore) -> None:
    in_use = ModelInUse(useless, cache=cache)
    assert "being tried out" in in_use.look().result.reason
    assert "JSON" in in_use.look(wait_seconds=20).result.reason


def test_two_processes_try_a_model_once_and_one_after_the_other(cache: SqlCacheStore, tmp_path: Path) -> None:
    script = ScriptedSettings(answers=(ScriptedAnswer(text="no JSON at all"),), seconds_per_piece=0.1)
    models = [ScriptedLanguageModel(script) for _ in range(2)]
    first, second = (
        ModelInUse(lambda model=model: model, cache=cache, alone=lambda: exclusive(tmp_path / "lock"))
        for model in models
    )
    trying = [Thread(target=first.settle), Thread(target=second.settle)]
    trying[0].start()
    while not models[0].open_streams:
        assert trying[0].is_alive()
        time.sleep(0.01)
    trying[1].start()
    while trying[1].is_alive():
        assert not models[1].open_streams
        time.sleep(0.01)
    assert second.settle().result == first.settle().result
    assert "JSON" in second.settle().result.reason


def test_a_named_model_that_is_away_stops_the_worker_and_not_the_pages(cache: SqlCacheStore) -> None:
    in_use = ModelInUse(gone, cache=cache)
    with pytest.raises(BackendUnavailableError):
        in_use.settle()
    looked = in_use.look(wait_seconds=20)
    assert (looked.result.band, looked.settled) == (Band.RULES_ONLY, False)
    with pytest.raises(BackendUnavailableError):
        in_use.settle()


def test_a_model_that_pages_missed_is_there_for_the_worker_at_once(cache: SqlCacheStore) -> None:
    now, models = [0.0], [gone(), useless(), gone()]
    in_use = ModelInUse(lambda: models.pop(0), cache=cache, clock=lambda: now[0])
    assert in_use.look(wait_seconds=20).model is None
    assert len(models) == 2
    now[0] = 30.0
    assert in_use.look(wait_seconds=20).model is None
    assert len(models) == 2, "a minute is not over"
    assert in_use.settle().model is not None
    assert in_use.look().model is not None


def test_a_model_that_came_back_is_used_after_a_minute(cache: SqlCacheStore) -> None:
    now = [0.0]
    models = [None, useless()]
    in_use = ModelInUse(lambda: models.pop(0), cache=cache, clock=lambda: now[0])
    assert in_use.settle().model is None
    now[0] = 30.0
    assert in_use.settle().model is None
    now[0] = 61.0
    assert in_use.settle().model is not None
