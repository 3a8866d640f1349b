"""Tests how facts are stated: a denial, a doubt, a plan or a relative's illness is never a plain fact."""

import pytest

from app.domain.documents import Span
from app.domain.graph import Assertion
from app.pipeline.polarity import polarity_of
from tests.unit.rules_parts import PARSER, said, statuses


@pytest.mark.parametrize(
    ("text", "object_"),
    [
        ("Ardenfell Foods plc has no link to Hugo Kestrane.", "Hugo Kestrane"),
        ("Norvik Freight AS has no office in Iran.", "Iran"),
        ("Ardenfell Foods plc has no business in Syria.", "Syria"),
        ("The screening found no match for Hanne Oxbury.", "Hanne Oxbury"),
        ("The review found no proof of a link to Hugo Kestrane.", "Hugo Kestrane"),
        ("The review found no company owned by Hugo Kestrane.", "company"),
        ("Marisol Tennant has no history of stroke.", "stroke"),
        ("Tolvane Holdings SA holds no shares in Ardenfell Foods plc.", "Ardenfell Foods plc"),
        ("Ardenfell Foods plc has neither an office nor a branch in Iran.", "Iran"),
        ("Neither Ardenfell Foods nor Brackwater Shipping has a link to Hugo Kestrane.", "Hugo Kestrane"),
        ("Harlan Voss does not smoke or drink alcohol.", "alcohol"),
        ("Metformin does not interact with warfarin and digoxin.", "digoxin"),
        ("Tolvane Holdings SA no longer owns Marlisle Trading FZE.", "Marlisle Trading FZE"),
        ("No director of Ardenfell Foods controls Tolvane Holdings SA.", "Tolvane Holdings SA"),
        ("Amiodarone was given without heparin.", "heparin"),
        ("The scan ruled out pulmonary embolism.", "pulmonary embolism"),
        ("The biopsy was negative for malignancy.", "malignancy"),
        ("Hugo Kestrane denies any control of Marlisle Trading FZE.", "control"),
        ("The borrower failed to pay the interest.", "interest"),
        ("There is no evidence that Hugo Kestrane controls Ardenfell Foods plc.", "Ardenfell Foods plc"),
        ("It is not true that Hugo Kestrane controls Ardenfell Foods plc.", "Ardenfell Foods plc"),
        ("Ardenfell Foods plc is neither owned nor controlled by Hugo Kestrane.", "Ardenfell Foods plc"),
        ("Ardenfell Foods plc is unrelated to Tolvane Holdings SA.", "Tolvane Holdings SA"),
        ("Hugo Kestrane said he does not control Marlisle Trading FZE.", "Marlisle Trading FZE"),
        ("The Petrel Star was not on charter to Marlisle Trading FZE.", "Marlisle Trading FZE"),
        ("Harlan Voss has no fever, cough or weight loss.", "weight loss"),
        ("Helen Faircloth tested negative for BRCA1.", "BRCA1"),
        ("Helen Faircloth has no family history of glaucoma.", "glaucoma"),
    ],
)
def test_what_is_denied_is_nowhere_a_plain_fact(text: str, object_: str) -> None:
    assert statuses(text, object_) == {"negated"}


@pytest.mark.parametrize(
    ("text", "object_"),
    [
        ("Harlan Voss does not smoke and drinks one glass of wine.", "wine"),
        ("Oswin Carrick denies chest pain and takes metformin.", "metformin"),
        ("The review found that Ardenfell has no ties to Kestrane and buys fish from Norvik.", "fish"),
        ("The patient has hypertension but no diabetes.", "hypertension"),
        ("Harlan Voss never took warfarin but takes aspirin.", "aspirin"),
        ("Leverage declined to 3.2 times.", "3.2 times"),
        ("Hugo Kestrane appears on the Consolidated Sanctions List.", "Consolidated Sanctions List"),
        ("Anton Kestrane is the brother of Hugo Kestrane.", "Hugo Kestrane"),
        ("Marisol Tennant lives with her husband.", "husband"),
        ("The payment came from Marlisle Trading FZE, not from Quillmark Marine Ltd.", "Marlisle Trading FZE"),
    ],
)
def test_a_denial_or_doubt_does_not_reach_what_it_is_not_said_of(text: str, object_: str) -> None:
    assert statuses(text, object_) == {"affirmed"}


@pytest.mark.parametrize(
    ("text", "relation", "object_"),
    [
        ("Oswin Carrick stopped metformin on 3 June 2026.", "stopped", "metformin"),
        ("Metformin was stopped on 3 June 2026.", "was stopped on", "3 June 2026"),
        ("Oswin Carrick stopped taking metformin.", "stopped taking", "metformin"),
    ],
)
def test_a_stop_is_an_event(text: str, relation: str, object_: str) -> None:
    assert ("affirmed", relation, object_) in {(status, words, other) for status, _, words, other in said(text)}


def test_what_was_stopped_is_no_more_for_a_relation_that_leaves_the_stop_out() -> None:
    text = "Oswin Carrick stopped taking metformin."
    (parsed,) = PARSER.parse([text])
    subject, metformin = Span(0, 13), Span(text.index("metformin"), text.index("."))
    assert polarity_of(parsed, subject, metformin, relation="takes") is Assertion.NEGATED
    assert polarity_of(parsed, subject, metformin, relation="stopped taking") is Assertion.AFFIRMED


@pytest.mark.parametrize(
    ("text", "object_"),
    [
        ("Harlan Voss may have lung cancer.", "lung cancer"),
        ("Hugo Kestrane appears to control Tolvane Holdings SA.", "Tolvane Holdings SA"),
        ("It appears that Hugo Kestrane controls Tolvane Holdings SA.", "Tolvane Holdings SA"),
        ("The bank suspects that Hugo Kestrane controls Marlisle Trading FZE.", "Marlisle Trading FZE"),
        ("The deposit is frozen if Hugo Kestrane owns Tolvane Holdings SA.", "Tolvane Holdings SA"),
        ("The physician cannot exclude lung cancer.", "lung cancer"),
        ("Brackwater Shipping Ltd may sell the Petrel Dawn to repay the loan.", "loan"),
        ("The oncologist withholds trastuzumab when the ejection fraction falls below the limit.", "limit"),
        ("Marisol Tennant is being investigated for lung cancer.", "lung cancer"),
        ("The rule matters when the clearance of Omar Quist is below 45.", "45"),
        ("The lender may cancel the commitment, declare the loan due, and enforce the security.", "security"),
        ("Prostanoids may, via release of tachykinins, contribute to hyperactivity.", "hyperactivity"),
        ("There is some indication that Omar Quist controls Marlisle Trading FZE.", "Marlisle Trading FZE"),
    ],
)
def test_what_is_not_established_is_possible(text: str, object_: str) -> None:
    assert statuses(text, object_) == {"possible"}


@pytest.mark.parametrize(
    ("text", "object_"),
    [
        ("Ardenfell Foods plc will sell Lowick Logistics Ltd.", "Lowick Logistics Ltd"),
        ("Ardenfell Foods plc plans to sell Lowick Logistics Ltd.", "Lowick Logistics Ltd"),
        ("Brackwater Shipping Ltd sold the Petrel Dawn to repay the loan.", "loan"),
        ("Ardenfell Foods plc intends to sell Lowick Logistics Ltd.", "Lowick Logistics Ltd"),
    ],
)
def test_what_is_intended_is_planned(text: str, object_: str) -> None:
    assert statuses(text, object_) == {"planned"}


@pytest.mark.parametrize(
    ("text", "object_"),
    [
        ("Her mother had breast cancer.", "breast cancer"),
        ("His wife had a stroke.", "stroke"),
        ("His son and his daughter have asthma.", "asthma"),
        ("Marisol Tennant's father had a stroke at the age of 71.", "stroke"),
        ("Harlan Voss's uncle died of lung cancer.", "lung cancer"),
        ("The patient's parents had hypertension.", "hypertension"),
        ("Her mother, aunt and grandmother had breast cancer.", "breast cancer"),
        ("The grandfather of the patient had diabetes.", "diabetes"),
        ("Helen Faircloth has a strong family history of ovarian cancer.", "ovarian cancer"),
        ("Helen Faircloth has a history of ovarian cancer in her sister.", "ovarian cancer"),
    ],
)
def test_what_a_relative_has_is_of_the_family(text: str, object_: str) -> None:
    assert statuses(text, object_) == {"family"}


def test_what_stands_under_the_heading_family_history_is_of_the_family() -> None:
    assert statuses("Marisol Tennant has three cousins with asthma.", "asthma", topic="Letter / Family history") == {
        "family"
    }
    assert statuses("Family history: Marisol Tennant has three cousins with asthma.", "asthma") == {"family"}


def test_what_must_be_done_is_not_said_to_be_done() -> None:
    assert ("affirmed", "bank", "must freeze", "deposit") in said("The bank must freeze the deposit.")
    assert statuses("Patients should not take ibuprofen.", "ibuprofen") == {"negated"}


@pytest.mark.parametrize(
    ("text", "object_"),
    [
        ("Mannitol may leak through the barrier, promoting swelling of tissue.", "swelling of tissue"),
        ("We act to create a society where laughter is shared among citizens.", "citizens"),
    ],
)
def test_what_follows_from_something_possible_is_possible(text: str, object_: str) -> None:
    assert statuses(text, object_) == {"possible"}


@pytest.mark.parametrize(
    ("text", "status", "object_"),
    [
        ("Penicillin marks a milestone in the history of medicine.", "affirmed", "medicine"),
        ("The patient asked about a second opinion; the nurse will call Omar Quist.", "affirmed", "second opinion"),
        ("Omar Quist was assessed in Hull for 33 days.", "affirmed", "Hull"),
        ("Senet is a game of chance and strategy.", "affirmed", "strategy"),
    ],
)
def test_words_that_doubt_or_date_elsewhere_do_not_here(text: str, status: str, object_: str) -> None:
    assert statuses(text, object_) == {status}


def test_a_history_of_an_illness_is_past() -> None:
    assert ("historical", "Helen Faircloth", "has history of", "gout") in said("Helen Faircloth has a history of gout.")


def test_a_denial_by_without_is_worded_once() -> None:
    assert ("negated", "Cash", "is lent with", "fees") in said("Cash is lent without fees.")
    assert not said("The clinic cannot run without nurses.")


def test_a_doubt_beside_a_fact_is_none_of_it() -> None:
    assert statuses("Ann Lee won four titles and is considered a great player.", "four titles") == {"affirmed"}
