"""Names of medicines, their doses, and what is said of them in prose."""

import pytest

from app.pipeline.medicines import find_doses, is_medicine
from tests.unit.rules_parts import facts, said


@pytest.mark.parametrize(
    "word",
    (
        "apixaban bisoprolol atorvastatin omeprazole ramipril Amiodarone furosemide metformin clarithromycin "
        "trastuzumab amoxicillin prednisolone warfarin lorazepam diazepam venlafaxine empagliflozin"
    ).split(),
)
def test_medicines_are_known_by_their_stems(word: str) -> None:
    assert is_medicine(word)


@pytest.mark.parametrize(
    "word",
    (
        "April Caine cholesterol magazine machine alone someone phone insulinoma concept determine outside suicide "
        "vaccine engine toxin zone control prim statin"
    ).split(),
)
def test_other_words_are_none(word: str) -> None:
    assert not is_medicine(word)


@pytest.mark.parametrize(
    ("text", "doses"),
    [
        ("takes apixaban 5 mg twice daily and rests", ["5 mg twice daily"]),
        ("bisoprolol 2.5 mg, atorvastatin 40 mg at night", ["2.5 mg", "40 mg at night"]),
        ("methotrexate 7.5-10 mg weekly, paracetamol 1 g as needed", ["7.5-10 mg weekly", "1 g as needed"]),
        ("trastuzumab 6 mg/kg every three weeks", ["6 mg/kg every three weeks"]),
        ("gentamicin 80 mg every 8 hours", ["80 mg every 8 hours"]),
        ("a dose of 5 mg twice daily, apixaban on day 2", []),
        ("warfarin 3 months later, amiodarone in 2025", []),
        ("morphine 10 mg/5 ml, remifentanil 0.1 mcg/kg/min", ["10 mg/5 ml", "0.1 mcg/kg/min"]),
        ("vancomycin 15 mg/L and lithium 0.8 mmol/L", ["15 mg/L", "0.8 mmol/L"]),
        ("paracetamol 1 g/6h, apixaban 5 mg/sachet", ["1 g/6h"]),
    ],
)
def test_the_dose_is_what_follows_a_medicine_at_once(text: str, doses: list[str]) -> None:
    assert [text[dose.start : dose.end] for _, dose in find_doses(text)] == doses


def test_every_medicine_of_a_list_is_taken_with_its_dose() -> None:
    found = facts(
        "On discharge Leonie Stroud takes apixaban 5 mg twice daily, bisoprolol 2.5 mg and atorvastatin 40 mg."
    )
    for name, dose in (("apixaban", "5 mg twice daily"), ("bisoprolol", "2.5 mg"), ("atorvastatin", "40 mg")):
        assert ("Leonie Stroud", "takes", name) in found
        assert ("Leonie Stroud", f"takes {name}", dose) in found


def test_a_list_without_doses_is_read_too() -> None:
    found = facts("Leonie Stroud takes apixaban, bisoprolol, atorvastatin, omeprazole and paracetamol.")
    names = {"apixaban", "bisoprolol", "atorvastatin", "omeprazole", "paracetamol"}
    assert {object_ for _, relation, object_ in found if relation == "takes"} == names


def test_a_medicine_that_was_not_given_is_denied_with_its_dose() -> None:
    found = said("Marisol Tennant was not given amiodarone 200 mg.")
    assert {status for status, *_ in found} == {"negated"}
    assert {object_ for *_, object_ in found} == {"amiodarone", "200 mg"}


def test_a_dose_that_stands_for_itself_stays_in_the_parse() -> None:
    assert ("warfarin dose", "was left unchanged at", "5 mg") in facts("The warfarin dose was left unchanged at 5 mg.")


def test_a_dose_behind_the_end_of_a_line_is_the_same() -> None:
    found = facts("Harlan Voss was discharged on furosemide\n40 mg daily.")
    assert ("Harlan Voss", "was discharged on furosemide", "40 mg daily") in found


def test_what_is_replaced_and_what_replaces_it_keep_their_own_doses() -> None:
    found = facts("Warfarin 3 mg was replaced by apixaban 5 mg twice daily.")
    assert found == {("apixaban 5 mg twice daily", "replaced", "Warfarin 3 mg")}


def test_a_subject_keeps_its_dose() -> None:
    assert facts("Bisoprolol 2.5 mg caused bradycardia.") == {("Bisoprolol 2.5 mg", "caused", "bradycardia")}
