"""Tests of reading a model's answer: small slips are repaired, nothing else is."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.graph import Assertion
from app.errors import ModelOutputError
from app.pipeline.model_output import ModelFact, read_facts, read_json
from tests.unit.model_parts import fact, facts

ANSWER = facts(fact(1, "Alpha", "owns", "Beta"), fact(2, "Beta, Ltd. {x}", 'said "hi"', "Gamma", "possible"))


@pytest.mark.parametrize(
    "slip",
    [
        lambda text: text,
        lambda text: f"Here are the facts:\n```json\n{text}\n```\nI hope that this helps.",
        lambda text: text.replace("}]", "},]"),
        lambda text: text[:-1],
        lambda text: text[:-2],
        lambda text: text[:-3],
        lambda text: text.replace("}, {", "} {"),
        lambda text: text.replace('", "relation"', '" "relation"'),
        lambda text: text.replace("}]}", "}}"),
        lambda text: text.replace("said", "said\n"),
    ],
    ids=["none", "fence", "comma", "brace", "bracket", "item", "items", "members", "mismatch", "newline"],
)
def test_a_small_slip_of_json_is_repaired(slip: object) -> None:
    read, malformed = read_facts(slip(json.dumps(ANSWER)))  # type: ignore[operator]
    assert malformed == 0
    assert [(one.sentence, one.subject, one.object, one.status) for one in read] == [
        (1, "Alpha", "Beta", Assertion.AFFIRMED),
        (2, "Beta, Ltd. {x}", "Gamma", Assertion.POSSIBLE),
    ]


@pytest.mark.parametrize(
    "text", ["", "There are no facts.", '{"facts": [{"subject": "Al', '{"facts": "none"}', "[" * 99_999]
)
def test_what_cannot_be_repaired_is_an_error_and_not_an_empty_answer(text: str) -> None:
    with pytest.raises(ModelOutputError):
        read_facts(text)


def test_an_empty_list_is_an_answer() -> None:
    assert read_facts('{"facts": []}') == ([], 0)


@pytest.mark.parametrize(
    "item",
    [
        {"sentence": 1, "subject": "A", "relation": "r", "object": "B"},
        fact(1, "A", "r", "B", "denied"),
        {**fact(1, "A", "r", "B"), "sentence": "first"},
        {**fact(1, "A", "r", "B"), "sentence": True},
        {**fact(1, "A", "r", "B"), "object": None},
        "A owns B",
    ],
)
def test_an_item_in_another_form_is_counted_and_left_out(item: object) -> None:
    assert read_facts(json.dumps({"facts": [item, fact(1, "C", "owns", "D")]})) == (
        [ModelFact(1, "C", "owns", "D", Assertion.AFFIRMED)],
        1,
    )


def test_an_answer_without_any_readable_item_is_an_error() -> None:
    with pytest.raises(ModelOutputError):
        read_facts(json.dumps({"facts": [{"fact": "A owns B"}]}))


def test_a_negation_in_the_relation_becomes_the_status() -> None:
    read, _ = read_facts(json.dumps(facts(fact(1, "A", "does not interact with", "B"), fact(1, "A", "isn't in", "C"))))
    assert [(one.relation, one.status) for one in read] == [
        ("interact with", Assertion.NEGATED),
        ("is in", Assertion.NEGATED),
    ]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_whole_json_is_read_as_it_is(value: object) -> None:
    assert read_json(json.dumps([value])) == [value]


@given(st.text(alphabet='{}[]",:1a \\'))
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    with suppress(ModelOutputError):
        read_facts(text)
