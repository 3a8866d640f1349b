"""A large graph in a real Neo4j server: pace of writing, and neighbourhoods through the store beside the bare driver.

python -m tests.bench.graph_stores [--entities 100000] [--triples 300000] [--questions 300]; writes its section of
RESULTS.md. A triple stands in a chunk of ten, a chunk in a version of fifteen; few entities are in many triples.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from neo4j import Driver, ManagedTransaction

from app.domain.graph import Contribution, Entity
from app.domain.ids import EntityId, VersionId, WorkspaceId
from backends.graph.base import GraphStore
from backends.loading import load
from tests.conformance import graphs
from tests.security.results import write_section
from tests.servers.real_neo4j import real_neo4j

ROOT = Path(__file__).parents[2]
HERE = WorkspaceId("bench")
_TRIPLES_A_CHUNK, _CHUNKS_A_VERSION, _CHUNKS_TOGETHER = 10, 15, 15
_RELATIONS = ("inhibit", "treat", "cause", "be part of")
_SHOWN = 300
BARE = """
MATCH (:Entity {workspace_id: $workspace_id, id: $id})-[r:STATES]-(o:Entity)
WITH DISTINCT r, o LIMIT $limit
OPTIONAL MATCH (o)<-[:OF]-(n:Name)
RETURN r, o, collect(DISTINCT n.name)"""
"""As one would write it by hand: edges, ends and their names, without any scope but the workspace of the first end."""


class Corpus:
    """The same triples on every run; `ends` are of all triples, so that a random one is often much connected."""

    def __init__(self, entities: int, triples: int) -> None:
        random = Random(7)
        self.entities = [
            graphs.entity(f"Entity {number}", id_=f"e{number:08}", aliases=(f"E-{number}",))
            for number in range(entities)
        ]
        places = [int(entities * random.random() ** 2.5) for _ in range(2 * triples)]
        self.ends = list(zip(places[::2], places[1::2], strict=True))
        chunks = -(-triples // _TRIPLES_A_CHUNK)
        self.versions = frozenset(VersionId(f"v{number:06}") for number in range(-(-chunks // _CHUNKS_A_VERSION)))

    def contributions(self, chunks_together: int) -> Iterator[Contribution]:
        """In every chunk three entities are named that no triple has."""
        size = chunks_together * _TRIPLES_A_CHUNK
        for start in range(0, len(self.ends), size):
            yield self._contribution(range(start, min(start + size, len(self.ends))))

    def _contribution(self, numbers: range) -> Contribution:
        entities: dict[str, Entity] = {}
        mentions, triples = {}, []
        for number in numbers:
            chunk = number // _TRIPLES_A_CHUNK
            here = {"chunk": f"c{chunk:08}", "version": f"v{chunk // _CHUNKS_A_VERSION:06}"}
            first, second = (self.entities[place] for place in self.ends[number])
            place = graphs.evidence(start=number * 10, end=number * 10 + 9, **here)
            triples.append(graphs.triple(first, _RELATIONS[number % len(_RELATIONS)], second, [place]))
            named = (first, second, self.entities[number % len(self.entities)])
            entities |= {one.id: one for one in named}
            mentions |= {(one.id, chunk): graphs.mention(one, **here) for one in named}
        return Contribution(tuple(entities.values()), tuple(mentions.values()), tuple(triples))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--triples", type=int, default=300_000)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--results", type=Path, default=ROOT / "tests" / "bench" / "RESULTS.md")
    options = parser.parse_args()
    corpus = Corpus(options.entities, options.triples)
    with tempfile.TemporaryDirectory() as folder, real_neo4j(Path(folder), heap_megabytes=1024) as server:
        store = load(GraphStore, server.settings())
        with closing(store), closing(server.driver()) as driver:
            lines = [*_writing(store, corpus), *_reading(store, driver, corpus, options.questions)]
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    heading = f"## Neo4j\n\n`python -m tests.bench.graph_stores` ({made}, Python {platform.python_version()})\n"
    section = "\n".join([heading, "| what | figure |", "|---|---|", *lines])
    print(section)
    write_section(options.results, "graph stores", section)


def _writing(store: GraphStore, corpus: Corpus) -> Iterator[str]:
    store.count(workspace_id=HERE, permitted=corpus.versions)
    begun = time.perf_counter()
    for contribution in corpus.contributions(_CHUNKS_TOGETHER):
        store.add(contribution, workspace_id=HERE)
    seconds = time.perf_counter() - begun
    counts = store.count(workspace_id=HERE, permitted=corpus.versions)
    yield f"| graph | {counts.entities:,} entities, {counts.triples:,} triples, {counts.evidence:,} places |"
    yield f"| written, {_CHUNKS_TOGETHER} chunks a transaction | {len(corpus.ends) / seconds:,.0f} triples/s |"
    again = islice(corpus.contributions(1), 200)
    taken = times([partial(store.add, one, workspace_id=HERE) for one in again])
    yield f"| written again, one chunk of {_TRIPLES_A_CHUNK} triples a transaction | {shown(taken)} |"


def _reading(store: GraphStore, driver: Driver, corpus: Corpus, questions: int) -> Iterator[str]:
    """Store and driver in turn, so that both meet the same load."""
    random = Random(11)
    scope: dict[str, Any] = {"workspace_id": HERE, "permitted": corpus.versions}
    ids = [EntityId(corpus.entities[random.choice(random.choice(corpus.ends))].id) for _ in range(questions)]

    def ask(id_: EntityId) -> int:
        return len(store.find_triples(entity_ids=[id_], limit=_SHOWN, **scope).triples)

    def ask_bare(id_: EntityId) -> int:
        def read(transaction: ManagedTransaction) -> int:
            return len([dict(row[0]) for row in transaction.run(BARE, workspace_id=HERE, id=id_, limit=_SHOWN)])

        with driver.session(default_access_mode="READ") as session:
            return session.execute_read(read)

    times([partial(one, id_) for id_ in ids[:20] for one in (ask, ask_bare)])
    both = times([partial(one, id_) for id_ in ids for one in (ask, ask_bare)])
    through, bare = both[::2], both[1::2]
    yield f"| neighbourhood of an entity, at most {_SHOWN} triples, through the store | {shown(through)} |"
    yield f"| the same by the bare driver | {shown(bare)} |"
    yield f"| store to driver | p50 {_ratio(through, bare, 50):.2f}, p95 {_ratio(through, bare, 95):.2f} |"
    searches: dict[str, Callable[[], Any]] = {
        "entities with a text in their names, 20 of them": lambda: store.find_entities(
            text=f"ntity {random.randrange(len(corpus.entities))}", limit=20, **scope
        ),
        "entities by the key of a name": lambda: store.find_entities(
            keys=[f"entity {random.randrange(len(corpus.entities))}"], **scope
        ),
        "counts of the workspace": lambda: store.count(**scope),
        "all mentions": lambda: store.find_mentions(**scope),
        "all entities": lambda: store.find_entities(**scope),
        "the best supported 300 triples": lambda: store.find_triples(limit=_SHOWN, **scope),
    }
    for name, search in searches.items():
        repeated = 40 if name.startswith("entities") else 3
        search()
        yield f"| {name} | {shown(times([search] * repeated))} |"


def times(calls: list[Callable[[], Any]]) -> list[float]:
    found = []
    for call in calls:
        begun = time.perf_counter()
        call()
        found.append((time.perf_counter() - begun) * 1000)
    return found


def percentile(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def _ratio(times: list[float], others: list[float], percent: int) -> float:
    return percentile(times, percent) / percentile(others, percent)


def shown(times: list[float]) -> str:
    return f"p50 {percentile(times, 50):,.1f} ms, p95 {percentile(times, 95):,.1f} ms"


if __name__ == "__main__":
    main()
