"""Tests that facts which say nothing alone, or more than their sentence, are left out, and their neighbours kept."""

import pytest

from app.domain.documents import Span
from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_empty import is_empty
from tests.unit.rules_parts import facts, said


def of(subject: str, text: str) -> set[tuple[str, str, str]]:
    return {one for one in facts(text) if one[0] == subject}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Software can streamline processes.", ("Software", "can streamline", "processes")),
        ("Ann Lee sold ships at times.", ("Ann Lee", "sold ships at", "times")),
        ("Ann Lee treats patients whose symptoms include fever.", ("symptoms", "include", "fever")),
        ("Ann Lee repaired the airport's old garage.", ("Ann Lee", "repaired", "airport's old garage")),
        ("The Link River was known to the Klamaths as Yulalona.", ("Link River", "was known to", "Klamaths")),
        ("Bohigian was a partner at Lee Brothers.", ("Bohigian", "was", "partner")),
        ("Storytelling is an art at its core.", ("Storytelling", "is art at", "core")),
        ("Many workers are engaged in these types of jobs.", ("Many workers", "are engaged in types of", "jobs")),
        (
            "The Link River is a stream connecting Lake Ewauna to Lake Chelan.",
            ("Link River", "connecting", "Lake Ewauna"),
        ),
        ("Ann Lee praised the creativity and skill of magicians.", ("Ann Lee", "praised", "creativity")),
        (
            "Trough concentrations were < 2 g/ml in two groups.",
            ("Trough concentrations", "were 2 g/ml in", "two groups"),
        ),
        ("Ann Lee wrote various forms.", ("Ann Lee", "wrote", "various forms")),
        ("The tool allows students to sell old shares.", ("students", "can sell", "old shares")),
        ("Other lenders hold liens.", ("Other lenders", "hold", "liens")),
        ("The resulting shock harmed Ann Lee.", ("resulting shock", "harmed", "Ann Lee")),
        (
            "In the First Age the Elves of Ossiriand, or Laiquendi, were also referred to as wood - elves.",
            ("Laiquendi", "were referred in", "First Age"),
        ),
        ("Individuals use body language.", ("Individuals", "use", "body language")),
        ("Ann Lee brought about significant changes.", ("Ann Lee", "brought about", "significant changes")),
        ("Electrodes reach one side or the other of the brain.", ("Electrodes", "reach other of", "brain")),
    ],
)
def test_what_says_too_little_alone_is_left_out(text: str, wrong: tuple[str, str, str]) -> None:
    assert wrong not in facts(text)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("The tool allows banks to sell loans.", ("banks", "can sell", "loans")),
        ("Borrowers can draw loans.", ("Borrowers", "can draw", "loans")),
        ("Marisol Tennant had major bleeding.", ("Marisol Tennant", "had", "major bleeding")),
        ("Marisol Tennant takes warfarin until May 2026.", ("Marisol Tennant", "takes", "warfarin")),
        ("Dr Sallow gave heparin to her.", ("Dr Sallow", "gave", "heparin")),
        ("The clinic in Bern treated patients with heparin.", ("clinic in Bern", "treated patients with", "heparin")),
        (
            "Marisol Tennant was discharged on 5 June 2026 on bisoprolol.",
            ("Marisol Tennant", "was discharged on 5 June 2026 on", "bisoprolol"),
        ),
        (
            "Warfarin is contraindicated in pregnancy in patients with gout.",
            ("Warfarin", "is contraindicated in", "patients with gout"),
        ),
        ("Sodium fell (-4 mmol/L) during dialysis.", ("Sodium", "fell during", "dialysis")),
        ("Ann Lee and Omar Quist sold Rostrand because the margin is high.", ("Omar Quist", "sold", "Rostrand")),
        ("Kern LLP audits the company's old accounts.", ("Kern LLP", "audits", "company's old accounts")),
        ("The company's auditor is Kern LLP.", ("company's auditor", "is", "Kern LLP")),
        ("The vessel's owner is Ann Lee.", ("vessel's owner", "is", "Ann Lee")),
        ("The other guarantor is Tolvane Holdings SA.", ("guarantor", "is", "Tolvane Holdings SA")),
        ("Marisol Tennant has blood group O-.", ("Marisol Tennant", "has", "blood group O-")),
        ("Banks occasionally lend money.", ("Banks", "occasionally lend", "money")),
        ("Current liabilities exceed the cash of Ardenfell.", ("Current liabilities", "exceed", "cash of Ardenfell")),
        ("Harlan Voss was referred to cardiology as an outpatient.", ("Harlan Voss", "was referred to", "cardiology")),
        ("Software can streamline payment processes.", ("Software", "can streamline", "payment processes")),
        ("The current owner of Rostrand sold ships.", ("current owner of Rostrand", "sold", "ships")),
        ("Ann Lee repaired the hospital's old garage.", ("Ann Lee", "repaired", "hospital's old garage")),
        ("Fenoldopam preserves blood flow during shock.", ("Fenoldopam", "preserves blood flow during", "shock")),
        ("Ann Lee sold Rostrand during the war.", ("Ann Lee", "sold", "Rostrand")),
        ("The Link River was known as Yulalona in Oregon.", ("Link River", "was known as", "Yulalona")),
        ("Bohigian was a partner at Lee Brothers.", ("Bohigian", "was", "partner at Lee Brothers")),
        ("Saivet is a footballer who plays for Bern.", ("Saivet", "is", "footballer")),
        ("Banks often lend money.", ("Banks", "often lend", "money")),
        (
            "The style is almost a replica of it and Ann Lee nearly sold Rostrand.",
            ("Ann Lee", "nearly sold", "Rostrand"),
        ),
        ("Cranks and Shadows is a novel.", ("Cranks and Shadows", "is", "novel")),
        ("Ann Lee and Omar Quist sold land.", ("Omar Quist", "sold", "land")),
        ("Many workers are engaged in new types of jobs.", ("Many workers", "are engaged in new types of", "jobs")),
        ("Calcitonin reduced the level of zinc.", ("Calcitonin", "reduced level of", "zinc")),
        ("Guests of the fair include Ann Lee.", ("Guests of the fair", "include", "Ann Lee")),
        ("Ann Lee connects ships.", ("Ann Lee", "connects", "ships")),
        ("The gel contains L-dopa and L-dopa-induced gout is rare.", ("L-dopa", "induced", "gout")),
        ("Ketamine induced analgesia and catalepsy in the rat.", ("Ketamine", "induced", "analgesia")),
        ("Acme is a company making cheese.", ("Acme", "making", "cheese")),
        ("The drug reduces kainic acid-induced gout.", ("kainic acid", "induced", "gout")),
        ("Ann Lee was baptized in Nancy, in Lorraine.", ("Ann Lee", "was baptized in", "Lorraine")),
    ],
)
def test_what_says_enough_is_kept(text: str, right: tuple[str, str, str]) -> None:
    assert right in facts(text)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Cranks", "Cranks and Shadows is a novel."),
        ("satellites", "These satellites help because they provide steady coverage of fields."),
        (
            "essential institutions",
            "In conclusion, libraries play a multifaceted role in society, serving as essential institutions that"
            " promote knowledge, education, community, culture, and democracy.",
        ),
        ("thyroid", "Ann Lee measured thyroid stimulating hormone."),
        (
            "dopa",
            "These results are compatible with the hypothesis that an abnormal movement, like L-dopa-induced peak dose"
            " dyskinesia, is due to a disinhibition of the primary motor cortex.",
        ),
        ("Navy", "The Navy and Air Force Institutes is an organisation created by Ann Lee."),
        ("rich history", "A rich history spans ages of trade."),
        ("PSD", "Menezes asked the PSD to form a new government."),
        (
            "manuscripts",
            "By collecting and preserving books, manuscripts, archives, and other cultural artifacts, libraries help to"
            " safeguard our collective memory and heritage for future generations.",
        ),
        (
            "cities",
            "Electric lighting made it possible for cities to operate at night, reducing crime rates and creating a"
            " safer environment for residents.",
        ),
        (
            "1970 Census a census - designated place",
            "Since the 1970 Census a census - designated place (CDP) has been established with the name of Westmere for"
            " tabulating the population.",
        ),
        (
            "factor-beta1",
            "Arteritis was examined for expressions of nitric oxide synthase (iNOS), basic fibroblast growth factor"
            " (bFGF) and tumor growth factor-beta1 (TGF-beta1).",
        ),
    ],
)
def test_nothing_is_said_of_a_part_of_a_name_or_of_who_is_not_meant(subject: str, text: str) -> None:
    assert not of(subject, text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Patients began thalidomide at 400 mg and escalated as tolerated to 1200 mg by day 54.", "tolerated"),
        (
            "By harnessing the principles of physics and cutting-edge technology, satellites have enabled us to"
            " communicate across continents, predict the weather with precision, and explore the depths of space.",
            "enabled us",
        ),
        ("From 1990 to 1994 Ann Lee headed the Lillehammer Committee.", "headed to"),
        (
            "We report a venlafaxine-MAOI interaction that resulted in the serotonin syndrome in a 23-y-old male who"
            " was taking tranylcypromine for depression.",
            "23-y-old male",
        ),
        (
            "The percentage of bone marrow cells observed was comparable in AZT and PHZ treated mice with similar"
            " degrees of anaemia.",
            "treated mice",
        ),
        (
            "The effect of ritanserin (5-HT2 antagonist) on scopolamine (muscarinic cholinergic antagonist)-induced"
            " amnesia in a water maze was investigated.",
            "antagonist)",
        ),
        (
            "One important strand to the festival programme is historical performance – presenting works as they were"
            " originally heard.",
            "performance-presenting",
        ),
        ("Thirty-one patients were evaluated 2.3-14.1 years following completion of treatment.", "2.3-14.1 years"),
    ],
)
def test_words_that_belong_elsewhere_make_no_relation(text: str, words: str) -> None:
    assert not [one for one in facts(text) if words in f"{one[1]} {one[2]}"]


def test_what_was_not_done_has_no_failing_in_its_relation() -> None:
    found = said("Captopril failed to potentiate or facilitate severe proteinuria.")
    assert ("negated", "Captopril", "facilitate", "severe proteinuria") in found
    assert not [one for one in found if one[0] == "negated" and "failed" in one[2]]
    assert ("negated", "Brackwater", "pay", "interest") in said("Brackwater fails to pay interest.")


def test_who_excludes_does_so() -> None:
    assert said("Renal failure was excluded by echography.") == {
        ("affirmed", "echography", "excluded", "Renal failure")
    }


@pytest.mark.parametrize("verb", ["asserts", "argues", "contends", "insists"])
def test_what_somebody_asserts_is_possible(verb: str) -> None:
    found = said(f"The bank {verb} that Ann Lee owns Rostrand.")
    assert {one[0] for one in found if one[3] == "Rostrand"} == {"possible"}


def test_a_comparison_with_none_is_not_turned_round() -> None:
    found = facts(
        "On the other hand, the pressor effects of Abbott-53693 were similar in both groups of SHR, but the"
        " accompanying bradycardia was greater in SHR with chronic prazosin treatment than without such treatment."
    )
    assert not [one for one in found if "than with" in one[1]]


def test_a_relative_of_somebody_named_is_no_family_history() -> None:
    assert ("affirmed", "Bible", "mentions brothers of", "Jesus") in said("The Bible mentions brothers of Jesus.")
    found = said("Dr Marrow treats the brother of Ann Lee with dementia.")
    assert {one[0] for one in found if one[3] == "dementia"} == {"family"}
    assert {one[0] for one in said("Ann Lee cares for her mother with dementia.") if one[3] == "dementia"} == {"family"}


def test_a_thing_has_no_plans() -> None:
    text = "The Root Glacier flows south to join the Kennicott Glacier."
    assert not [one for one in said(text) if one[0] == "planned"]
    assert ("planned", "Ann Lee", "repay", "loan of Acme") in said("Ann Lee sold ships to repay a loan of Acme.")


def test_a_relation_repeats_no_word() -> None:
    ends = [Argument(text, Span(0, 1), "Person", None) for text in ("Ann Lee", "Omar Quist")]
    assert is_empty(ends[0], "exert exert pressure on", ends[1])
    assert not is_empty(ends[0], "exert pressure on", ends[1])
