"""The objects that the command line and REST show: stable names, documented in DESIGN.md section 7."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from app.domain.answers import Answer, AnswerTriple, Citation
from app.domain.audit import AuditStatus, AuditVerification, LastVerification, timestamp
from app.domain.documents import Document
from app.domain.graph import Subgraph
from app.domain.jobs import Job
from app.services.health import HealthCheck, Level


class DocumentView(BaseModel):
    """A document with its newest version; `quarantined` passages were set aside."""

    id: str
    name: str
    status: str
    pages: int
    chunks: int
    extracted: int
    retried: int
    quarantined: int
    triples: int
    refused: dict[str, int]
    warnings: list[str]
    error: str | None
    version: int
    uploaded_by: str
    uploaded_at: datetime
    restricted: bool
    """Only the people on its access list see it."""
    extractor: str
    """The version of what read its facts."""
    to_redo: bool
    """Rules read it while the language model was away: it is read again when that is back."""

    @classmethod
    def of(cls, document: Document) -> "DocumentView":
        version, coverage = document.version, document.version.coverage
        return cls(
            id=document.id,
            name=document.name,
            status=version.status.value,
            pages=coverage.pages,
            chunks=coverage.chunks,
            extracted=coverage.extracted,
            retried=coverage.retried,
            quarantined=coverage.quarantined,
            triples=coverage.triples,
            refused=coverage.refused,
            warnings=list(coverage.warnings),
            error=version.error,
            version=version.number,
            uploaded_by=version.uploaded_by,
            uploaded_at=version.uploaded_at,
            restricted=document.restricted,
            extractor=coverage.extractor,
            to_redo=version.to_redo,
        )


class JobView(BaseModel):
    id: str
    kind: str
    state: str
    stage: str
    done: int
    total: int
    eta_seconds: float | None
    attempts: int
    error: str | None
    """Why it failed, or what it waits for."""
    document_id: str
    priority: str
    waits: int
    """How often in a row a server that it needs was away."""

    @classmethod
    def of(cls, job: Job) -> "JobView":
        return cls(
            id=job.id,
            kind=job.kind.value,
            state=job.state.value,
            stage=job.stage.value,
            done=job.done,
            total=job.total,
            eta_seconds=job.eta_seconds,
            attempts=job.attempts,
            error=job.error,
            document_id=job.document_id,
            priority=job.priority.name.lower(),
            waits=job.waits,
        )


class SentenceView(BaseModel):
    text: str
    citations: list[int]
    verdict: str
    reason: str


class CitationView(BaseModel):
    """`start` and `end` are character positions in the text of that version."""

    n: int
    document_id: str
    version_id: str
    document: str
    page: int
    start: int
    end: int
    quote: str

    @classmethod
    def of(cls, citation: Citation) -> "CitationView":
        return cls(
            n=citation.n,
            document_id=citation.document_id,
            version_id=citation.version_id,
            document=citation.document,
            page=citation.page,
            start=citation.span.start,
            end=citation.span.end,
            quote=citation.quote,
        )


class AnswerTripleView(BaseModel):
    subject: str
    relation: str
    object: str
    assertion: str
    document_id: str
    quote: str
    hop: int
    citation: int

    @classmethod
    def of(cls, triple: AnswerTriple) -> "AnswerTripleView":
        return cls(
            subject=triple.subject,
            relation=triple.relation,
            object=triple.object,
            assertion=triple.assertion.value,
            document_id=triple.document_id,
            quote=triple.quote,
            hop=triple.hop,
            citation=triple.citation,
        )


class ReceiptView(BaseModel):
    """How the answer came to be, as far as it is kept: ids and measures, no text."""

    model: str | None
    notice: str
    searched_documents: int
    support: float
    chunks: list[str]
    kept_at: datetime | None


class AnswerView(BaseModel):
    mode: str
    reason: str
    answer: str
    refused: bool
    sentences: list[SentenceView]
    citations: list[CitationView]
    triples: list[AnswerTripleView]
    nearest: list[CitationView]
    unknown_entities: list[str]
    model: str | None
    notice: str
    timings: dict[str, float]
    receipt: ReceiptView
    finished: bool

    @classmethod
    def of(cls, answer: Answer) -> "AnswerView":
        return cls(
            mode=answer.mode.value,
            reason=answer.reason,
            answer=answer.text,
            refused=answer.refused,
            sentences=[
                SentenceView(text=one.text, citations=list(one.citations), verdict=one.verdict.value, reason=one.reason)
                for one in answer.sentences
            ],
            citations=[CitationView.of(one) for one in answer.citations],
            triples=[AnswerTripleView.of(one) for one in answer.triples],
            nearest=[CitationView.of(one) for one in answer.nearest],
            unknown_entities=list(answer.unknown_entities),
            model=answer.model,
            notice=answer.notice,
            timings={stage: round(seconds, 4) for stage, seconds in answer.timings.items()},
            receipt=ReceiptView(
                model=answer.model,
                notice=answer.notice,
                searched_documents=answer.searched_documents,
                support=round(answer.support, 4),
                chunks=[one.chunk_id for one in answer.citations],
                kept_at=answer.kept_at,
            ),
            finished=answer.finished,
        )


def subgraph_view(subgraph: Subgraph) -> dict[str, list[dict[str, Any]]]:
    """Entities and triples with ids; the evidence of a triple by document, version and span."""
    names = {entity.id: entity.name for entity in subgraph.entities}
    entities = [
        {"id": one.id, "name": one.name, "type": one.type, "aliases": list(one.aliases), "mentions": one.mentions}
        for one in subgraph.entities
    ]
    triples = [
        {
            "id": one.id,
            "subject_id": one.subject_id,
            "subject": names[one.subject_id],
            "relation": one.relation,
            "object_id": one.object_id,
            "object": names[one.object_id],
            "assertion": one.assertion.value,
            "evidence": [
                {
                    "document_id": found.document_id,
                    "version_id": found.version_id,
                    "page": found.page,
                    "start": found.span.start,
                    "end": found.span.end,
                }
                for found in one.evidence
            ],
        }
        for one in subgraph.triples
    ]
    return {"entities": entities, "triples": triples}


def verification_view(result: AuditVerification) -> dict[str, Any]:
    """`ok` None: it cannot be told, because a checkpoint is missing or stale."""
    findings = [{"seq": one.seq, "kind": one.kind, "detail": one.detail} for one in result.findings]
    return {
        "ok": result.ok,
        "events": result.events,
        "verified_from": result.verified_from,
        "verified_to": result.verified_to,
        "sealed_to": result.sealed_to,
        "key_id": result.key_id,
        "first_bad": findings[0]["seq"] if findings else None,
        "findings": findings,
        "doubt": result.doubt,
    }


def audit_status_view(status: AuditStatus) -> dict[str, Any]:
    return {
        "events": status.events,
        "sealed_to": status.sealed_to,
        "sealed_at": timestamp(status.sealed_at) if status.sealed_at else None,
        "key_id": status.key_id,
        "sealing": status.sealing,
        "verified_to": status.verified_to,
        "verified_at": timestamp(status.verified_at) if status.verified_at else None,
        "second_device": status.second_device,
        "second_device_ok": status.second_device_ok,
        "behind": status.behind,
        "last_verification": _last_verification_view(status.last_verification),
    }


def _last_verification_view(last: LastVerification | None) -> dict[str, Any] | None:
    if last is None:
        return None
    return {name: timestamp(it) if isinstance(it, datetime) else it for name, it in asdict(last).items()}


def checks_view(checks: Sequence[HealthCheck]) -> dict[str, Any]:
    """`ok`: every required part is well."""
    shown = [
        {
            "name": one.name,
            "level": one.level.value,
            "kind": one.kind,
            "ok": one.ok,
            "detail": one.detail,
            "fix": one.fix,
            "seconds": round(one.seconds, 4),
        }
        for one in checks
    ]
    return {"ok": all(one.ok for one in checks if one.level is Level.REQUIRED), "checks": shown}
