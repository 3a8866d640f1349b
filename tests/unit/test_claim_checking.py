"""Tests of checking a written sentence against its sources, with the real parser and hashed words."""

import pytest

from app.domain.answers import Verdict
from app.domain.documents import Chunk
from app.domain.ids import WorkspaceId
from app.domain.workspaces import Workspace
from app.pipeline import claim_checking
from app.pipeline.claim_checking import CheckedClaim, ClaimChecker
from app.pipeline.parsing import SentenceParser
from backends.embeddings.hashing import HashingEmbedder
from backends.embeddings.settings import HashingEmbedderSettings
from backends.metadata.base_content import Postings
from tests.unit.model_parts import chunk_of

CHECKER = ClaimChecker(parser=SentenceParser(), embedder=HashingEmbedder(HashingEmbedderSettings()))
DRUG = chunk_of(
    "Peter Lindqvist was admitted on 3 May 2021.",
    "He takes apixaban 5 mg twice daily for atrial fibrillation.",
    "He does not take warfarin.",
    "Apixaban may cause bleeding.",
    "His mother has diabetes.",
    topic="Discharge letter of Peter Lindqvist",
)
BANK = chunk_of("Corvane Bank sold its leasing unit to Merrow Group.", name="c2", topic="Annual report")


def check(claim: str, *cited: Chunk) -> CheckedClaim:
    return CHECKER.check(
        claim,
        cited=cited,
        workspace=Workspace(WorkspaceId("w1"), "Test"),
        find_postings=lambda stems: Postings(40, 20.0, {stem: {} for stem in stems}),
    )


@pytest.mark.parametrize(
    "claim",
    [
        "Peter Lindqvist takes apixaban 5 mg twice daily for atrial fibrillation.",
        "Peter Lindqvist does not take warfarin.",
        "Apixaban may cause bleeding.",
        "His mother has diabetes.",
    ],
)
def test_what_a_source_says_is_supported(claim: str) -> None:
    checked = check(claim, DRUG)
    assert (checked.verdict, checked.reason) == (Verdict.SUPPORTED, "")


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("Peter Lindqvist takes warfarin.", claim_checking.CONTRARY),
        ("Peter Lindqvist does not take apixaban for atrial fibrillation.", claim_checking.CONTRARY),
        ("Peter Lindqvist takes apixaban 10 mg twice daily.", claim_checking.OTHER_NUMBER),
        ("Peter Lindqvist was admitted on 3 May 2012.", claim_checking.OTHER_NUMBER),
        ("Ilona Vasari takes apixaban 5 mg twice daily.", claim_checking.OTHER_NAME),
        ("The weather in autumn was mild and pleasant.", claim_checking.UNLIKE),
    ],
)
def test_what_a_source_does_not_say_is_not_supported(claim: str, reason: str) -> None:
    checked = check(claim, DRUG)
    assert (checked.verdict, checked.reason) == (Verdict.NOT_SUPPORTED, reason)


def test_what_a_source_holds_possible_is_weak_as_plain_fact() -> None:
    checked = check("Apixaban causes bleeding.", DRUG)
    assert (checked.verdict, checked.reason) == (Verdict.WEAK, claim_checking.LESS_CERTAIN)


def test_a_disease_of_a_relative_is_not_the_patients() -> None:
    assert check("Peter Lindqvist has diabetes.", DRUG).verdict is not Verdict.SUPPORTED


def test_a_sentence_without_a_source_is_not_supported() -> None:
    assert check("Apixaban may cause bleeding.") == CheckedClaim(Verdict.NOT_SUPPORTED, claim_checking.NO_SOURCE)


def test_the_nearest_sentence_of_each_cited_passage_is_shown() -> None:
    checked = check("Corvane Bank sold its leasing unit to Merrow Group.", DRUG, BANK)
    assert [chunk.id for chunk, _ in checked.sources] == [DRUG.id, BANK.id]
    assert checked.sources[1][1] == BANK.sentences[0].span
    assert checked.verdict is Verdict.SUPPORTED


def test_the_wrong_passage_does_not_support() -> None:
    assert check("Corvane Bank sold its leasing unit.", DRUG).verdict is Verdict.NOT_SUPPORTED
