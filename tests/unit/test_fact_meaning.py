"""Facts of long sentences that mean little of their sentence are left out, and nothing else."""

import pytest

from app.domain.graph import Assertion
from app.pipeline.fact_meaning import STRAY
from app.pipeline.rules import RulesExtractor, parse_sentences, propose
from app.pipeline.verification import verify
from tests.unit.meaning_parts import MEANING
from tests.unit.model_parts import chunk_of
from tests.unit.rules_parts import PARSER, read_chunk

LEVERAGE = "Leverage was 4.31 times against a limit of 4.00 times, because two vessels were in dry dock for 71 days."
DIRECTOR = (
    "A non-executive director, Leonie Stroud, advises Quillmark Marine Ltd and takes no part in decisions on freight."
)


def read(*sentences: str, rows: tuple[int, ...] = ()) -> tuple[set[tuple[str, str, str]], dict[str, int]]:
    found = RulesExtractor(PARSER, MEANING).extract(chunk_of(*sentences, rows=rows)).extraction
    return {(one.subject, one.relation, one.object) for one in found.triples}, found.refused


def unweighed(*sentences: str, rows: tuple[int, ...] = ()) -> set[tuple[str, str, str]]:
    triples = read_chunk(chunk_of(*sentences, rows=rows)).triples
    return {(one.subject, one.relation, one.object) for one in triples}


def test_a_fact_that_means_little_of_a_long_sentence_is_left_out_and_counted() -> None:
    found, refused = read(LEVERAGE)
    assert ("Leverage", "was", "4.31 times") in found
    strays = {("two vessels", "were in", "dry dock"), ("two vessels", "were for", "71 days")}
    assert unweighed(LEVERAGE) - found == strays
    assert refused[STRAY] == len(strays)


def test_what_is_denied_stays() -> None:
    assert ("Leonie Stroud", "takes part in", "decisions on freight") in read(DIRECTOR)[0]


@pytest.mark.parametrize(
    "sentence",
    [
        "Version 2, last changed 9 March 2026 by Anneke Roskill, formulary pharmacist.",
        "The INR on the day of discharge was 2.4.",
    ],
)
def test_short_sentences_lose_nothing(sentence: str) -> None:
    assert read(sentence)[0] == unweighed(sentence) != set()


def test_rows_of_tables_lose_nothing() -> None:
    row = "Medicine: warfarin; Dose: 3 mg; How often: once daily at 18:00; Since: 12 January 2026; By: Dr Ravi Ostler"
    assert read(row, rows=(0,))[0] == unweighed(row, rows=(0,)) != set()


def test_the_medicines_of_a_long_list_stay() -> None:
    text = (
        "Leonie Stroud takes ramipril, apixaban, bisoprolol, omeprazole, furosemide, amiodarone and atorvastatin since "
        "her operation, walks to the market every morning and sees her daughter on most of the evenings of the week."
    )
    assert {("Leonie Stroud", "takes", name) for name in ("ramipril", "omeprazole", "atorvastatin")} <= read(text)[0]


def test_the_doses_of_a_long_list_stay() -> None:
    text = (
        "On discharge from the cardiology ward on 4 March the patient Leonie Stroud takes apixaban 5 mg twice daily, "
        "bisoprolol 2.5 mg once daily, low-dose aspirin 75 mg daily and atorvastatin 40 mg at night."
    )
    doses = {(relation, object_) for _, relation, object_ in read(text)[0]}
    assert {("takes apixaban", "5 mg twice daily"), ("takes bisoprolol", "2.5 mg once daily")} <= doses
    assert ("takes", "low-dose aspirin") in doses


def test_a_subject_that_only_a_pronoun_names_is_read_with_its_sentence() -> None:
    found, _ = read(
        "Nadia Brenner founded Corvane Bank.",
        "In the following year she sold Merrow Group to a fund that had never before owned any ships or harbours.",
    )
    assert ("Nadia Brenner", "sold", "Merrow Group") in found


def test_a_fact_weighs_the_same_whatever_stands_beside_it() -> None:
    chunk = chunk_of(LEVERAGE, DIRECTOR)
    sentences = parse_sentences(chunk, PARSER)
    triples, _ = verify(propose(chunk, sentences), sentences)
    together = MEANING.weigh(triples, sentences)
    assert together
    for one in triples:
        assert all(
            together[where] == pytest.approx(cosine, abs=1e-5)
            for where, cosine in MEANING.weigh([one], sentences).items()
        )
    assert not any(one.assertion is Assertion.NEGATED for one in triples if MEANING.weigh([one], sentences))


def test_the_version_names_the_measure_and_its_model() -> None:
    assert RulesExtractor(PARSER, MEANING).version.endswith(f"+{MEANING.version}")
    assert "all-MiniLM-L6-v2" in MEANING.version
