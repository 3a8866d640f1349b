"""The model path with a small real model in llama.cpp: its wisdom is useless, its streams and schemas are real."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.answers import Answer, AnswerSentence, Mode, Verdict
from app.domain.documents import ChunkState
from app.domain.ids import WorkspaceId
from app.domain.models import Band
from app.domain.names import fold
from app.domain.workspaces import Workspace
from app.errors import CancelledError
from app.pipeline.citing import Citations
from app.pipeline.model_answering import AnswerWriter, Material
from app.pipeline.model_asking import ask
from app.pipeline.model_extraction import ModelExtractor
from app.pipeline.model_output import FACTS_SCHEMA, read_json
from app.pipeline.model_reading import ModelReader, facts_messages
from app.pipeline.parsing import SentenceParser
from app.pipeline.probe import probe
from backends.cache.sql import SqlCacheStore
from backends.embeddings.hashing import HashingEmbedder
from backends.embeddings.settings import HashingEmbedderSettings
from backends.llm.base import LanguageModel
from backends.llm.settings import LlamaCppSettings
from backends.loading import load
from backends.metadata.base_content import Postings
from tests.servers.requiring import require
from tests.servers.smollm2 import smollm2_path
from tests.unit.model_parts import chunk_of, open_cache

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(600)]
PARSER = SentenceParser()
CHUNK = chunk_of(
    "Nadia Brenner founded Corvane Bank in 1998.",
    "Corvane Bank sold its leasing unit to Merrow Group.",
    "Zelotrine does not interact with warfarin.",
)


@pytest.fixture(scope="module")
def model() -> Iterator[LanguageModel]:
    try:
        import xllamacpp  # noqa: F401
    except ImportError:
        require("llamacpp", "run uv sync --extra llamacpp")
    with closing(load(LanguageModel, LlamaCppSettings(path=smollm2_path(), window_tokens=2048))) as opened:
        yield opened


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[SqlCacheStore]:
    with open_cache(tmp_path) as opened:
        yield opened


def test_a_finished_answer_keeps_to_the_schema(model: LanguageModel) -> None:
    messages = facts_messages(["Nadia Brenner founded Corvane Bank."], ontology="general")
    schema = {**FACTS_SCHEMA, "properties": {"facts": {**FACTS_SCHEMA["properties"]["facts"], "maxItems": 2}}}
    answer = read_json(ask(model, messages, max_tokens=600, schema=schema, go_on=lambda: True))
    assert all(set(fact) == {"sentence", "subject", "relation", "object", "status"} for fact in answer["facts"])


def test_whatever_the_model_says_only_words_of_the_chunk_enter(model: LanguageModel, cache: SqlCacheStore) -> None:
    extractor = ModelExtractor(ModelReader(model, info=model.describe(), cache=cache), parser=PARSER)
    found = extractor.extract(CHUNK)
    assert found.state in {ChunkState.EXTRACTED, ChunkState.RETRIED, ChunkState.QUARANTINED}
    assert all(
        fold(end) in fold(CHUNK.text) for fact in found.extraction.triples for end in (fact.subject, fact.object)
    )
    assert {name.text for name in found.extraction.entities} >= {"Nadia Brenner", "Corvane Bank"}


def test_a_chunk_over_the_window_is_set_aside(model: LanguageModel, cache: SqlCacheStore) -> None:
    narrow = replace(model.describe(), window_tokens=512)
    found = ModelExtractor(ModelReader(model, info=narrow, cache=cache), parser=PARSER).extract(CHUNK)
    assert found.state is ChunkState.QUARANTINED


def test_stopping_ends_the_call_and_the_model_answers_again(model: LanguageModel, cache: SqlCacheStore) -> None:
    extractor = ModelExtractor(ModelReader(model, info=model.describe(), cache=cache), parser=PARSER)
    asked = iter([True, True, False])
    with pytest.raises(CancelledError):
        extractor.extract(CHUNK, go_on=lambda: next(asked))
    assert "".join(piece.text for piece in model.stream(facts_messages(["Hello."], ontology="general"), max_tokens=4))


def test_the_probe_lets_it_do_nothing(model: LanguageModel, cache: SqlCacheStore) -> None:
    result = probe(model, cache=cache, limit_seconds=400)
    assert result.band is Band.RULES_ONLY
    assert result.reason
    assert probe(model, cache=cache) == result


def write(model: LanguageModel) -> Iterator[Answer]:
    writer = AnswerWriter(
        model,
        info=model.describe(),
        parser=PARSER,
        embedder=HashingEmbedder(HashingEmbedderSettings()),
    )
    citations = Citations({})
    quote = citations.cite(CHUNK.sentences[0].span, chunk=CHUNK)
    quoted = AnswerSentence(quote.quote, (quote.n,), Verdict.SUPPORTED)
    material = Material(
        quoted=Answer(Mode.RAG, "you chose it", sentences=(quoted,), citations=citations.all),
        chunks=[CHUNK],
        citations=citations,
        workspace=Workspace(WorkspaceId("w1"), "Test"),
        find_postings=lambda stems: Postings(10, 20.0, {stem: {} for stem in stems}),
    )
    return writer.write("Who founded Corvane Bank, and when?", material=material)


def test_an_answer_streams_checked_beside_its_quotes(model: LanguageModel) -> None:
    answers = list(write(model))
    assert [answer.finished for answer in answers] == [False] * (len(answers) - 1) + [True]
    last = answers[-1]
    assert last.quoted or last.notice
    for sentence in last.sentences:
        assert sentence.verdict in {Verdict.SUPPORTED, Verdict.WEAK, Verdict.NOT_SUPPORTED}
        assert sentence.citations or sentence.verdict is Verdict.NOT_SUPPORTED


def test_an_answer_can_be_left_in_the_middle(model: LanguageModel) -> None:
    answers = write(model)
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert list(write(model))[-1].finished
