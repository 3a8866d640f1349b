"""A day of documents and questions, and what is left of it to be seen and said: the same on every backend."""

from pathlib import Path
from typing import Any

from app.container import OPERATOR, Services, open_services
from app.domain.documents import DocumentStatus
from app.domain.ids import WorkspaceId
from app.services.documents import SameName
from app.settings import load_settings
from tests.services.letters import ASPIRIN, REPLACED, WARFARIN, add, facts, names, status_of, upload
from tests.working import work_off

QUESTION = "What does warfarin interact with?"


def services_of(folder: Path, **chosen: Any) -> Services:
    """The embedded profile, but for the settings given."""
    given = load_settings(data_dir=folder, embeddings={"kind": "hashing"}, llm={"kind": "none"}, **chosen)
    return open_services(given)


def answers(services: Services, workspace_id: WorkspaceId) -> list[str]:
    *_, answer = services.questions.ask(OPERATOR, workspace_id=workspace_id, text=QUESTION)
    return [sentence.text for sentence in answer.sentences]


def day(services: Services) -> tuple[WorkspaceId, list[object]]:
    """What documents added, replaced and deleted left to be seen and said."""
    workspace_id = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical").id
    first = add(services, workspace_id, "letter.txt", WARFARIN)
    other = add(services, workspace_id, "Straße.txt", ASPIRIN)
    work_off(services)
    assert [status_of(services, one) for one in (first, other)] == [DocumentStatus.INDEXED] * 2
    said = answers(services, workspace_id)
    upload(services, workspace_id, "letter.txt", REPLACED, same_name=SameName.NEW_VERSION)
    services.documents.delete(OPERATOR, workspace_id=workspace_id, document_id=other.id)
    work_off(services)
    seen = [names(services, workspace_id), facts(services, workspace_id), said, answers(services, workspace_id)]
    return workspace_id, [*seen, len(services.questions.history(OPERATOR, workspace_id=workspace_id))]
