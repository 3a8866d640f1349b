"""What isolation of a store means: nothing that others add changes what is read, nothing done here changes theirs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.domain.access import Role
from app.domain.answers import Answer, AskedQuestion, Citation, Mode
from app.domain.documents import ChunkState, DocumentStatus, Span
from app.domain.graph import Contribution
from app.domain.ids import ChunkId, DocumentId, JobId, QuestionId, UserId, VersionId, WorkspaceId
from app.domain.workspaces import Membership, Workspace
from app.errors import DafeError
from backends.metadata.base_content import DocumentFilter
from tests.conformance import graphs
from tests.conformance.implementations import DIMENSION
from tests.conformance.records import NOW, chunk, job, version

Fact = tuple[int, int, int]
"""Version 0 to 2, subject and object by number. Version 2 is never permitted; 3 is of a document that a list keeps."""
Facts = Sequence[Fact]
FACTS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=3)
HIDDEN, LISTED = 2, 3
ANN, BOB = UserId("ann"), UserId("bob")
_NAMES = ("Apixaban", "Warfarin", "Heparin", "Digoxin", "Ramipril")
"""The last one is named by hidden versions only."""
_numbers = count(1)


class LeakFoundError(AssertionError):
    """Something of another workspace, or of a version that is not permitted, came through."""


class Side:
    """A workspace of one example: its ids are its own, names and texts may be those of the other side."""

    def __init__(self, facts: Facts) -> None:
        self.name = f"w{next(_numbers)}"
        self.workspace_id = WorkspaceId(self.name)
        self.facts = [(HIDDEN, facts[0][1], 4), (HIDDEN, *facts[0][1:]), (0, *facts[0][1:]), *facts]

    def version(self, number: int) -> VersionId:
        return VersionId(f"{self.name}-v{number}")

    def document(self, number: int) -> DocumentId:
        return DocumentId(f"{self.name}-d{number}")

    def chunk(self, place: int) -> ChunkId:
        return ChunkId(f"{self.name}-c{place}")

    @property
    def versions(self) -> list[VersionId]:
        return [self.version(number) for number in range(3)]

    @property
    def chunks(self) -> list[ChunkId]:
        return [self.chunk(place) for place in range(len(self.facts))]

    def placed(self, *, hidden: bool) -> list[tuple[int, Fact]]:
        return [(place, fact) for place, fact in enumerate(self.facts) if (fact[0] == HIDDEN) is hidden]


class Isolated(ABC):
    """How one kind of store is filled, read, and written to from elsewhere."""

    @abstractmethod
    def fill(self, store: Any, side: Side, *, hidden: bool) -> None: ...

    @abstractmethod
    def read(self, store: Any, side: Side, other: Side) -> dict[str, Any]:
        """Every read in the scope of `side`, ids and versions of `other` named among those asked for."""

    @abstractmethod
    def attack(self, store: Any, side: Side, other: Side) -> None:
        """Every write in the scope of `side` that names ids of `other`, and the end of all that `side` has."""

    def _add_document(self, store: Any, side: Side, number: int) -> None:
        here = {"workspace_id": side.workspace_id, "document_id": side.document(number)}
        added = version(side.version(number), name=f"letter {number}", sha256=f"{number}", **here)
        store.documents.add_version(added, reader=None)
        store.jobs.add(job(f"{side.name}-j{number}", **here))

    def still_works(self, _store: Any, _side: Side) -> bool:
        """What reading does not show: whether a removal still finds what it has to."""
        return True


def leaks(kind: Isolated, store: Any, ours: Side, theirs: Side) -> list[str]:
    """The reads that hidden versions or another workspace changed, and those that a foreign write changed."""
    kind.fill(store, ours, hidden=False)
    alone = kind.read(store, ours, theirs)
    kind.fill(store, ours, hidden=True)
    kind.fill(store, theirs, hidden=False)
    kind.fill(store, theirs, hidden=True)
    together = kind.read(store, ours, theirs)
    before = kind.read(store, theirs, ours)
    assert any(alone.values()), "nothing was read"
    kind.attack(store, ours, theirs)
    after = kind.read(store, theirs, ours)
    found = [f"read {name}" for name in alone if alone[name] != together[name]]
    found += [f"write seen by {name}" for name in before if before[name] != after[name]]
    return found if kind.still_works(store, theirs) else [*found, "removal"]


def check_isolation(kind: Isolated, make: Callable[[], Any], *, examples: int = 12) -> None:
    """Raises LeakFoundError with the leaks of an example."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(FACTS, FACTS)
    def holds(ours: Facts, theirs: Facts) -> None:
        found = leaks(kind, make(), Side(ours), Side(theirs))
        if found:
            raise LeakFoundError(", ".join(found))

    holds()


def outcome(read: Callable[[], Any]) -> Any:
    """The result, or the kind of error: an unknown and a foreign id fail alike."""
    try:
        return read()
    except DafeError as error:
        return type(error).__name__


class IsolatedGraph(Isolated):
    def fill(self, store: Any, side: Side, *, hidden: bool) -> None:
        for place, (number, first, second) in side.placed(hidden=hidden):
            names = (_NAMES[first], _NAMES[second] if second != first else "Factor Xa")
            ends = [graphs.entity(name, id_=f"{side.name}-{name}", aliases=[f"{name} {number}"]) for name in names]
            here = {"version": side.version(number), "chunk": side.chunk(place)}
            evidence = [graphs.evidence(start=place * 10, end=place * 10 + 5, **here)]
            mentions = tuple(graphs.mention(end, **here) for end in ends)
            fact = graphs.triple(ends[0], "inhibit", ends[1], evidence)
            store.add(Contribution(tuple(ends), mentions, (fact,)), workspace_id=side.workspace_id)

    def read(self, store: Any, side: Side, other: Side) -> dict[str, Any]:
        permitted = frozenset([side.version(0), side.version(1), *other.versions])
        scope: dict[str, Any] = {"workspace_id": side.workspace_id, "permitted": permitted}
        ids = [f"{one.name}-{name}" for one in (side, other) for name in (*_NAMES, "Factor Xa")]
        triples = [f"t-{a}-inhibit-{b}-affirmed" for a in ids for b in ids]
        return {
            "entities": store.find_entities(**scope),
            "entities by id": store.find_entities(ids=ids, **scope),
            "entities by key": store.find_entities(keys=["apixaban", "warfarin 2", "factor xa"], **scope),
            "entities by a hidden key": store.find_entities(keys=[f"{name.casefold()} 2" for name in _NAMES], **scope),
            "entities by text": store.find_entities(text="a", limit=5, **scope),
            "entities by a hidden text": store.find_entities(text=" 2", **scope),
            "entities by type": store.find_entities(types=["Drug"], **scope),
            "triples": store.find_triples(**scope),
            "triples by end": store.find_triples(entity_ids=ids, limit=3, **scope),
            "triples by id": store.find_triples(triple_ids=triples, **scope),
            "triples by relation": store.find_triples(relations=["inhibit"], **scope),
            "mentions": store.find_mentions(**scope),
            "counts": store.count(**scope),
        }

    def attack(self, store: Any, side: Side, other: Side) -> None:
        store.delete_versions(other.versions, workspace_id=side.workspace_id)
        store.delete_workspace(side.workspace_id)


class IsolatedVectors(Isolated):
    def fill(self, store: Any, side: Side, *, hidden: bool) -> None:
        for place, (number, first, second) in side.placed(hidden=hidden):
            row = np.zeros((1, DIMENSION), dtype=np.float32)
            row[0, first], row[0, 4 + second] = 0.8, 0.6
            store.upsert([side.chunk(place)], row, workspace_id=side.workspace_id, version_id=side.version(number))

    def read(self, store: Any, side: Side, other: Side) -> dict[str, Any]:
        permitted = frozenset([side.version(0), side.version(1), *other.versions])
        scope: dict[str, Any] = {"workspace_id": side.workspace_id, "permitted": permitted}
        directions = np.eye(DIMENSION, dtype=np.float32)[:4]
        found = {f"nearest to {n}": store.search(one, limit=50, **scope) for n, one in enumerate(directions)}
        ids, rows = store.get([*side.chunks, *other.chunks], **scope)
        found["kept"] = {id_: row.tolist() for id_, row in zip(ids, rows, strict=True)}
        return {**found, "count": store.count(**scope)}

    def attack(self, store: Any, side: Side, other: Side) -> None:
        store.delete_versions(other.versions, workspace_id=side.workspace_id)
        row = np.eye(DIMENSION, dtype=np.float32)[-1:]
        store.upsert(other.chunks[2:3], row, workspace_id=side.workspace_id, version_id=side.version(0))
        store.delete_workspace(side.workspace_id)


class IsolatedCache(Isolated):
    """A question's key is the same for everybody; the scope is what keeps results apart."""

    def fill(self, store: Any, side: Side, *, hidden: bool) -> None:
        for place, (number, *_) in side.placed(hidden=hidden):
            for key in ("same question", f"only of {side.name}"):
                store.put(key, f"{side.name} {place}".encode(), scope=f"{side.name}/d{number}")

    def read(self, store: Any, side: Side, other: Side) -> dict[str, Any]:
        keys = ("same question", f"only of {side.name}", f"only of {other.name}")
        return {f"{key} d{n}": store.get(key, scope=f"{side.name}/d{n}") for key in keys for n in range(HIDDEN)}

    def attack(self, store: Any, side: Side, other: Side) -> None:
        store.delete_scope(side.name)
        store.delete_scope(other.name[:-1])


class IsolatedMetadata(Isolated):
    """The documents of version 2 are there from the beginning, as those waiting to be indexed are; its chunks not.

    Ann reads. She is on the list of the first document; a last one, which comes with the hidden, has a list of Bob.
    """

    def fill(self, store: Any, side: Side, *, hidden: bool) -> None:
        here = {"workspace_id": side.workspace_id}
        if not hidden:
            store.workspaces.add(Workspace(side.workspace_id, side.name))
            store.workspaces.set_member(Membership(side.workspace_id, ANN, Role.ANALYST))
            for number in range(LISTED):
                self._add_document(store, side, number)
            for number in range(HIDDEN):
                store.documents.publish(side.version(number), **here)
            store.access.set(side.document(0), [ANN], **here)
            store.history.add(self._asked(side, 0))
        else:
            self._add_document(store, side, LISTED)
            store.documents.publish(side.version(LISTED), **here)
            store.access.set(side.document(LISTED), [BOB], **here)
            store.history.add(self._asked(side, LISTED))
        for place, (number, first, second) in side.placed(hidden=hidden):
            stems = (_NAMES[first].casefold(), _NAMES[second].casefold())
            one = {"document_id": side.document(number), "ordinal": place, "stems": stems, **here}
            store.chunks.upsert([chunk(side.chunk(place), version_id=side.version(number), text=side.name, **one)])

    def _add_document(self, store: Any, side: Side, number: int) -> None:
        here = {"workspace_id": side.workspace_id, "document_id": side.document(number)}
        added = version(side.version(number), name=f"letter {number}", sha256=f"{number}", **here)
        store.documents.add_version(added, reader=None)
        store.jobs.add(job(f"{side.name}-j{number}", **here))

    def still_works(self, store: Any, side: Side) -> bool:
        return bool(store.history.delete_citing(side.document(0), workspace_id=side.workspace_id) == 1)

    def _asked(self, side: Side, number: int) -> AskedQuestion:
        of = (side.document(number), side.version(number))
        cited = Citation(1, *of, f"letter {number}", side.chunk(0), 1, Span(0, 1), side.name)
        answer = Answer(Mode.RAG, "asked", citations=(cited,))
        id_ = QuestionId(f"{side.name}-q{number}")
        return AskedQuestion(id_, side.workspace_id, ANN, NOW, "What?", Mode.RAG, answer)

    def read(self, store: Any, side: Side, other: Side) -> dict[str, Any]:
        here: dict[str, Any] = {"workspace_id": side.workspace_id}
        scope = {**here, "permitted": frozenset([side.version(0), side.version(1), *other.versions])}
        find, documents, chunks, history = store.documents.find, store.documents, store.chunks, store.history
        seen: dict[str, Any] = {**here, "reader": ANN}
        mine = {**seen, "asked_by": ANN}
        stems = [name.casefold() for name in _NAMES]
        places = [(side, 0), (side, LISTED), (other, 0)]
        return {
            "documents": find(DocumentFilter(), **seen),
            "documents by text": find(DocumentFilter(text="letter", limit=2), **seen),
            "documents by name": [find(DocumentFilter(name=f"letter {n}"), **seen) for n in (1, LISTED)],
            "documents by content": [find(DocumentFilter(sha256=f"{n}"), **seen) for n in (1, LISTED)],
            "documents by status": find(DocumentFilter(statuses=frozenset({DocumentStatus.INDEXED})), **seen),
            "document": [outcome(lambda one=one, n=n: documents.get(one.document(n), **seen)) for one, n in places],
            "their document, to the program": outcome(lambda: documents.get(other.document(0), **here, reader=None)),
            "versions": [documents.find_versions(one.document(0), **here) for one in (side, other)],
            "visible": documents.find_visible(**seen),
            "access": [store.access.get(one.document(0), **here) for one in (side, other)],
            "chunks by id": chunks.get([*side.chunks, *other.chunks], **scope),
            "chunks": [chunks.find(one.version(0), **here) for one in (side, other)],
            "postings": chunks.find_postings(stems, **scope),
            "count": chunks.count(**scope),
            "jobs": store.jobs.find(**seen),
            "job": outcome(lambda: store.jobs.get(JobId(f"{side.name}-j{LISTED}"), reader=ANN)),
            "history": history.find(limit=9, **mine),
            "question": [
                outcome(lambda one=one, n=n: history.get(QuestionId(f"{one.name}-q{n}"), **mine)) for one, n in places
            ],
            "not my question": outcome(
                lambda: history.get(QuestionId(f"{side.name}-q0"), **here, asked_by=BOB, reader=BOB)
            ),
            "members": store.workspaces.find_members(**here),
        }

    def attack(self, store: Any, side: Side, other: Side) -> None:
        here: dict[str, Any] = {"workspace_id": side.workspace_id}
        with suppress(DafeError):
            store.documents.update_version(other.version(0), status=DocumentStatus.FAILED, error="no", **here)
        with suppress(DafeError):
            store.documents.publish(other.version(HIDDEN), **here)
        store.chunks.update_states(dict.fromkeys(other.chunks, ChunkState.QUARANTINED), **here)
        with suppress(DafeError):
            store.chunks.upsert([chunk(other.chunk(2), version_id=side.version(0), **here)])
        store.chunks.delete_version(other.version(0), **here)
        store.history.delete_citing(other.document(0), **here)
        for readers in (None, [BOB]):
            with suppress(DafeError):
                store.access.set(other.document(0), readers, **here)
        store.documents.delete(other.document(0), **here)
        store.workspaces.remove_member(ANN, **here)
        store.workspaces.delete(side.workspace_id)
