"""The gate alone: what passes, what is refused for which reason, and what is written of what passed."""

from typing import Any

import pytest

from app.domain.documents import Span
from app.domain.graph import Assertion, ProposedTriple, VerifiedTriple
from app.pipeline.parsing import SentenceParser
from app.pipeline.verification import ParsedSentence, add_counts, find_tokens, numbers_of, verify

PARSER = SentenceParser()
START = 100
SALE = "Corvane Bank sold Merrow Group to Tessmer Holdings"
NOT_THERE = "words not in the sentence"


def sentences_of(*texts: str) -> list[ParsedSentence]:
    """Parsed, one behind the other with a space between, the first at START."""
    found, position = [], START
    for text, document in zip(texts, PARSER.parse(texts), strict=True):
        found.append(ParsedSentence(Span(position, position + len(text)), text, document))
        position += len(text) + 1
    return found


def span_of(words: str, sentences: list[ParsedSentence]) -> Span:
    whole = " ".join(sentence.text for sentence in sentences)
    start = START + whole.index(words)
    return Span(start, start + len(words))


def proposal(
    sentence: ParsedSentence, subject: str, relation: str, object_: str, *, kind: str = "model", **fields: Any
) -> ProposedTriple:
    return ProposedTriple(sentence.span, subject, relation, object_, kind, **fields)


def passed(text: str, subject: str, relation: str, object_: str, **fields: Any) -> VerifiedTriple:
    (sentence,) = sentences_of(text)
    (triple,), refused = verify([proposal(sentence, subject, relation, object_, **fields)], [sentence])
    assert refused == {}
    return triple


def refusal(text: str, subject: str, relation: str, object_: str, **fields: Any) -> str | None:
    """The reason; None when it passed."""
    (sentence,) = sentences_of(text)
    triples, refused = verify([proposal(sentence, subject, relation, object_, **fields)], [sentence])
    assert len(triples) + sum(refused.values()) == 1
    return next(iter(refused), None)


def test_counts_are_added_up_by_reason() -> None:
    added = add_counts({"no_date": 2, "hedge": 1}, {}, {"no_date": 1})
    assert list(added.items()) == [("hedge", 1), ("no_date", 3)]


def test_all_of_a_triple_that_passes() -> None:
    (sentence,) = sentences_of(SALE)
    types = {"subject_type": "Organization", "object_type": "Company"}
    offered = proposal(sentence, "corvane  bank", " sold\n to, ", "TESSMER HOLDINGS", **types)
    assert verify([offered], [sentence]) == (
        (
            VerifiedTriple(
                sentence=sentence.span,
                subject="Corvane Bank",
                relation="sold to",
                object="Tessmer Holdings",
                subject_span=Span(START, START + 12),
                object_span=Span(START + 34, START + 50),
                subject_type="Organization",
                object_type="Company",
                assertion=Assertion.AFFIRMED,
                kind="model",
                confidence=0.7,
                inferred=False,
            ),
        ),
        {},
    )


def test_space_inside_an_argument_becomes_one_blank() -> None:
    assert passed("The Corvane \n Bank sold Merrow  Group.", "Corvane Bank", "sold", "Merrow Group").object == (
        "Merrow Group"
    )
    assert passed("The Corvane \n Bank sold Merrow.", "Corvane Bank", "sold", "Merrow").subject == "Corvane Bank"


def test_a_given_place_holds_the_argument_or_the_triple_is_refused() -> None:
    sentences = sentences_of(SALE, "Merrow Group grew.")
    right: dict[str, Any] = {
        "subject_span": span_of("Corvane Bank", sentences),
        "object_span": span_of("Tessmer Holdings", sentences),
    }

    def refused(**spans: Span) -> dict[str, int]:
        offered = proposal(sentences[0], "Corvane Bank", "sold", "Tessmer Holdings", **{**right, **spans})
        triples, reasons = verify([offered], sentences)
        assert all((one.subject_span, one.object_span) == tuple(right.values()) for one in triples)
        return reasons

    assert refused() == {}
    for wrong in (Span(START, START + 11), span_of("Merrow Group", sentences), Span(START - 1, START + 11)):
        assert refused(subject_span=wrong) == {NOT_THERE: 1}
        assert refused(object_span=wrong) == {NOT_THERE: 1}


def test_the_second_place_of_a_name_is_kept_when_it_is_given() -> None:
    sentences = sentences_of("Merrow owns Corvane, and Corvane owns Tessmer.")
    second = Span(START + 25, START + 32)
    offered = proposal(sentences[0], "Corvane", "owns", "Tessmer", subject_span=second)
    assert [one.subject_span for one in verify([offered], sentences)[0]] == [second]


def test_only_the_antecedent_of_a_pronoun_stands_in_another_sentence() -> None:
    sentences = sentences_of("Corvane Bank grew.", "It sold Merrow Group.", "Tessmer left.")
    bank, left = span_of("Corvane Bank", sentences), span_of("Tessmer", sentences)

    def verified(**fields: Any) -> tuple[tuple[VerifiedTriple, ...], dict[str, int]]:
        names = {"subject": "corvane bank", "object_": "Merrow Group", **fields}
        return verify([proposal(sentences[1], relation="sold", **names)], sentences)

    (triple,), refused = verified(subject_span=bank, coreference=True)
    assert (triple.subject, triple.subject_span, triple.confidence, refused) == ("corvane bank", bank, 0.4, {})
    assert triple.sentence == sentences[1].span
    assert verified(subject_span=bank) == ((), {NOT_THERE: 1})
    assert verified(coreference=True) == ((), {NOT_THERE: 1})
    assert verified(subject="Merrow Group", object_="Tessmer", object_span=left, coreference=True) == (
        (),
        {NOT_THERE: 1},
    )
    (triple,), _ = verified(subject="Tessmer", subject_span=left, coreference=True)
    assert (triple.subject, triple.subject_span) == ("Tessmer", left)
    between = Span(sentences[0].span.end - 5, sentences[1].span.start + 2)
    assert verified(subject="grew. It", subject_span=between, coreference=True) == ((), {NOT_THERE: 1})


def test_words_that_stand_nowhere_are_refused_and_the_rest_goes_on() -> None:
    sentences = sentences_of(SALE)
    elsewhere = ParsedSentence(Span(0, 5), "Hello", sentences[0].document)
    offered = [
        proposal(elsewhere, "Corvane Bank", "sold", "Merrow Group"),
        proposal(sentences[0], "Corvane", "sold", "Nadia"),
        proposal(sentences[0], "Nadia", "sold", "Merrow"),
        proposal(sentences[0], "Corvane Bank", "sold", "Merrow Group"),
    ]
    triples, refused = verify(offered, sentences)
    assert [one.object for one in triples] == ["Merrow Group"]
    assert list(refused.items()) == [("sentence not there", 1), (NOT_THERE, 2)]


def test_of_two_equal_triples_the_surer_or_the_first_is_kept() -> None:
    (sentence,) = sentences_of(SALE)

    def kept(*kinds: str) -> list[tuple[str, str]]:
        offered = [
            proposal(sentence, "Corvane Bank", "sold", "Merrow Group", kind=kind, subject_type=f"{place}")
            for place, kind in enumerate(kinds)
        ]
        offered.insert(1, proposal(sentence, "Corvane Bank", "sold to", "Tessmer Holdings"))
        triples, refused = verify(offered, [sentence])
        assert refused == {}
        assert triples[1].object == "Tessmer Holdings"
        return [(one.kind, one.subject_type) for one in triples if one.object == "Merrow Group"]

    assert kept("svo", "model") == [("model", "1")]
    assert kept("model", "svo") == [("model", "0")]
    assert kept("svo", "svo") == [("svo", "0")]


def test_other_relations_and_other_places_are_other_triples() -> None:
    sentences = sentences_of("Corvane owns Merrow, and Corvane runs Merrow.", SALE)
    first, second = Span(START, START + 7), Span(START + 25, START + 32)
    offered = [
        proposal(sentences[0], "Corvane", "owns", "Merrow"),
        proposal(sentences[0], "Corvane", "runs", "Merrow"),
        proposal(sentences[0], "Corvane", "owns", "Merrow", subject_span=second),
        proposal(sentences[0], "Corvane", "owns", "Merrow", object_span=Span(START + 38, START + 44)),
        proposal(sentences[0], "Corvane", "owns", "Merrow", subject_span=first),
    ]
    assert len(verify(offered, sentences)[0]) == 4


@pytest.mark.parametrize(
    ("kind", "confidence"), [("table", 0.9), ("svo", 0.6), ("obj_pp", 0.4), ("life", 0.4), ("another", 0.5)]
)
def test_a_kind_is_trusted_as_far_as_the_table_says(kind: str, confidence: float) -> None:
    assert passed(SALE, "Corvane Bank", "sold", "Merrow Group", kind=kind).confidence == confidence


@pytest.mark.parametrize(
    ("text", "subject", "object_"),
    [
        ("Corvane Bank left Corvane bank.", "Corvane Bank", "Corvane bank"),
        (SALE, "Corvane Bank", "corvane  bank"),
    ],
)
def test_a_thing_is_not_related_to_itself(text: str, subject: str, object_: str) -> None:
    assert refusal(text, subject, "left", object_) == "the same thing twice"


def test_one_name_at_two_places_is_still_one_thing_and_two_names_never_share_a_place() -> None:
    (sentence,) = sentences_of("Corvane left Corvane.")
    offered = proposal(
        sentence,
        "Corvane",
        "left",
        "Corvane",
        subject_span=Span(START, START + 7),
        object_span=Span(START + 13, START + 20),
    )
    assert verify([offered], [sentence]) == ((), {"the same thing twice": 1})
    assert refusal("Corvane, left.", "Corvane", "left", "Corvane,") == "the same thing twice"


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("them", "pronoun"),
        ("All", "pronoun"),
        ("all patients", None),
        ("mg", "a unit alone"),
        ("mg 5", "a unit alone"),
        ("5 mg", None),
        ("mg tablets", None),
        ('the "old bank', "cut off"),
        ('the "old" bank', None),
        ("bank (north", "cut off"),
        ("north) bank", "cut off"),
        ("bank (north)", None),
        ("part", "light noun"),
        ("large part", "light noun"),
        ("very large part", None),
        ("part 7", None),
        ("7 part", None),
        ("part payment", None),
        ("one two three four five six seven eight nine ten eleven twelve", None),
        ("one two three four five six seven eight nine ten eleven twelve thirteen", "too long"),
        ("%", NOT_THERE),
    ],
)
def test_what_can_be_an_argument(argument: str, reason: str | None) -> None:
    assert refusal(f"Tessmer paid {argument} today.", "Tessmer", "paid", argument) == reason
    assert refusal(f"Yesterday {argument} paid Tessmer.", argument, "paid", "Tessmer") == reason


def test_a_place_that_holds_no_word_is_no_argument() -> None:
    (sentence,) = sentences_of("Tessmer paid % today.")
    offered = proposal(sentence, "Tessmer", "paid", "%", object_span=Span(START + 13, START + 14))
    assert verify([offered], [sentence]) == ((), {NOT_THERE: 1})


@pytest.mark.parametrize(
    ("relation", "reason"),
    [
        ("sold", None),
        ("", "no relation"),
        (" ., ;:", "no relation"),
        ("sold " + "very " * 14 + "swift", None),
        ("sold " + "very " * 14 + "swiftx", "no relation"),
        ("sold Nadia", NOT_THERE),
        ("sold to Nadia", NOT_THERE),
        ("Sold", None),
        ("Acquired from", None),
        ("sold with Merrow", None),
        ("sold McNadia-Tessmer", NOT_THERE),
        ("sold 3 of", "number not in the sentence"),
    ],
)
def test_what_can_be_a_relation(relation: str, reason: str | None) -> None:
    assert refusal(SALE, "Corvane Bank", relation, "Tessmer Holdings") == reason


def test_only_marks_and_space_are_cut_off_a_relation() -> None:
    triple = passed("Zelotrine lowers Factor X in gout.", "Zelotrine", ": lowers  Factor X, ", "gout")
    assert triple.relation == "lowers Factor X"


def test_the_rules_write_their_relations_themselves() -> None:
    assert refusal(SALE, "Corvane Bank", "sold to Nadia", "Merrow Group", kind="svo") is None
    assert refusal(SALE, "Corvane Bank", "sold 3", "Merrow Group", kind="svo") == "number not in the sentence"


def test_a_number_of_the_relation_stands_in_the_sentence_digit_for_digit() -> None:
    text = "Corvane sold 1,250 shares and 3.5 tons to Tessmer."
    assert refusal(text, "Corvane", "sold 1,250 shares to", "Tessmer") is None
    assert refusal(text, "Corvane", "sold 1250 shares to", "Tessmer") == "number not in the sentence"
    assert numbers_of(text) == {"1,250", "3.5"}
    assert numbers_of("none") == set()


AFFIRMED, NEGATED, POSSIBLE = Assertion.AFFIRMED, Assertion.NEGATED, Assertion.POSSIBLE


@pytest.mark.parametrize(
    ("text", "kind", "claimed", "status"),
    [
        ("Zelotrine interacts with warfarin.", "model", AFFIRMED, AFFIRMED),
        ("Zelotrine interacts with warfarin.", "model", POSSIBLE, POSSIBLE),
        ("Zelotrine does not interact with warfarin.", "model", AFFIRMED, NEGATED),
        ("Zelotrine does not interact with warfarin.", "model", NEGATED, NEGATED),
        ("Zelotrine does not interact with warfarin.", "model", POSSIBLE, None),
        ("Zelotrine may interact with warfarin.", "model", NEGATED, None),
        ("Zelotrine does not interact with warfarin.", "svo", POSSIBLE, POSSIBLE),
        ("Zelotrine does not interact with warfarin.", "svo", AFFIRMED, AFFIRMED),
    ],
)
def test_the_parse_is_heard_over_a_model_and_no_claim_against_it_stands(
    text: str, kind: str, claimed: Assertion, status: Assertion | None
) -> None:
    values = ("Zelotrine", "interacts with", "warfarin")
    if status is None:
        assert refusal(text, *values, kind=kind, assertion=claimed) == "stated otherwise"
    else:
        assert passed(text, *values, kind=kind, assertion=claimed).assertion is status


def test_each_fact_of_a_sentence_is_judged_where_it_stands() -> None:
    text = "Zelotrine treats gout, and Corvane does not treat asthma."
    assert passed(text, "Zelotrine", "treats", "gout").assertion is AFFIRMED
    assert passed(text, "Corvane", "treats", "asthma").assertion is NEGATED


def test_the_first_and_the_last_word_of_a_sentence_are_heard() -> None:
    assert passed("Father has gout", "Father", "has", "gout").assertion is Assertion.FAMILY
    assert passed("The scan shows no fracture", "scan", "shows", "fracture").assertion is NEGATED


def test_what_has_ended_is_denied_unless_the_relation_says_so() -> None:
    text = "Anna stopped taking warfarin."
    assert passed(text, "Anna", "takes", "warfarin").assertion is NEGATED
    assert passed(text, "Anna", "stopped taking", "warfarin").assertion is AFFIRMED


@pytest.mark.parametrize(("relation", "inferred"), [("sold to", False), ("acquired", True), ("is of the", False)])
def test_a_relation_in_words_of_its_own_is_inferred(relation: str, inferred: bool) -> None:
    assert passed(SALE, "Corvane Bank", relation, "Tessmer Holdings").inferred is inferred


@pytest.mark.parametrize(
    ("argument", "sentence", "found"),
    [
        ("warfarin", "Take (Warfarin), then warfarin.", (6, "Warfarin")),
        ("vitamin K", "Take vitamin, vitamin K.", (14, "vitamin K")),
        ("vitamin  k", "Take vitamin\nK.", (5, "vitamin\nK")),
        ("the patient’s", "It is the patient's.", (6, "the patient's")),
        ("3.5 mg", "Take 13.5 mg, 3.5 mg or 3.5 g", (14, "3.5 mg")),
        ("1,250.75", "It cost 250.75 or 1,250.75.", (18, "1,250.75")),
        ("B12", "Vitamin B12", (8, "B12")),
        ("Take", "Take", (0, "Take")),
        ("farin", "Take warfarin.", None),
        ("Take warfarin now", "Take warfarin", None),
        ("", "Take warfarin.", None),
        ("--", "Take -- warfarin.", None),
        ("x-ray", "No x-ray, no.", (3, "x-ray")),
    ],
)
def test_where_words_stand_in_a_sentence(argument: str, sentence: str, found: tuple[int, str] | None) -> None:
    span = find_tokens(argument, sentence)
    assert found == (span and (span.start, sentence[span.start : span.end]))
