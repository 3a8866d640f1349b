"""Tests that facts are read whole or not at all: figures with their units, names with their numbers, what is joined."""

import pytest

from app.pipeline.rules_torn import cuts_bound, is_torn, whole_words
from tests.unit.rules_parts import facts


@pytest.mark.parametrize(
    ("text", "part", "torn"),
    [
        ("18.4 ng/mL on 13 June", "18.4 ng", True),
        ("the 5,7-DHT lesion", "DHT", True),
        ("was 1.9 +/- 0.9 ng", "1.9", True),
        ("was 1.9 +/- 0.9 ng", "1.9 +/-", True),
        ("in Group I of two", "Group", True),
        ("in Group I of two", "Group I", False),
        ("five decades of debate", "five decades", True),
        ("five decades ago", "five decades", False),
        ("cash was USD alone", "USD", True),
        ("paid USD 70 million now", "USD 70 million", False),
        ("with AmB. Potassium fell", "AmB. Potassium", True),
        ("by the U.S. Food Agency", "U.S. Food Agency", False),
        ("by Tolvane Ltd. Brown left", "Tolvane Ltd. Brown", False),
        ("the music of Iron & Wine", "Iron", True),
        ("Second- and third-generation drugs", "Second-", True),
        ("moved to the 9th, since", "9th", True),
        ("moved to the 9th district", "9th district", False),
        ("Although risk rose", "Although risk", True),
        ("at a rate of 2 mg. kg(-1). min(-1)", "2 mg", True),
        ("at a dose of 2 mg. Khan fell", "2 mg", False),
        ("Creatinine fell (-12 umol/L)", "Creatinine", False),
        ("has blood group O-.", "blood group O-", False),
    ],
)
def test_a_part_of_a_figure_or_name_is_torn(text: str, part: str, torn: bool) -> None:
    start = text.index(part)
    assert is_torn(text, start, start + len(part)) is torn


@pytest.mark.parametrize(
    ("text", "part", "whole"),
    [
        ("was 18.4 ng/mL on", "18.4 ng", "18.4 ng/mL"),
        ("was 35 per cent in", "35", "35 per cent"),
        ("was 35 % in", "35", "35 %"),
        ("to GBP 512.8 million.", "GBP", "GBP 512.8 million"),
        ("a follow-up visit", "up", "follow-up"),
        ("steroid-induced gout", "steroid", "steroid"),
    ],
)
def test_a_figure_is_taken_with_its_unit(text: str, part: str, whole: str) -> None:
    start = text.index(part)
    first, end = whole_words(text, start, start + len(part))
    assert text[first:end] == whole


@pytest.mark.parametrize(
    ("said_", "cut"),
    [("offered at score of 2 in men", True), ("offered at score of 2 or more", False), ("offered in 2026", False)],
)
def test_a_number_keeps_its_or_more(said_: str, cut: bool) -> None:
    assert cuts_bound(said_, "It is offered at a score of 2 or more in men.") is cut


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Omar Quist uses virtual reality (VR) technology.", ("Omar Quist", "uses", "technology")),
        ("Mastery of anatomy and perspective pleases Omar Quist.", ("perspective", "pleases", "Omar Quist")),
        ("The fall in pressure caused by clonidine worries Omar Quist.", ("clonidine", "caused", "pressure")),
        ("With many banks failing, Omar Quist sold shares.", ("Omar Quist", "sold shares with", "many banks")),
        ("Omar Quist sold ships in May, with profits of GBP 2 million.", ("Omar Quist", "sold ships with", "profits")),
        ("The court forced Tolvane Holdings SA to sell ships.", ("court", "forced", "Tolvane Holdings SA")),
        ("The lender upgraded it to class A.", ("lender", "upgraded it to", "class A")),
        ("A man with schizophrenia who developed fever left.", ("schizophrenia", "developed", "fever")),
        ("Symptoms include fever.", ("Symptoms", "include", "fever")),
        ("Both drugs inhibit acid.", ("drugs", "inhibit", "acid")),
        ("Another patient had fever.", ("patient", "had", "fever")),
        ("Certain items gain value.", ("items", "gain", "value")),
        ("Everybody has debts.", ("Everybody", "has", "debts")),
        ("The games changed to retain players.", ("games", "retain", "players")),
        ("Drug levels rose over placebo only in the azelastine group.", ("Drug levels", "rose over", "placebo")),
        ("Stratum Ltd gave similar results.", ("Stratum Ltd", "gave", "similar results")),
        ("Congress designated half of it as a park.", ("Congress", "designated", "half of it")),
        ("Omar Quist fled the next day.", ("Omar Quist", "fled", "next day")),
        ("Although an indicator of age, a rise may reflect stress.", ("indicator of age", "reflect", "stress")),
        ("Libraries help people, allowing them to explore ideas.", ("Libraries", "can explore", "ideas")),
        ("Michael Ray met Lee Marvin. He sang in Hull.", ("Lee Marvin", "sang in", "Hull")),
        ("Omar Quist taught at Eastman. He played in Hull.", ("Eastman", "played in", "Hull")),
        ("Surgeons operate without causing distress.", ("Surgeons", "operate without causing", "distress")),
        ("Nagoya, Shizuoka, and other cities grew.", ("Nagoya", "in", "Shizuoka")),
        ("The client has a current account, a term loan and a line.", ("current account", "is", "term loan")),
        ("The men received placebo or diazepam.", ("men", "received", "placebo")),
        ("With amiodarone it takes one month.", ("amiodarone", "takes", "one month")),
        ("Scientists shed light on the origin of Omar Quist.", ("Scientists", "shed", "light")),
        ("Lee Marvin paid every instalment.", ("Lee Marvin", "paid", "instalment")),
        ("Scopolamine-induced impairment in recall worries Lee.", ("Scopolamine", "induced", "impairment")),
        ("The same mechanism causes gout.", ("same mechanism", "causes", "gout")),
        ("Listeners believed that the show was real, leading to panic.", ("Listeners", "leading to", "panic")),
        (
            "The most successful albums released in Hull made money.",
            ("most successful albums", "released in", "Hull"),
        ),
        (
            "Omar Quist became interested in Dada after the war of 1914.",
            ("Omar Quist", "became interested after", "war of 1914"),
        ),
        ("ADR-induced nephropathy groups lost weight.", ("ADR", "induced", "nephropathy groups")),
        (
            "Insulin reversed increases in responses of bladder strips from diabetic rats.",
            ("Insulin", "reversed increases from", "diabetic rats"),
        ),
        (
            "The records of 6 men and 6 women (mean age 55 years) were reviewed.",
            ("records of 6 men and 6 women", "mean", "age 55 years"),
        ),
        (
            "The history of space travel is a journey that began with the launch of Sputnik on October 4, 1957.",
            ("history of space travel", "is journey on", "October 4, 1957"),
        ),
        (
            "He was only the third person to hold the position, following Lynn Harrell (1986 – 1993).",
            ("Lynn Harrell", "died", "1993"),
        ),
        (
            "Hoaxes have played a role in shaping narratives and challenging established beliefs.",
            ("Hoaxes", "played role in shaping", "challenging established beliefs"),
        ),
        (
            "A complication of ethambutol is a neuropathy that impairs acuity, contrast sensitivity, and color vision.",
            ("complication of ethambutol", "is", "color vision"),
        ),
        (
            "PAN was given to Sprague Dawley rats to induce proteinuria.",
            ("PAN", "rats to induce", "proteinuria"),
        ),
        (
            "The influence extends to the prefectures centered on Nagoya which are Aichi, Gifu, and Mie.",
            ("Nagoya", "are", "Mie"),
        ),
        ("Omar Quist wants the bank to sell ships.", ("bank", "sell", "ships")),
        (
            "Metformin restored the ability of the liver to store glucose.",
            ("Metformin", "restored ability of", "liver"),
        ),
        (
            "Libraries provide services for individuals of all ages and backgrounds.",
            ("Libraries", "provide services for individuals of", "backgrounds"),
        ),
        (
            "Six patients with either asthma or gout received heparin.",
            ("Six patients with either asthma", "received", "heparin"),
        ),
        (
            "Protests have served as a force for change, inspiring movements for democracy.",
            ("Protests", "served as", "inspiring movements for democracy"),
        ),
        ("Omar Quist received placebo or diazepam.", ("Omar Quist", "received", "placebo")),
        ("Crystals come together to form clouds.", ("Crystals", "form", "clouds")),
        ("DM rats with mild glycosuria were also studied.", ("DM", "rats with", "mild glycosuria")),
        ("A study of side effects associated with heparin.", ("side effects", "associated with", "heparin")),
        (
            "Films have played a significant role in shaping public narratives and challenging established beliefs.",
            ("Films", "played significant role in shaping", "challenging established beliefs"),
        ),
        (
            "Blank Page was written by Aguilera, Chris Braide and Sia Furler, with production done by Braide.",
            ("Blank Page", "was written by Aguilera with", "production done by Braide"),
        ),
        (
            "There are various types of body language that people use in different contexts.",
            ("people", "use that in", "different contexts"),
        ),
        (
            "Virtual reality (VR) technology has rapidly evolved in recent years, offering new possibilities.",
            ("technology", "evolved in", "recent years"),
        ),
        (
            "The drug helped by enabling surgeons to perform complex operations without causing unnecessary pain.",
            ("surgeons", "can perform complex operations with causing", "unnecessary pain"),
        ),
        ("Omar Quist has worked to date for Lee Marvin.", ("Omar Quist", "worked to", "date")),
    ],
)
def test_what_the_sentence_does_not_say_is_no_fact(text: str, wrong: tuple[str, str, str]) -> None:
    assert wrong not in facts(text)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (
            "Leverage rose by 6.4 per cent to GBP 512.8 million.",
            ("Leverage", "rose by 6.4 per cent to", "GBP 512.8 million"),
        ),
        ("Omar Quist stopped tenofovir because of gout.", ("Omar Quist", "stopped tenofovir because of", "gout")),
        ("Outright Ltd became part of the Shed Group.", ("Outright Ltd", "became part of", "Shed Group")),
        ("Animals are facing numerous challenges.", ("Animals", "facing", "numerous challenges")),
        (
            "Dinosaurs captivate us because of their presence in films.",
            ("Dinosaurs", "captivate us because of", "presence in films"),
        ),
        ("Lunulae re - erected in London please Omar Quist.", ("Lunulae", "re-erected in", "London")),
        ("Omar Quist spoke on the W Network in May 2011.", ("Omar Quist", "spoke on W Network in", "May 2011")),
        (
            "Storytelling involves the use of symbolism and metaphor to convey deeper meanings.",
            ("Storytelling", "involves use of", "symbolism"),
        ),
        ("Storms can destroy crops and lead to hunger.", ("Storms", "can lead to", "hunger")),
        ("Omar Quist sought to sell ships and buy land.", ("Omar Quist", "sought to buy", "land")),
        (
            "Building a rocket is an experience that can inspire children.",
            ("Building a rocket", "can inspire", "children"),
        ),
        ("Scientists shed light on the origin of Omar Quist.", ("Scientists", "shed light on", "origin of Omar Quist")),
        ("Diazepam was given for pain.", ("Diazepam", "was given for", "pain")),
        ("The law allows banks to lend money.", ("banks", "can lend", "money")),
        ("Omar Quist works as a host for Lee Marvin.", ("Omar Quist", "works as", "host for Lee Marvin")),
        ("Lee Marvin sailed at the end of May 2026.", ("Lee Marvin", "sailed at", "end of May 2026")),
    ],
)
def test_what_it_does_say_is_read_whole(text: str, right: tuple[str, str, str]) -> None:
    assert right in facts(text)
