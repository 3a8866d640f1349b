"""Tests what the rules read, and what they leave alone: ambiguous pronouns, labels, signatures, list marks."""

import pytest

from tests.unit.rules_parts import PARSER, read_text, said


def _facts(text: str) -> set[tuple[str, str, str]]:
    return {fact[1:] for fact in said(text)}


@pytest.mark.parametrize(
    "text",
    [
        "Dr Ilse Marrow saw Marisol Tennant and she increased the dose of warfarin.",
        "Dr Ilse Marrow admitted Marisol Tennant. She takes warfarin.",
        "Marisol Tennant has hypertension. Dr Imre Sallow started amiodarone. She takes warfarin.",
        "Marisol Tennant has hypertension. Her father had a stroke. He takes warfarin.",
        "Amiodarone inhibits CYP2C9 and it raises the level of warfarin.",
        "Fenwold Bank froze the deposit. It holds warfarin.",
    ],
)
def test_a_pronoun_that_can_mean_two_is_resolved_to_neither(text: str) -> None:
    subjects = {subject for subject, relation, object_ in _facts(text) if "warfarin" in f"{relation} {object_}"}
    assert not subjects


@pytest.mark.parametrize(
    "text",
    [
        "Marisol Tennant has hypertension. She takes warfarin.",
        "Marisol Tennant said that she takes warfarin.",
    ],
)
def test_a_pronoun_that_can_mean_one_is_resolved_to_that_one(text: str) -> None:
    assert ("Marisol Tennant", "takes", "warfarin") in _facts(text)


@pytest.mark.parametrize("mark", ["•", "-", "*", "▪"])
def test_a_list_mark_is_no_part_of_a_name(mark: str) -> None:
    extraction = read_text(f"{mark} Tolvane Holdings SA guarantees Brackwater Shipping Ltd.")
    assert {fact.subject for fact in extraction.triples} == {"Tolvane Holdings SA"}
    assert not [found.text for found in extraction.entities if not found.text[0].isalpha()]


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("The trough level was 22 ng/mL. Clarithromycin interacts with tacrolimus.", "Clarithromycin"),
        ("The dose is 5 mg. Warfarin was stopped.", "Warfarin"),
        ("Leverage was 4.1 times. Ardenfell Foods owns Lowick Logistics Ltd.", "Ardenfell"),
        ("The eGFR was 28 mL/min/1.73 m². Metformin was stopped.", "Metformin"),
    ],
)
def test_a_sentence_ends_behind_a_unit(text: str, second: str) -> None:
    sentences = [text[span.start : span.end] for span in PARSER.split(text)]
    assert len(sentences) == 2
    assert sentences[1].startswith(second)


def test_the_head_of_an_e_mail_holds_no_facts() -> None:
    head = (
        "From: Joel Winstanley <joel.winstanley@thornmere.example>\n"
        "To: Dr Edwin Pascoe <edwin.pascoe@lanternstreet.example>\n"
        "Date: Thu, 18 Jun 2026 09:14:00 +0100"
    )
    extraction = read_text(head)
    assert not extraction.triples
    assert not [found.text for found in extraction.entities if "@" in found.text]


def test_a_signature_holds_no_facts() -> None:
    assert not _facts(
        "Joel Winstanley\nLead anticoagulation pharmacist, Thornmere Anticoagulation Clinic\nExtension 4417"
    )


def test_labels_with_values_are_not_read_as_prose_and_a_sentence_behind_a_label_is() -> None:
    text = (
        "alert status: open\npayment payer: Marlisle Trading FZE\nanalyst name: Bruno Felsted\n"
        "analyst note: Anton Kestrane owns Marlisle Trading FZE. The payment may be a loan from a related party."
    )
    assert said(text) >= {("affirmed", "Anton Kestrane", "owns", "Marlisle Trading FZE")}
    assert {subject for _, subject, _, _ in said(text)} <= {"Anton Kestrane", "payment"}


def test_wrapped_prose_is_not_cut_at_its_line_breaks() -> None:
    text = (
        "The group structure that the client sent us in August says otherwise: Hugo Kestrane owns\n"
        "62 per cent of Tolvane Holdings SA. We must find out why the note of the analyst, which\n"
        "Fenwold Bank holds, says 48 per cent."
    )
    assert len(PARSER.split(text)) == 2


def test_a_joined_verb_with_a_subject_of_its_own_is_not_said_of_the_first_subject() -> None:
    facts = _facts("Amiodarone inhibits CYP2C9 and clarithromycin raises the INR.")
    assert ("Amiodarone", "inhibits", "INR") not in facts


@pytest.mark.parametrize(
    "text",
    [
        "Is the acquisition facility part of the leverage?",
        "CG-041 v6, approved 12 January 2026 Page 5 of 8",
        "Pulmonary embolism, unprovoked 2.5 2.0-3.0 lasts 6 months",
    ],
)
def test_questions_page_feet_and_cells_hold_no_facts(text: str) -> None:
    assert not said(text)


def test_the_name_of_a_speaker_is_no_part_of_the_speech() -> None:
    text = "Sunita Rao: Castlebrook Stores has a tender out for cheese. Tom Varley asked for the price."
    assert not [fact for fact in said(text) if "Sunita Rao" in {fact[1], fact[3]}]
