"""Chunks, a cache and scripted models for the tests of what a language model takes part in."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.domain.documents import Chunk, Sentence, Span
from app.domain.ids import ChunkId, DocumentId, VersionId, WorkspaceId
from app.pipeline.model_reading import ModelReader
from app.pipeline.words import content_stems
from backends.cache.settings import SqlCacheSettings
from backends.cache.sql import SqlCacheStore
from backends.llm.scripted import ScriptedLanguageModel
from backends.llm.settings import ScriptedAnswer, ScriptedSettings
from backends.sql.engine import Database
from backends.sql.migrating import upgrade


@contextmanager
def open_database(folder: Path) -> Iterator[Database]:
    database = Database(folder / "test.db", key=None)
    upgrade(database)
    yield database
    database.close()


@contextmanager
def open_cache(folder: Path) -> Iterator[SqlCacheStore]:
    with open_database(folder) as database:
        yield SqlCacheStore(SqlCacheSettings(), database=database)


def chunk_of(
    *texts: str, name: str = "c1", topic: str = "", version: str = "v1", start: int = 0, rows: Sequence[int] = ()
) -> Chunk:
    """A chunk of these sentences with a space between them; those at the places `rows` are table rows."""
    spans = []
    position = start
    for text in texts:
        spans.append(Span(position, position + len(text)))
        position += len(text) + 1
    whole = " ".join(texts)
    return Chunk(
        id=ChunkId(name),
        workspace_id=WorkspaceId("w1"),
        document_id=DocumentId(f"document of {version}"),
        version_id=VersionId(version),
        ordinal=0,
        page=1,
        span=Span(start, start + len(whole)),
        text=whole,
        topic=topic,
        sentences=tuple(Sentence(span, row=place in rows) for place, span in enumerate(spans)),
        stems=tuple(content_stems(f"{topic} {whole}")),
    )


def fact(sentence: int, subject: str, relation: str, object_: str, status: str = "affirmed") -> dict[str, Any]:
    return {"sentence": sentence, "subject": subject, "relation": relation, "object": object_, "status": status}


def facts(*items: dict[str, Any]) -> dict[str, Any]:
    return {"facts": list(items)}


def scripted(*answers: ScriptedAnswer | str | dict[str, Any], **settings: Any) -> ScriptedLanguageModel:
    """A model that gives these answers in turn."""
    made = tuple(answer if isinstance(answer, ScriptedAnswer) else ScriptedAnswer(text=answer) for answer in answers)
    return ScriptedLanguageModel(ScriptedSettings(answers=made, **settings))


def reader_of(model: ScriptedLanguageModel, cache: SqlCacheStore, **options: Any) -> ModelReader:
    return ModelReader(model, info=model.describe(), cache=cache, **options)
