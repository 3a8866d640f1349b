"""A workspace with two documents, one of which a list keeps from all members but one, and what each of them sees."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from app.domain.answers import Answer, Mode
from app.domain.documents import Document, DocumentStatus
from app.domain.ids import UserId
from app.services.documents import Upload
from backends.metadata.base_content import DocumentFilter
from tests.security.access_oracle import IN_THE_WORKSPACE, ON_THE_LIST
from tests.security.two_workspaces import QUESTION, Attacked, attacked_system
from tests.working import work_off

LISTED = b"Medication review\n\nWarfarin interacts with vandrolex. Vandrolex treats morrick syndrome.\n"
NAME = "tribunal.txt"
WORDS = ("vandrolex", "morrick", "tribunal")
"""Words of the listed document and its name, that nothing else has."""
MODES = (Mode.GRAPH, Mode.RAG, Mode.GRAPHRAG, Mode.AUTO)


@dataclass(frozen=True, slots=True)
class Listed:
    attacked: Attacked
    document: Document
    before: dict[str, object]
    """What the analyst saw before the document was there."""

    @property
    def inside(self) -> dict[str, str]:
        return {"workspace_id": self.attacked.here}

    def set_list(self, user_ids: list[UserId] | None) -> None:
        """As a clinician of the workspace sets it."""
        services, actor = self.attacked.services, self.attacked.people["clinician"]
        services.access.set(actor, document_id=self.document.id, user_ids=user_ids, **self.inside)  # type: ignore[arg-type]

    def ids(self, person: str) -> dict[str, str]:
        """One id of each kind that comes from the document; the question is the person's own."""
        services, actor, metadata = self.attacked.services, self.attacked.people[person], self._metadata
        view = services.graph.neighbourhood(
            self.attacked.people["clinician"], document_ids=[self.document.id], **self.inside
        )  # type: ignore[arg-type]
        only = next(one for one in view.subgraph.entities if "vandrolex" in one.name.casefold())
        triple = next(one for one in view.subgraph.triples if only.id in {one.subject_id, one.object_id})
        (job,) = metadata.jobs.find(reader=None, document_id=self.document.id)
        asked = metadata.history.find(asked_by=actor.user_id, reader=None, limit=9, **self.inside)
        shows = [one for one in asked if self.document.id in {two.document_id for two in one.answer.citations}]
        return {
            "document": self.document.id,
            "version": self.document.version.id,
            "file": self.document.version.file_id,
            "chunk": triple.evidence[0].chunk_id,
            "entity": only.id,
            "triple": triple.id,
            "job": job.id,
            "export": services.exports.list(self.attacked.people["clinician"], **self.inside)[0].job.id,
            "question": shows[0].id if shows else "none",
        }

    @property
    def _metadata(self):  # type: ignore[no-untyped-def]
        return self.attacked.services.questions._metadata


@contextmanager
def listed_system(folder: Path) -> Iterator[Listed]:
    """Every member asks while the document is everybody's; then the list is set."""
    with attacked_system(folder) as attacked:
        before = seen(attacked, "analyst")
        files = [Upload(NAME, LISTED)]
        (added,) = attacked.services.documents.upload(
            attacked.people["clinician"], workspace_id=attacked.here, files=files
        )
        assert added.document is not None
        listed = Listed(attacked, added.document, before)
        work_off(attacked.services)
        for person in sorted(IN_THE_WORKSPACE):
            attacked.ask(person, attacked.here, mode=Mode.RAG)
        listed.set_list([])
        # Whoever is no member cannot be put on a list; who was one once may still stand there, as here.
        on_it = [attacked.people[person].user_id for person in sorted(ON_THE_LIST)]
        listed._metadata.access.set(listed.document.id, on_it, workspace_id=attacked.here)
        attacked.services.exports.start(attacked.people["clinician"], workspace_id=attacked.here, format="csv")
        work_off(attacked.services)
        yield listed


def seen(attacked: Attacked, person: str) -> dict[str, object]:
    """Everything of the workspace that a person gets without naming an id."""
    actor, services, inside = attacked.people[person], attacked.services, {"workspace_id": attacked.here}
    wanted = [
        DocumentFilter(),
        DocumentFilter(text="tri"),
        DocumentFilter(statuses=frozenset({DocumentStatus.INDEXED})),
    ]
    found: dict[str, object] = {
        f"documents {number}": services.documents.list(actor, document_filter=one, **inside)  # type: ignore[arg-type]
        for number, one in enumerate(wanted)
    }
    found |= {
        f"export as {kind}": services.graph.export(actor, format=kind, **inside)
        for kind in ("csv", "graphml", "cypher", "jsonld")
    }  # type: ignore[arg-type]
    asked = {f"ask by {mode}": (QUESTION, mode) for mode in MODES}
    asked["ask for its name"] = ("What does vandrolex treat?", Mode.GRAPHRAG)
    for name, (text, mode) in asked.items():
        *_, answer = services.questions.ask(actor, text=text, mode=mode, fresh=True, **inside)  # type: ignore[arg-type]
        found[name] = _plain(answer)
    found |= {
        f"route {path}": attacked.client.get(
            f"/workspaces/{attacked.here}/{path}", headers=attacked.tokens[person]
        ).text
        for path in ("documents", "jobs", "graph/stats", "graph/entities", "graph/neighbourhood")
    }
    return found | {
        "jobs": services.jobs.list(actor, **inside),  # type: ignore[arg-type]
        "summary": services.workspaces.summary(actor, **inside),  # type: ignore[arg-type]
        "graph counts": services.graph.counts(actor, **inside),  # type: ignore[arg-type]
        "graph": services.graph.neighbourhood(actor, **inside),  # type: ignore[arg-type]
        "suggestions": services.graph.search(actor, text="", **inside),  # type: ignore[arg-type]
        "suggestions for its name": services.graph.search(actor, text="vandro", **inside),  # type: ignore[arg-type]
    }


def _plain(answer: Answer) -> Answer:
    """Without times, and without the last digits that depend on how many rows a matrix has."""
    return replace(answer, timings={}, support=round(answer.support, 5))
