"""How well sentences support an answer: less where what is asked of a name is said nowhere."""

import numpy as np
import pytest

from app.domain.documents import Span
from app.domain.ids import ChunkId
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
    retrieved = Retrieved((), (), (), (), np.zeros(3, dtype=np.float32), ("star", "insur"), postings, SPACE, read)
    candidate = Candidate(
        chunk_of("Star; Built: 2015"), Span(0, 17), "Star; Built: 2015", 0.6, frozenset({"star"}), 1.0
    )
    return support_of([candidate], retrieved=retrieved)


def test_a_name_alone_supports_nothing_that_no_document_says() -> None:
    assert supported(INSURES, insuring=0) == pytest.approx(supported(ReadQuestion("which"), insuring=0) - 0.2)


def test_what_is_said_elsewhere_is_judged_by_its_words() -> None:
    assert supported(INSURES, insuring=3) == pytest.approx(supported(ReadQuestion("which"), insuring=3))
