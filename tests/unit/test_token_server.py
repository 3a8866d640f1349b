"""Tests of the server with a fixed pace that the measurements of indexing use: what it counts must be right."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from app.domain.models import Band, Message
from app.pipeline.model_asking import streaming
from app.pipeline.model_output import FACTS_SCHEMA, read_facts
from app.pipeline.model_reading import facts_messages
from app.pipeline.probe import probe
from backends.llm.openai import OpenAILanguageModel
from backends.llm.settings import OpenAISettings
from tests.bench.token_engine import Engine, Generation, Pace, PrefixCache
from tests.bench.token_process import TokenServer, send_all, token_server
from tests.bench.token_server import MODEL
from tests.unit.model_parts import open_cache

SENTENCES = ["Nadia Brenner founded Corvane Bank.", "Corvane Bank did not sell Merrow Group."]


@pytest.fixture(scope="module")
def server() -> Iterator[TokenServer]:
    with token_server(2, speed=20) as started:
        yield started


@pytest.fixture
def model(server: TokenServer) -> Iterator[OpenAILanguageModel]:
    server.reset()
    opened = OpenAILanguageModel(OpenAISettings(url=server.url, model=MODEL))
    yield opened
    opened.close()


def generation(length: int, *, unread: float = 0.0) -> Generation:
    return Generation(unread, length, told=lambda: None)


def test_a_full_server_writes_at_its_full_rate_and_one_slot_alone_at_its_own() -> None:
    for slots, full in ((8, 400), (64, 2_000)):
        pace = Pace.of(slots)
        assert pace.rate(slots) * slots == pytest.approx(full, rel=0.01)
        assert pace.rate(1) == pytest.approx(60)


def test_slots_limit_and_the_next_in_the_queue_follows_at_the_moment_one_is_free() -> None:
    engine = Engine(Pace(slots=2, alone=10, full=20, prefill=100))
    ones = [generation(length) for length in (10, 20, 30)]
    for one in ones:
        engine.submit(one)
    assert (engine.busy, engine.waiting) == (2, 1)
    engine.advance(1.5)
    assert (ones[0].finished, engine.busy, engine.waiting) == (True, 2, 0)
    engine.advance(4.0 - 1e-3)
    assert not ones[2].finished
    engine.advance(4.0 + 1e-3)
    assert ones[2].finished
    assert engine.busy_seconds == pytest.approx(1 + 2 + 3)


def test_prompts_are_read_one_after_another_and_slow_what_is_written() -> None:
    engine = Engine(Pace(slots=3, alone=10, full=30, prefill=100))
    first, *others = (generation(10), generation(10, unread=50), generation(10, unread=50))
    engine.submit(first)
    engine.advance(0.0)
    for one in others:
        engine.submit(one)
    engine.advance(1.0)
    assert [one.writing for one in others] == [True, True]
    assert not first.finished
    engine.advance(1.0 + 0.3 + 1e-3)
    assert first.finished


def test_what_is_broken_off_frees_its_slot_at_once() -> None:
    engine = Engine(Pace(slots=1, alone=10, full=10, prefill=100))
    left, next_one = generation(100), generation(10)
    engine.submit(left)
    engine.submit(next_one)
    engine.advance(2.0)
    engine.cancel(left)
    engine.advance(3.0 + 1e-3)
    assert (left.written, left.finished, next_one.finished) == (20, False, True)


def test_the_prefix_cache_knows_beginnings_alone() -> None:
    cache = PrefixCache()
    text = "".join(f"Sentence number {number}. " for number in range(100))
    assert cache.add(text) == 0
    assert cache.add(text) > 0.9
    assert 0.4 < cache.add(text[: len(text) // 2] + "z" * (len(text) // 2)) < 0.6
    assert cache.add("z" + text) == 0


def test_counts_are_those_of_the_answers(server: TokenServer) -> None:
    server.reset()
    asked = [{"role": one.role, "content": one.text} for one in facts_messages(SENTENCES, ontology="general")]
    answers = [json.loads(one) for one in send_all(server.url, [{"messages": asked}] * 5)]
    counts = server.counts()
    assert (counts["started"], counts["finished"], counts["cancelled"]) == (5, 5, 0)
    assert counts["completion_tokens"] == sum(one["usage"]["completion_tokens"] for one in answers)
    assert counts["prompt_tokens"] == sum(one["usage"]["prompt_tokens"] for one in answers)
    assert (counts["most_running"], counts["most_waiting"]) == (2, 3)
    assert counts["kinds"] == {"facts": 5}
    assert len(server.recorded()) == 5
    facts, malformed = read_facts(answers[0]["choices"][0]["message"]["content"])
    assert not malformed
    assert [(fact.subject, fact.object, fact.status) for fact in facts] == [
        ("Nadia Brenner", "Corvane Bank", "affirmed"),
        ("Corvane Bank", "Merrow Group", "negated"),
    ]


def test_a_streamed_answer_is_the_same(server: TokenServer, model: OpenAILanguageModel) -> None:
    messages = facts_messages(SENTENCES, ontology="general")
    pieces = list(model.stream(messages, max_tokens=500, schema=FACTS_SCHEMA))
    asked = [{"role": one.role, "content": one.text} for one in messages]
    whole = json.loads(send_all(server.url, [{"messages": asked}])[0])
    assert "".join(piece.text for piece in pieces) == whole["choices"][0]["message"]["content"]
    assert pieces[-1].finish == "stop"
    assert server.counts()["completion_tokens"] == 2 * whole["usage"]["completion_tokens"]


def test_an_answer_is_cut_where_its_room_ends(server: TokenServer, model: OpenAILanguageModel) -> None:
    pieces = list(model.stream(facts_messages(SENTENCES, ontology="general"), max_tokens=10))
    assert pieces[-1].finish == "length"
    assert server.counts()["completion_tokens"] == 10


def test_who_goes_away_frees_the_slot(server: TokenServer, model: OpenAILanguageModel) -> None:
    long = facts_messages([f"Nadia Brenner saw Corvane Bank{number}." for number in range(500)], ontology="general")
    with ThreadPoolExecutor(2) as threads:

        def leave(_: int) -> None:
            with streaming(model.stream(long, max_tokens=5_000)) as pieces:
                next(pieces)

        list(threads.map(leave, range(2)))
    until = time.monotonic() + 5
    while server.counts()["running"] and time.monotonic() < until:
        time.sleep(0.01)
    counts = server.counts()
    assert (counts["running"], counts["cancelled"], counts["finished"]) == (0, 2, 0)
    assert 0 < counts["cancelled_tokens"] < 10_000


def test_the_product_finds_a_model_that_leads(
    model: OpenAILanguageModel, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with open_cache(tmp_path_factory.mktemp("cache")) as cache:
        assert probe(model, cache=cache).band is Band.MODEL_LED


def test_a_prompt_over_the_window_is_refused(server: TokenServer) -> None:
    body = {"messages": [{"role": "user", "content": "word " * 40_000}]}
    answer = httpx.post(f"{server.url}/chat/completions", json=body, trust_env=False, timeout=60)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input_tokens")


def test_an_answer_of_ours_cites_what_it_was_shown(model: OpenAILanguageModel) -> None:
    asked = Message("user", "Passages:\n\n[1] Bank\nNadia Brenner founded Corvane Bank. More.\n\nQuestion: Who?")
    text = "".join(piece.text for piece in model.stream([asked], max_tokens=100))
    assert text == "Nadia Brenner founded Corvane Bank [1]."
