"""Tests of cutting a streamed answer into sentences with their marks."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.answer_sentences import SentenceStream, WrittenSentence

ANSWER = (
    "Dr. A. Brenner runs Corvane Bank [1]. It was sold for 12.5 million euros. [2][3]\n"
    "- It is in St. Gallen [1, 2]! Is it open? [passage 4] Perhaps"
)
SENTENCES = [
    WrittenSentence("Dr. A. Brenner runs Corvane Bank.", (1,)),
    WrittenSentence("It was sold for 12.5 million euros.", (2, 3)),
    WrittenSentence("It is in St. Gallen!", (1, 2)),
    WrittenSentence("Is it open?", (4,)),
    WrittenSentence("Perhaps", ()),
]


def read(pieces: list[str]) -> list[WrittenSentence]:
    stream = SentenceStream()
    found = [sentence for piece in pieces for sentence in stream.feed(piece)]
    rest = stream.rest()
    return [*found, rest] if rest else found


def test_marks_belong_to_the_sentence_before_them() -> None:
    assert read([ANSWER]) == SENTENCES


@given(st.lists(st.integers(0, len(ANSWER)), max_size=40))
def test_the_sentences_do_not_depend_on_how_they_arrive(cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(ANSWER)]
    assert read([ANSWER[start:end] for start, end in pairwise(borders)]) == SENTENCES


def test_a_sentence_comes_as_soon_as_its_end_is_certain() -> None:
    stream = SentenceStream()
    assert stream.feed("One is here.") == []
    assert stream.feed(" [1]") == []
    assert stream.feed(" Two") == [WrittenSentence("One is here.", (1,))]


def test_a_numbered_list_is_read_item_by_item() -> None:
    assert read(["1. Apixaban [1]\n2. Warfarin [2]"]) == [
        WrittenSentence("Apixaban", (1,)),
        WrittenSentence("Warfarin", (2,)),
    ]


def test_marks_alone_are_no_sentence() -> None:
    assert read(["[1] [2]."]) == []
