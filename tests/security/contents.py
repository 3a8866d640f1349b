"""What a workspace holds, read from the stores themselves and without ids and times, so that two can be compared."""

import json
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from app.container import OPERATOR, Services
from app.domain.audit import Outcome
from app.domain.ids import WorkspaceId
from app.pipeline.indexing import layout_id
from app.pipeline.words import content_stems
from app.security.audit_chain import read_event
from backends.audit.base import AuditStore
from backends.files.base import FileStore
from backends.loading import load
from backends.sql.tables import chunk_stems, chunks, documents, jobs, versions
from tests.security.stored_rows import count_messages, graph_rows, metadata_of, vector_rows

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
    """What nothing holds any more, such as facts without evidence."""
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


def contents(services: Services, workspace_id: WorkspaceId) -> Contents:
    records = _Records(services, workspace_id)
    graph = graph_rows(services, workspace_id)
    exported = json.loads(services.graph.export(OPERATOR, workspace_id=workspace_id, format="jsonld"))["@graph"]
    held = [
        (f"{records.place(chunk_id)} {records.name(version_id)}", vector)
        for chunk_id, version_id, vector in vector_rows(services, workspace_id)
    ]
    return Contents(
        documents=records.documents,
        chunks=records.chunks,
        stems=records.stems,
        vectors=Counter(key for key, _ in held),
        values=dict(held),
        mentions=Counter(f"{records.place(row['chunk_id'])} {row['count']} {row['topic']}" for row in graph.mentions),
        names=Counter(
            f"{records.name(row['version_id'])} {row['key']} {row['name']} {row['alias']}" for row in graph.names
        ),
        evidence=Counter(
            f"{records.place(row['chunk_id'])} {row['span_start']}-{row['span_end']} {row['quote_hash']}"
            f" {row['kind']} {row['relation']} {row['assertion']}"
            for row in graph.evidence
        ),
        facts=Counter(canonical(row) for row in exported),
        orphans=Counter(graph.orphans),
    )


class _Records:
    """Of one workspace, with their texts opened."""

    def __init__(self, services: Services, workspace_id: WorkspaceId) -> None:
        self._workspace_id = workspace_id
        with metadata_of(services) as database, database.read() as connection:
            self._fields = database.fields
            here = versions.c.workspace_id == workspace_id
            visible = documents.c.visible_version_id
            listed = sa.select(versions, visible).outerjoin(documents, documents.c.id == versions.c.document_id)
            stored = connection.execute(listed.where(here)).all()
            passages = connection.execute(sa.select(chunks).where(chunks.c.workspace_id == workspace_id)).all()
            counted = connection.execute(
                sa.select(chunk_stems.c.stem, chunk_stems.c.count, chunks.c.id)
                .join(chunks, chunks.c.number == chunk_stems.c.chunk_number)
                .where(chunks.c.workspace_id == workspace_id)
            ).all()
        self._names = {row.id: self._open("versions.name", row.name, row.id) for row in stored}
        self._places = {row.id: f"{self.name(row.version_id)}#{row.ordinal}" for row in passages}
        texts = {row.id: self._open("chunks.text", row.text, row.id) for row in passages}
        topics = {row.id: self._open("chunks.topic", row.topic, row.id) for row in passages}
        words = self._words([*texts.values(), *topics.values()])
        self.documents = Counter(map(self._document, stored))
        self.chunks = Counter(
            f"{self.place(row.id)} {row.page} {row.span_start}-{row.span_end} {row.state}"
            f" {topics[row.id]} {texts[row.id]}"
            for row in passages
        )
        self.stems = Counter(f"{self.place(row.id)} {words.get(row.stem, row.stem)} {row.count}" for row in counted)

    def name(self, version_id: str) -> str:
        return self._names.get(version_id, "of no document")

    def place(self, chunk_id: str) -> str:
        return self._places.get(chunk_id, "of no passage")

    def _document(self, row: Any) -> str:
        title = self._open("versions.title", row.title or "", row.id)
        coverage = self._open("versions.coverage", row.coverage, row.id)
        visible = row.visible_version_id == row.id
        return f"{self.name(row.id)} {row.number} {row.status} {visible} {title} {coverage}"

    def _open(self, column: str, kept: str, record: str) -> str:
        return self._fields.open(kept, workspace_id=self._workspace_id, column=column, record=record)

    def _words(self, texts: list[str]) -> dict[str, str]:
        """By what is kept of them."""
        stems = set(content_stems(" ".join(texts)))
        kept = self._fields.index(stems, workspace_id=self._workspace_id, column="chunk_stems.stem")
        return {index: stem for stem, index in kept.items()}


def canonical(fact: dict[str, Any]) -> str:
    """A fact of the exported graph without ids."""
    ends = {end: fact[end]["schema:name"] for end in ("rdf:subject", "rdf:object")}
    return json.dumps({**ends, **{name: fact[name] for name in _STORED}}, sort_keys=True)


def problems(services: Services, workspace_id: WorkspaceId, *, added: set[str], here: set[str]) -> list[str]:
    """What is wrong with jobs and audit events; `added` and `here` are the documents of which an answer said so."""
    found: list[str] = []
    with metadata_of(services) as database, database.read() as connection:
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
    messages = count_messages(services)
    with metadata_of(services) as database, database.read() as connection:
        known = set()
        for row in connection.execute(sa.select(versions.c.id, versions.c.file_id)):
            known |= {row.file_id, layout_id(row.id)}
    found = [f"{messages} messages are left in the queue"] if messages else []
    found += [f"the stored file {one} is of no document" for one in sorted(stored - known)]
    return found + [f"the stored file {one} is missing" for one in sorted(known - stored)]
