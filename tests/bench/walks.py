"""PageRank of a question among a million chunks and ten million edges, under a permission mask; prints one JSON object.

The edges are drawn with a fixed seed: ten names a chunk, some names in very many chunks and most in few (Zipf), twenty
chunks a version. A question has two names and the hundred chunks nearest in meaning; of the versions 60 % are
permitted. `same_best` is the mean share of the best 20 that a walk over all edges, nothing left out, has too.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

import app.pipeline.pagerank as pagerank
from app.domain.ids import VersionId, WorkspaceId
from app.evaluation.report import record
from app.pipeline.adjacency import Adjacency, codes_of
from app.pipeline.adjacency_building import Edges, assemble
from app.pipeline.adjacency_files import AdjacencyFiles
from app.pipeline.permitted_edges import permit
from app.pipeline.retrieval_graph import RetrievalGraph

_WORKSPACE = WorkspaceId("bench")
_CHUNKS_A_VERSION = 20
_NAMES_A_CHUNK = 10
_BEST = 20


def draw_edges(chunks: int, rng: np.random.Generator) -> Edges:
    versions = tuple(VersionId(f"V{number:025d}") for number in range(-(-chunks // _CHUNKS_A_VERSION)))
    names = chunks // 2
    popularity = 1 / np.arange(1, names + 1)
    owners = np.repeat(np.arange(chunks), _NAMES_A_CHUNK)
    drawn = rng.choice(names, size=len(owners), p=popularity / popularity.sum())
    pairs = np.unique(owners * names + drawn)
    owners, drawn = pairs // names, pairs % names
    codes = codes_of((f"name {number}" for number in range(names)), key=b"bench")
    return Edges(
        versions=versions,
        chunk_ids=np.array([f"C{number:025d}".encode() for number in range(chunks)]),
        chunk_versions=(np.arange(chunks) // _CHUNKS_A_VERSION).astype(np.int32),
        chunks=owners,
        names=codes[drawn],
        weights=rng.uniform(0.2, 4, len(owners)).astype(np.float32),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(7)
    edges = draw_edges(options.chunks, rng)
    with tempfile.TemporaryDirectory() as folder:
        files = AdjacencyFiles(Path(folder))
        started = time.perf_counter()
        part = assemble(edges)
        assembled = time.perf_counter()
        generation = files.write(_WORKSPACE, part)
        written = time.perf_counter()
        opened = files.open(_WORKSPACE, generation)
        assert opened is not None
        adjacency = Adjacency((opened,), generation)
        figures = {
            "chunks": options.chunks,
            "edges": part.edges,
            "assembled_seconds": round(assembled - started, 1),
            "written_seconds": round(written - assembled, 1),
            "megabytes": round(sum(path.stat().st_size for path in Path(folder).rglob("*.npy")) / 1e6),
            **ask(adjacency, options.questions, rng),
        }
    figures["peak_megabytes"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps(figures, indent=2))
    if options.results:
        record(options.results, "walks", {"walks": figures})


def ask(adjacency: Adjacency, questions: int, rng: np.random.Generator) -> dict[str, float]:
    """Seconds of the mask and of the walk, and how like a walk is to one that leaves nothing out."""
    permitted = frozenset(version for version in adjacency.parts[0].versions if rng.random() < 0.6)
    masking, walking, same = [], [], []
    for _ in range(questions):
        started = time.process_time()
        graph = RetrievalGraph(permit(adjacency, permitted), b"bench")
        masked = time.process_time()
        allowed = np.flatnonzero(graph.edges.chunks)
        seeds = {
            "names": {int(name): 0.45 for name in rng.integers(0, adjacency.names, 2)},
            "chunks": {int(chunk): 0.001 for chunk in rng.choice(allowed, 100)},
        }
        begun = time.process_time()
        found = graph.rank(**seeds, limit=_BEST)
        walking.append(time.process_time() - begun)
        masking.append(masked - started)
        least, pagerank._TOO_LITTLE = pagerank._TOO_LITTLE, 0.0
        exact = graph.rank(**seeds, limit=_BEST)
        pagerank._TOO_LITTLE = least
        same.append(len({one for one, _ in found} & {one for one, _ in exact}) / len(exact))
    return {
        "mask_p95_ms": _p95(masking),
        "walk_p50_ms": round(1000 * statistics.median(walking)),
        "walk_p95_ms": _p95(walking),
        "same_best": round(statistics.fmean(same), 4),
    }


def _p95(seconds: list[float]) -> int:
    return round(1000 * sorted(seconds)[int(0.95 * (len(seconds) - 1))])


if __name__ == "__main__":
    main()
