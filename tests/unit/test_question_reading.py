"""Tests what is read from a question: its verb, what it asks for, and nouns that only stand for that."""

import pytest

from app.pipeline.question_reading import ReadQuestion, read_question
from tests.unit.rules_parts import PARSER


def _read(question: str) -> ReadQuestion:
    (document,) = PARSER.parse([question])
    return read_question(document)


def test_the_main_verb_is_what_the_facts_must_say() -> None:
    assert _read("What drugs interact with warfarin?").predicate == ("interact",)
    assert _read("Does Hugo Kestrane own Ardenfell Foods plc?").predicate == ("own",)
    assert _read("Who is the insurer of Oswin Carrick?").predicate == ()


def test_where_the_verb_says_nothing_the_noun_is_asked_for() -> None:
    assert _read("What blood group does Marisol Tennant have?").target == ("blood", "group")
    assert _read("What is the salary of Hanne Oxbury?").target == ("salari",)
    assert _read("Who guarantees Brackwater Shipping Ltd?").target == ()


def test_nouns_that_stand_for_what_is_asked_are_no_entities_of_the_question() -> None:
    assert "medicine" in _read("Which medicine interacts with warfarin?").placeholders
    assert "company" in _read("Who owns the company that paid Brackwater Shipping Ltd?").placeholders


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("Why did the INR rise?", "why"),
        ("May Harlan Voss take metformin?", "may"),
        ("What is the eGFR of Harlan Voss, and may he take metformin?", "may"),
        ("Does Harlan Voss take metformin?", ""),
        ("When did Ardenfell acquire Pellmoor?", "when"),
    ],
)
def test_reasons_and_permissions_are_told_from_facts(question: str, asks: str) -> None:
    assert _read(question).asks == asks


@pytest.mark.parametrize(
    ("question", "only"),
    [
        ("Which bank insures the vessel Petrel Star?", True),
        ("Who treats Marisol Tennant?", True),
        ("Who is the insurer of Oswin Carrick?", False),
        ("Who guarantees the loan of Brackwater Shipping Ltd?", False),
        ("Does Fenwold Bank insure the Petrel Star?", False),
        ("Which customer may leave the company that guarantees Ardenfell Foods plc?", False),
    ],
)
def test_a_question_may_say_nothing_but_its_verb_of_the_names(question: str, only: bool) -> None:
    assert _read(question).says_only_predicate == only
