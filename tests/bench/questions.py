"""Latency of a question by stage over a workspace of 10,000 chunks; prints one JSON object.

Chunks are made from a word list with a fixed seed and their vectors are drawn, because only time is measured here;
the question itself is parsed, embedded, searched, walked and answered as always.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from app.domain.answers import Mode
from app.domain.documents import Chunk, DocumentVersion, Sentence, Span
from app.domain.graph import Extraction, RecognisedEntity
from app.domain.ids import ChunkId, WorkspaceId
from app.domain.workspaces import Workspace
from app.evaluation.report import record
from app.evaluation.workspace import loaded_text, make_version, open_instruments
from app.pipeline.answering import Answerer, Scope
from app.pipeline.embedding_spaces import SearchSpace
from app.pipeline.resolution import contribute
from app.pipeline.retrieval import Retriever
from app.pipeline.words import content_stems
from app.settings import default_model_dir
from backends.embeddings.settings import OnnxEmbedderSettings
from backends.graph.base import GraphStore
from backends.graph.settings import SqlGraphSettings
from backends.loading import load
from backends.metadata.base import MetadataStore
from backends.metadata.settings import SqliteMetadataSettings
from backends.sql.engine import Database
from backends.sql.migrating import upgrade
from backends.vectors.base import VectorStore
from backends.vectors.settings import SqlVectorSettings

CHUNKS_A_DOCUMENT = 20
SYLLABLES = "bra cor del fen gar hol kin lor mar nor pel quin ros tan vel win".split()
VERBS = "supplies audits leads treats refers insures acquires monitors".split()


def names(count: int, draw: random.Random) -> list[str]:
    return [" ".join("".join(draw.sample(SYLLABLES, 2)).title() for _ in range(2)) for _ in range(count)]


def chunk_of(number: int, version: DocumentVersion, known: list[str], draw: random.Random) -> tuple[Chunk, Extraction]:
    sentences, entities, text = [], [], ""
    for _ in range(5):
        first, second = draw.sample(known, 2)
        contract, year = draw.randrange(9999), draw.randrange(1990, 2026)
        sentence = f"{first} {draw.choice(VERBS)} {second} under contract {contract} since {year}."
        start = len(text)
        text += sentence + " "
        sentences.append(Sentence(Span(start, start + len(sentence))))
        for name in (first, second):
            place = start + sentence.index(name)
            entities.append(RecognisedEntity(Span(place, place + len(name)), name, "Organization"))
    text = text.rstrip()
    chunk = Chunk(
        id=ChunkId(f"chunk{number:08d}"),
        workspace_id=version.workspace_id,
        document_id=version.document_id,
        version_id=version.id,
        ordinal=number % CHUNKS_A_DOCUMENT,
        page=1,
        span=Span(0, len(text)),
        text=text,
        topic=version.name,
        sentences=tuple(sentences),
        stems=tuple(content_stems(text)),
    )
    return chunk, Extraction(tuple(entities), (), {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    draw = random.Random(7)
    known = names(options.chunks // 4, draw)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_instruments(embedder=OnnxEmbedderSettings(), model_dir=default_model_dir()) as instruments,
    ):
        database = Database(Path(folder) / "bench.db", key=b"k" * 32)
        upgrade(database)
        metadata = load(MetadataStore, SqliteMetadataSettings(), database=database)
        dimension = instruments.embedder.dimension
        vectors = load(VectorStore, SqlVectorSettings(), database=database, embedding_name="bench", dimension=dimension)
        graph = load(GraphStore, SqlGraphSettings(), database=database)
        rng = np.random.default_rng(7)
        versions = {}
        for number in range(options.chunks // CHUNKS_A_DOCUMENT):
            version = make_version(number, f"Report {number}")
            versions[version.id] = version
            made = [
                chunk_of(number * CHUNKS_A_DOCUMENT + place, version, known, draw) for place in range(CHUNKS_A_DOCUMENT)
            ]
            metadata.chunks.upsert([chunk for chunk, _ in made])
            rows = rng.standard_normal((len(made), dimension)).astype(np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            vectors.upsert(
                [chunk.id for chunk, _ in made], rows, workspace_id=version.workspace_id, version_id=version.id
            )
            for chunk, extraction in made:
                graph.add(
                    contribute(
                        chunk, extraction, loaded=loaded_text(chunk.text), ids_key=b"bench", extractor_version="bench"
                    ),
                    workspace_id=version.workspace_id,
                )
        space = SearchSpace(instruments.embedder, vectors)
        retriever = Retriever(
            metadata=metadata, graph=graph, find_space=lambda _workspace_id: space, parser=instruments.parser
        )
        answerer = Answerer(retriever=retriever, metadata=metadata, graph=graph)
        scope = Scope(Workspace(WorkspaceId("measured"), "Bench"), versions)
        stages: dict[str, list[float]] = {}
        first_seconds = 0.0
        for number in range(options.questions + 1):
            first, second = draw.sample(known, 2)
            started = time.perf_counter()
            *_, answer = answerer.answer(f"Who audits {first} and {second}?", scope=scope, mode=Mode.GRAPHRAG)
            seconds = time.perf_counter() - started
            if number == 0:
                first_seconds = seconds
                continue
            for stage, spent in {**answer.timings, "whole": seconds}.items():
                stages.setdefault(stage, []).append(spent)
        database.close()
    figures: dict[str, object] = {"chunks": options.chunks, "first_question_seconds": round(first_seconds, 2)}
    for stage, times in stages.items():
        figures[stage] = {
            "p50_ms": round(1000 * statistics.median(times)),
            "p95_ms": round(1000 * sorted(times)[int(0.95 * (len(times) - 1))]),
        }
    print(json.dumps(figures))
    if options.results:
        record(options.results, "questions", {"graphrag": figures})


if __name__ == "__main__":
    main()
