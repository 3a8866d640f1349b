"""How well sentences support an answer: less where what is asked of a name is said nowhere."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.documents import Span
from app.domain.graph import Entity, RecognisedEntity
from app.domain.ids import ChunkId, EntityId
from app.pipeline.answering import _with_path
from app.pipeline.embedding_spaces import SearchSpace
from app.pipeline.extractive import Candidate, support_of
from app.pipeline.question_reading import ReadQuestion
from app.pipeline.retrieval import Retrieved
from backends.embeddings.hashing import HashingEmbedder
from backends.embeddings.settings import HashingEmbedderSettings
from backends.metadata.base_content import Postings
from tests.unit.model_parts import chunk_of

SPACE = SearchSpace(HashingEmbedder(HashingEmbedderSettings(dimension=8)), None)
INSURES = ReadQuestion("which", ("insur",), says_only_predicate=True)


def supported(read: ReadQuestion, *, insuring: int) -> float:
    """By a sentence that holds the name and not the verb, which `insuring` other chunks hold."""
    holding = {ChunkId(f"c{number}"): 1 for number in range(insuring)}
    postings = Postings(
        chunks=40,
        mean_length=10.0,
        frequencies={"star": {ChunkId("a"): 1}, "insur": holding},
        lengths={ChunkId("a"): 10, **dict.fromkeys(holding, 10)},
    )
    return support_of([candidate({"star"})], retrieved=retrieved(("star", "insur"), postings, read=read))


def candidate(stems: set[str], *, around: set[str] = frozenset(), score: float = 1.0) -> Candidate:  # type: ignore[assignment]
    text = "Star; Built: 2015"
    return Candidate(chunk_of(text), Span(0, 17), text, 0.6, frozenset(stems), score, frozenset(around or stems))


def retrieved(
    stems: tuple[str, ...], postings: Postings, *, names: tuple[str, ...] = (), read: ReadQuestion | None = None
) -> Retrieved:
    named = tuple(RecognisedEntity(Span(0, len(name)), name, "Organisation") for name in names)
    vector = np.zeros(3, dtype=np.float32)
    return Retrieved((), (), (), named, vector, stems, postings, SPACE, read or ReadQuestion())


def everywhere(*stems: str) -> Postings:
    """Each in one chunk, so all equally rare."""
    return Postings(chunks=40, mean_length=10.0, frequencies={stem: {ChunkId(stem): 1} for stem in stems}, lengths={})


HALVES = [candidate({"star", "insur"}, score=2.0), candidate({"moon", "sail"}, score=1.9)]


def test_what_a_question_without_names_asks_must_stand_together() -> None:
    asked = retrieved(("star", "insur", "moon", "sail"), everywhere("star", "insur", "moon", "sail"))
    assert support_of(HALVES, retrieved=asked) == pytest.approx(0.6 + 0.5)
    whole = [*HALVES, candidate({"sail"}, around={"star", "insur", "moon", "sail"}, score=0.1)]
    assert support_of(whole, retrieved=asked) == pytest.approx(0.6 + 1.0)


def test_what_a_question_with_names_asks_may_stand_in_several_passages() -> None:
    stems = ("star", "insur", "moon", "sail")
    asked = retrieved(stems, everywhere(*stems), names=("Star", "Moon"))
    assert support_of(HALVES, retrieved=asked) == pytest.approx(0.6 + 1.0)


@pytest.mark.parametrize(
    ("names", "less"), [(("Star", "Moon"), 0.0), (("Star", "Comet"), 0.125), (("Comet",), 0.25), (("The", "Star"), 0.0)]
)
def test_names_that_no_sentence_holds_are_missed(names: tuple[str, ...], less: float) -> None:
    stems = ("star", "insur", "moon", "sail")
    asked = retrieved(stems, everywhere(*stems), names=names)
    assert support_of(HALVES, retrieved=asked) == pytest.approx(1.6 - less)


def test_what_facts_join_may_stand_in_several_passages() -> None:
    asked = retrieved(("star", "insur", "moon", "sail"), everywhere("star", "insur", "moon", "sail"))
    assert support_of(HALVES, retrieved=asked, joined=True) == pytest.approx(0.6 + 1.0)


def test_a_person_is_named_by_the_last_word_and_an_entity_by_each_of_its_names() -> None:
    stems = ("star", "insur", "moon", "sail")
    person = RecognisedEntity(Span(0, 9), "Anna Star", "Person")
    asked = replace(retrieved(stems, everywhere(*stems)), question_entities=(person,))
    assert support_of(HALVES, retrieved=asked) == pytest.approx(1.6)
    known = Entity(EntityId("e"), "Moon", "moon", "Organisation", aliases=("Luna",))
    asked = replace(retrieved(stems, everywhere(*stems), names=("Luna",)), seeds=(known,))
    assert support_of(HALVES, retrieved=asked) == pytest.approx(1.6)


def test_nothing_found_supports_nothing() -> None:
    for names in ((), ("Star",)):
        assert support_of([], retrieved=retrieved(("star",), everywhere("star"), names=names)) <= 0.0


def test_a_name_alone_supports_nothing_that_no_document_says() -> None:
    assert supported(INSURES, insuring=0) == pytest.approx(supported(ReadQuestion("which"), insuring=0) - 0.2)


def test_what_is_said_elsewhere_is_judged_by_its_words() -> None:
    assert supported(INSURES, insuring=3) == pytest.approx(supported(ReadQuestion("which"), insuring=3))


def test_sentences_of_a_path_follow_the_best_ones_in_the_place_of_the_last() -> None:
    best = [replace(candidate({f"s{number}"}), span=Span(number, number + 1)) for number in range(7)]
    path = [best[1], replace(candidate({"path"}), span=Span(90, 91))]
    assert _with_path(best, path) == [*best[:4], path[1]]
    assert _with_path(best[:2], path) == [*best[:2], path[1]]
    assert _with_path(best, []) == best[:5]
