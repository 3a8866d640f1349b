"""A pronoun takes the last subject that fits, marked as such, and nothing cleverer."""

import pytest

from tests.unit.model_parts import chunk_of
from tests.unit.rules_parts import read_chunk


def read(*sentences: str) -> list[tuple[str, str]]:
    triples = read_chunk(chunk_of(*sentences)).triples
    return [(triple.subject.casefold(), triple.object.casefold()) for triple in triples]


def test_it_is_the_last_thing_and_she_the_last_person() -> None:
    assert ("warfarin", "bleeding") in read("Warfarin works within days.", "It causes bleeding.")
    found = read("The patient received warfarin.", "She takes amiodarone every day.")
    assert ("patient", "amiodarone") in found
    assert ("warfarin", "amiodarone") not in found


def test_a_pronoun_without_an_antecedent_makes_no_fact() -> None:
    assert not [pair for pair in read("It interacts with amiodarone.") if "it" in pair]
    assert not [pair for pair in read("They interact with digoxin.") if "they" in pair]


def test_a_thing_is_not_taken_for_a_person() -> None:
    found = read("Warfarin increases the risk of bleeding.", "She takes amiodarone.")
    assert ("warfarin", "amiodarone") not in found


def test_the_company_is_the_only_organisation_named() -> None:
    assert ("ardenfell foods plc", "milk") in read("Ardenfell Foods plc makes cheese.", "The company sells milk.")
    both = read("Ardenfell Foods plc sued Tolvane Holdings Ltd.", "The company sells milk.")
    assert not [subject for subject, object_ in both if object_ == "milk"]


@pytest.mark.parametrize("role", ["customer", "client", "issuer"])
def test_a_role_is_not_whoever_was_named(role: str) -> None:
    found = read("Northgate Bank approved the loan.", f"The {role} asked for a waiver.")
    assert ("northgate bank", "loan") in found
    assert not [pair for pair in found if pair[1] == "waiver"]


@pytest.mark.parametrize("pair", ["The hospital and the clinic", "Omar Quist and Northgate Bank"])
def test_they_are_not_one_of_a_pair(pair: str) -> None:
    assert not read(f"{pair} said that they hold shares.")


def test_they_can_be_one_organisation() -> None:
    assert ("northgate bank", "shares") in read("Northgate Bank said that they hold shares.")
