"""Letters with facts that the rules read, and what services know of them."""

import csv
import io
from collections.abc import Callable

from app.container import OPERATOR, Services
from app.domain.documents import Document, DocumentStatus
from app.domain.ids import WorkspaceId
from app.domain.jobs import Job
from app.services.documents import SameName, Upload, Uploaded
from backends.metadata.base_content import DocumentFilter

WARFARIN = b"Medication review\n\nWarfarin interacts with amiodarone. Warfarin increases the risk of bleeding.\n"
ASPIRIN = b"Medication review\n\nAspirin inhibits platelet aggregation. Warfarin interacts with amiodarone.\n"
REPLACED = b"Medication review\n\nWarfarin interacts with fluconazole. Warfarin treats atrial fibrillation.\n"
DRUGS = "warfarin amiodarone digoxin aspirin heparin metoprolol ramipril furosemide simvastatin clopidogrel".split()


def long_letter(*, sentences: int) -> bytes:
    """No two sentences are equal."""
    lines = [
        f"{DRUGS[n % 10].title()} interacts with {DRUGS[(n * 7 + 3) % 10]} in patient group {n}. "
        f"The dose of {DRUGS[(n * 3 + 1) % 10]} was lowered to {n + 5} mg after visit {n}."
        for n in range(sentences // 2)
    ]
    return ("Interactions\n\n" + "\n\n".join(lines)).encode()


def add(services: Services, workspace_id: WorkspaceId, name: str, content: bytes) -> Document:
    (outcome,) = upload(services, workspace_id, name, content)
    assert outcome.document is not None, outcome.message
    return outcome.document


def upload(
    services: Services, workspace_id: WorkspaceId, name: str, content: bytes, **decisions: SameName
) -> list[Uploaded]:
    """`same_name` decides for this file's name."""
    decided = {name: decisions["same_name"]} if decisions else {}
    return services.documents.upload(
        OPERATOR, workspace_id=workspace_id, files=[Upload(name, content)], same_name=decided
    )


def facts(services: Services, workspace_id: WorkspaceId) -> list[tuple[str, ...]]:
    """Every fact and place as the export has it: no ids, no times, sorted."""
    content = services.graph.export(OPERATOR, workspace_id=workspace_id, format="csv").decode("utf-8-sig")
    return [tuple(row) for row in csv.reader(io.StringIO(content))][1:]


def status_of(services: Services, document: Document) -> DocumentStatus:
    found = services.documents.get(OPERATOR, workspace_id=document.workspace_id, document_id=document.id)
    return found.version.status


def job_of(services: Services, document: Document) -> Job:
    """The newest."""
    jobs = services.jobs.list(OPERATOR, workspace_id=document.workspace_id)
    return next(job for job in jobs if job.document_id == document.id)


def names(services: Services, workspace_id: WorkspaceId) -> list[str]:
    page = services.documents.list(OPERATOR, workspace_id=workspace_id, document_filter=DocumentFilter())
    return sorted(document.name for document in page.documents)


Work = Callable[[], None]
