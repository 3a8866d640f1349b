"""Abbreviations that a text explains."""

from app.pipeline.abbreviations import find_abbreviations


def test_an_abbreviation_is_read_with_the_words_that_hold_its_letters() -> None:
    text = "She has fast atrial fibrillation (AF). Methamphetamine (METH) was given; AF went on."
    assert find_abbreviations(text) == {"af": ("AF", "atrial fibrillation"), "meth": ("METH", "Methamphetamine")}


def test_a_bracket_that_explains_nothing_is_none() -> None:
    assert find_abbreviations("The dose (see) was high (HIGH) in winter (A12).") == {}


def test_a_long_form_does_not_cross_a_comma_or_sentence() -> None:
    assert find_abbreviations("Alpha, beta (AB) rose.") == {}
