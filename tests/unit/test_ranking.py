"""The parts of retrieval that rank: fusion, word search, and the words they compare."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.ids import ChunkId
from app.pipeline.fusion import fuse
from app.pipeline.lexical import inverse_frequency, rank_by_words
from app.pipeline.words import content_stems, is_stop_word, words
from backends.metadata.base_content import Postings

A, B, C = ChunkId("a"), ChunkId("b"), ChunkId("c")


def test_ranks_are_fused_by_reciprocals() -> None:
    fused = fuse([[A, B], [B, C]], limit=10)
    assert [chunk for chunk, _ in fused] == [B, A, C]
    assert fused[0][1] == pytest.approx(1 / 62 + 1 / 61)
    assert fuse([[B], [A]], limit=10) == [(A, 1 / 61), (B, 1 / 61)]
    assert fuse([[A, B, C]], limit=2) == fuse([[A, B, C], []], limit=2)
    assert fuse([], limit=5) == []


def test_words_are_ranked_as_bm25_does() -> None:
    postings = Postings(10, 5.0, {"drug": {A: 1, B: 1}, "rare": {B: 2}, "absent": {}}, {A: 5, B: 5})
    ranked = rank_by_words(["drug", "rare"], postings, limit=5)
    assert [chunk for chunk, _ in ranked] == [B, A]
    idf = math.log(1 + (10 - 2 + 0.5) / (2 + 0.5))
    assert dict(ranked)[A] == pytest.approx(idf * 1 * 2.5 / (1 + 1.5))
    assert inverse_frequency("absent", postings) > inverse_frequency("rare", postings)
    assert inverse_frequency("rare", postings) > inverse_frequency("drug", postings) > 0
    assert rank_by_words(["absent", "unknown"], postings, limit=5) == []
    assert dict(rank_by_words(["drug", "drug"], postings, limit=5))[A] == pytest.approx(2 * dict(ranked)[A])


def test_a_shorter_chunk_ranks_higher_and_ties_go_by_id() -> None:
    postings = Postings(3, 10.0, {"drug": {C: 1, A: 1, B: 1}}, {A: 10, B: 5, C: 10})
    assert [chunk for chunk, _ in rank_by_words(["drug"], postings, limit=3)] == [B, A, C]
    assert len(rank_by_words(["drug"], postings, limit=1)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("interacts", "interaction"),
        ("patient's", "patients"),
        ("Bleeding", "BLEEDING"),
        ("1,250", "1250"),
        ("“risk”", "risk"),
    ],
)
def test_words_that_mean_the_same_have_one_stem(one: str, other: str) -> None:
    assert content_stems(one) == content_stems(other) != []


def test_stop_words_are_left_out_and_the_rest_keeps_its_order_and_repetitions() -> None:
    assert content_stems("The dose of the drug, the dose!") == ["dose", "drug", "dose"]
    assert content_stems("It is what it is.") == []
    assert words("The dose") == ["the", "dose"]
    assert is_stop_word("The")
    assert not is_stop_word("dose")
    assert content_stems("7.5 mg") == ["7.5", "mg"]


@given(st.text(max_size=80))
@settings(deadline=None)
def test_any_text_has_stems_that_are_no_spaces(text: str) -> None:
    assert all(stem and not stem.isspace() for stem in content_stems(text))
