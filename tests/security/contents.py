"""What a workspace holds, read from the stores themselves and without ids and times, so that two can be compared."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from app.container import OPERATOR, Services
from app.domain.audit import Outcome
from app.domain.ids import WorkspaceId
from app.pipeline.indexing import layout_id
from app.security.audit_chain import read_event
from backends.audit.base import AuditStore
from backends.embeddings.base import Embedder
from backends.files.base import FileStore
from backends.loading import load
from backends.sql.engine import Database
from backends.sql.tables import chunk_stems, chunks, documents, jobs, versions
from backends.sql.tables_derived import entity_names, evidence, mentions, queue, triples, vectors
from backends.vectors.base import VectorStore

_NEAR = 1e-3
"""What is embedded together changes a model's vector behind the third digit."""
_STORED = ("rdf:predicate", "subject_type", "object_type", "assertion", "prov:wasQuotedFrom", "prov:value")


@dataclass(frozen=True)
class Contents:
    """Each a list of everything of one kind, counted, so that a row too many is seen like one too few."""

    documents: Counter[str]
    chunks: Counter[str]
    stems: Counter[str]
    vectors: Counter[str]
    mentions: Counter[str]
    names: Counter[str]
    evidence: Counter[str]
    facts: Counter[str]
    """The exported graph in its canonical form."""
    orphans: Counter[str]
    """Facts without evidence."""
    values: dict[str, Any]
    """The vectors themselves."""

    def counts(self) -> dict[str, int]:
        return {kind: one.total() for kind, one in vars(self).items() if isinstance(one, Counter)}

    def differences(self, other: "Contents") -> list[str]:
        """What `other` has too little and too much."""
        found = []
        for kind in self.counts():
            mine, others = getattr(self, kind), getattr(other, kind)
            if mine != others:
                too_few, too_many = mine - others, others - mine
                some = [*list(too_few)[:2], *list(too_many)[:2]]
                found.append(f"{kind}: {too_few.total()} missing, {too_many.total()} too many, such as {some}")
        both = sorted(self.values.keys() & other.values.keys())
        changed = [one for one in both if not np.allclose(self.values[one], other.values[one], atol=_NEAR)]
        return found + [f"the vector of {one} is another" for one in changed]


@contextmanager
def database_of(services: Services) -> Iterator[Database]:
    database = Database(services.settings.data_dir / "dafe.db", key=services.keys.database)
    yield database
    database.close()


def contents(services: Services, workspace_id: WorkspaceId) -> Contents:
    exported = json.loads(services.graph.export(OPERATOR, workspace_id=workspace_id, format="jsonld"))["@graph"]
    with database_of(services) as database, database.read() as connection:
        place = {
            row.id: f"{row.name}#{row.ordinal}"
            for row in connection.execute(
                sa.select(chunks.c.id, chunks.c.ordinal, versions.c.name).outerjoin(
                    versions, versions.c.id == chunks.c.version_id
                )
            )
        }
        named = {row.id: row.name for row in connection.execute(sa.select(versions.c.id, versions.c.name))}
        stated = {row.id: f"{row.relation} {row.assertion}" for row in connection.execute(sa.select(triples))}

        placed = [
            (f"{place.get(chunk_id, 'of no passage')} {named.get(version_id, 'of no document')}", vector)
            for chunk_id, version_id, vector in _vectors(services, database, workspace_id)
        ]

        def rows(table: sa.Table) -> Any:
            return connection.execute(sa.select(table).where(table.c.workspace_id == workspace_id)).all()

        listed = sa.select(versions, documents.c.visible_version_id).outerjoin(
            documents, documents.c.id == versions.c.document_id
        )
        stems = sa.select(chunk_stems.c.stem, chunk_stems.c.count, chunks.c.id).join(
            chunks, chunks.c.number == chunk_stems.c.chunk_number
        )
        return Contents(
            documents=Counter(
                f"{row.name} {row.number} {row.status} {row.visible_version_id == row.id} {row.title} {row.coverage}"
                for row in connection.execute(listed.where(versions.c.workspace_id == workspace_id))
            ),
            chunks=Counter(
                f"{place[row.id]} {row.page} {row.span_start}-{row.span_end} {row.state} {row.topic} {row.text}"
                for row in rows(chunks)
            ),
            stems=Counter(
                f"{place[row.id]} {row.stem} {row.count}"
                for row in connection.execute(stems.where(chunks.c.workspace_id == workspace_id))
            ),
            vectors=Counter(key for key, _ in placed),
            values=dict(placed),
            mentions=Counter(
                f"{place.get(row.chunk_id, 'of no passage')} {row.count} {row.topic}" for row in rows(mentions)
            ),
            names=Counter(
                f"{named.get(row.version_id, 'of no document')} {row.key} {row.name} {row.alias}"
                for row in rows(entity_names)
            ),
            evidence=Counter(
                f"{place.get(row.chunk_id, 'of no passage')} {row.span_start}-{row.span_end} {row.quote_hash}"
                f" {row.kind} {stated.get(row.triple_id, 'of no fact')}"
                for row in rows(evidence)
            ),
            facts=Counter(canonical(row) for row in exported),
            orphans=Counter(
                f"a fact without evidence {row.relation}"
                for row in rows(triples)
                if row.id not in {one.triple_id for one in rows(evidence)}
            ),
        )


def canonical(fact: dict[str, Any]) -> str:
    """A fact of the exported graph without ids."""
    ends = {end: fact[end]["schema:name"] for end in ("rdf:subject", "rdf:object")}
    return json.dumps({**ends, **{name: fact[name] for name in _STORED}}, sort_keys=True)


def _vectors(services: Services, database: Database, workspace_id: WorkspaceId) -> Iterator[tuple[str, str, Any]]:
    """Every vector with its chunk and version."""
    settings = services.settings
    if settings.vectors.kind == "sql":
        with database.read() as connection:
            for row in connection.execute(sa.select(vectors).where(vectors.c.workspace_id == workspace_id)):
                yield row.chunk_id, row.version_id, np.frombuffer(row.vector, dtype=np.float32)
        return
    embedder: Embedder = load(Embedder, settings.embeddings, model_dir=settings.model_dir)
    about = {"embedding_name": embedder.name, "dimension": embedder.dimension, "data_dir": settings.data_dir}
    store: Any = load(VectorStore, settings.vectors, database=database, **about)
    for collection in store._all_collections(workspace_id):
        held = collection.get(include=["embeddings", "metadatas"])
        for id_, vector, metadata in zip(held["ids"], held["embeddings"], held["metadatas"], strict=True):
            yield id_, metadata["version_id"], np.asarray(vector)
    store.close()
    embedder.close()


def problems(services: Services, workspace_id: WorkspaceId, *, added: set[str], here: set[str]) -> list[str]:
    """What is wrong with jobs and audit events; `added` and `here` are the documents of which an answer said so."""
    found: list[str] = []
    with database_of(services) as database, database.read() as connection:
        stored = connection.execute(sa.select(versions).where(versions.c.workspace_id == workspace_id)).all()
        known = {row.document_id for row in stored}
        found += [f"the document {one} was acknowledged and lost" for one in sorted((added | here) - known)]
        done: Counter[str] = Counter()
        for job in connection.execute(sa.select(jobs).where(jobs.c.workspace_id == workspace_id)):
            done[job.version_id] += 1
            if job.state != "done":
                found.append(f"the job {job.id} is {job.state}")
        found += [f"the version {row.id} has {done[row.id]} jobs" for row in stored if done[row.id] != 1]
    events = audit_events(services, workspace_id)
    outcomes = {outcome: Counter(one["change"] for one in events if one["outcome"] == outcome) for outcome in Outcome}
    ended = outcomes[Outcome.DONE] + outcomes[Outcome.FAILED] + outcomes[Outcome.REFUSED]
    intents = outcomes[Outcome.INTENT]
    found += [f"the change {one} has {number} intents" for one, number in intents.items() if number != 1]
    found += [f"the change {one} has {number} outcomes" for one, number in ended.items() if number != 1 or not one]
    found += [f"the change {one} has no intent" for one in ended if one not in intents]
    for action, wanted in (("documents.upload", added), ("worker.index", known)):
        stated = Counter(
            one["objects"][0] for one in events if one["action"] == action and one["outcome"] == Outcome.DONE
        )
        for document_id in sorted(known):
            least = 1 if document_id in wanted else 0
            if not least <= stated[document_id] <= 1:
                found.append(f"{action} of {document_id} has {stated[document_id]} events of success")
    return found


def audit_events(services: Services, workspace_id: WorkspaceId) -> list[dict[str, Any]]:
    """The changes of documents in a workspace, as far as people and the worker make them."""
    settings = services.settings
    with closing(load(AuditStore, settings.audit, data_dir=settings.data_dir)) as log:
        events = [read_event(row.body) for row in log.rows()]
    return [
        {
            "action": event.action,
            "outcome": event.outcome,
            "objects": event.objects,
            "change": str(event.details["change"]),
        }
        for event in events
        if event.workspace_id == workspace_id and "change" in event.details
    ]


def cut_off(services: Services, workspace_id: WorkspaceId, action: str) -> int:
    """How many changes of this kind have an intent and, because of a kill, no outcome."""
    events = [one for one in audit_events(services, workspace_id) if one["action"] == action]
    intents = {one["change"] for one in events if one["outcome"] == Outcome.INTENT}
    return len(intents - {one["change"] for one in events if one["outcome"] != Outcome.INTENT})


def leftovers(services: Services) -> list[str]:
    """Messages of no job to do, and stored files of no document, in the whole installation."""
    files: FileStore = load(
        FileStore, services.settings.files, data_dir=services.settings.data_dir, key=services.keys.files
    )
    stored = set(files.find())
    files.close()
    with database_of(services) as database, database.read() as connection:
        messages = connection.execute(sa.select(sa.func.count()).select_from(queue)).scalar_one()
        known = set()
        for row in connection.execute(sa.select(versions.c.id, versions.c.file_id)):
            known |= {row.file_id, layout_id(row.id)}
    found = [f"{messages} messages are left in the queue"] if messages else []
    found += [f"the stored file {one} is of no document" for one in sorted(stored - known)]
    return found + [f"the stored file {one} is missing" for one in sorted(known - stored)]
