"""The composition root: settings become services."""

from collections.abc import Callable
from contextlib import ExitStack
from contextlib import closing as ending
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from app.audit_parts import checks_of
from app.domain.access import Actor, Role
from app.domain.ids import UserId, VersionId, WorkspaceId
from app.domain.models import ProbeResult
from app.health_parts import health_parts
from app.indexing_parts import make_indexing
from app.installation import Installation, open_installation
from app.language_models import LanguageModels, open_language_models, wants_model
from app.pipeline.answering import Answerer
from app.pipeline.choosing import choose_writer
from app.pipeline.flight_locks import FlightLocks
from app.pipeline.forgiving_cache import ForgivingCacheStore
from app.pipeline.known_answers import KnownAnswers
from app.pipeline.known_passages import KnownPassages
from app.pipeline.model_answering import AnswerWriter
from app.pipeline.parsing import SentenceParser
from app.pipeline.retrieval import Retriever
from app.security.auditor import Auditor
from app.security.keys import Keys
from app.security.passwords import Passwords
from app.security.refusals import watch_service
from app.services.access import AccessService
from app.services.audit import AuditService
from app.services.documents import DocumentService
from app.services.evidence import EvidenceService
from app.services.exports import ExportService
from app.services.graph import GraphService
from app.services.health import HealthService
from app.services.indexing import IndexingService
from app.services.jobs import JobService
from app.services.metrics import MetricsService
from app.services.questions import QuestionService
from app.services.samples import SampleService
from app.services.sessions import SessionLimits, SessionService
from app.services.signing_in import SignIns
from app.services.storing import VersionStoring
from app.services.used_models import UsedModels
from app.services.users import UserService
from app.services.workspaces import WorkspaceService
from app.settings import Settings, process_settings

OPERATOR = Actor(UserId("operator"), "Operator", frozenset({Role.OPERATOR}), channel="cli")
"""The command line on the server itself."""

_LOOK_SECONDS = 2.0
_NOWHERE = WorkspaceId("warm-up")

AUDITED = (
    "documents access evidence jobs graph exports questions workspaces users sessions audit health metrics samples"
).split()
"""The services by their names in the table of audited actions."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that pages, routes, commands and the worker call."""

    documents: DocumentService
    access: AccessService
    evidence: EvidenceService
    jobs: JobService
    graph: GraphService
    exports: ExportService
    questions: QuestionService
    workspaces: WorkspaceService
    users: UserService
    sessions: SessionService
    sign_ins: SignIns
    audit: AuditService
    health: HealthService
    metrics: MetricsService
    samples: SampleService
    auditor: Auditor
    settings: Settings
    keys: Keys
    make_indexing: Callable[[], IndexingService]
    """For the worker."""
    has_worker: Callable[[], bool]
    """Whether a worker of this installation is alive."""
    warm_up: Callable[[], None]
    """Reads the embedded models into this process and starts the server of vectors, where that is ours, so that the
    first question does not wait for them."""
    close: Callable[[], None]
    """Frees files, connections and child processes."""


def open_services(settings: Settings) -> Services:
    """Raises ConfigurationError, IntegrityError or BackendUnavailableError with a sentence for the administrator."""
    closing = ExitStack()
    try:
        services = _make_services(open_installation(settings, closing), closing)
    except BaseException:
        closing.close()
        raise
    for name in AUDITED:
        watch_service(services.auditor, name, getattr(services, name))
    return services


@lru_cache(maxsize=1)
def process_services() -> Services:
    """The services of this process, opened at the first call with the process's settings."""
    return open_services(process_settings())


def _make_services(installation: Installation, closing: ExitStack) -> Services:
    settings, keys = installation.settings, installation.keys
    metadata, queue = installation.metadata, installation.queue
    auditor = Auditor(installation.log)
    parser = SentenceParser()
    retriever = _make_retriever(installation, parser)
    used = UsedModels(metadata.models, wanted=wants_model(settings))
    models = open_language_models(installation, closing, on_read=used.note)
    common: dict[str, Any] = {"metadata": metadata, "files": installation.files, "auditor": auditor}
    people: dict[str, Any] = {"metadata": metadata, "passwords": Passwords(), "auditor": auditor}
    sessions = SessionService(key=keys.sign_in, limits=_session_limits(settings), **people)
    documents = _make_documents(installation, auditor)
    answerer = _make_answerer(installation, retriever, parser, models, closing)
    audit = _make_audit(installation, auditor)
    return Services(
        documents=documents,
        access=AccessService(**common),
        evidence=EvidenceService(loader=installation.loader, **common),
        jobs=JobService(metadata=metadata, queue=queue, auditor=auditor),
        graph=GraphService(graph=installation.graph, **common),
        exports=ExportService(queue=queue, kept=settings.exports_kept, **common),
        questions=QuestionService(metadata=metadata, answerer=answerer, auditor=auditor),
        workspaces=_make_workspaces(installation, retriever, auditor),
        users=UserService(**people),
        sessions=sessions,
        sign_ins=closing.enter_context(ending(SignIns(sessions))),
        audit=audit,
        health=_make_health(installation, models, auditor),
        metrics=_make_metrics(installation, models, audit),
        samples=SampleService(documents=documents),
        auditor=auditor,
        settings=settings,
        keys=keys,
        make_indexing=lambda: make_indexing(installation, parser=parser, models=models, used=used, auditor=auditor),
        has_worker=queue.has_worker,
        warm_up=lambda: _warm_up(installation, parser, models),
        close=closing.close,
    )


def _make_documents(installation: Installation, auditor: Auditor) -> DocumentService:
    common: dict[str, Any] = {"metadata": installation.metadata, "queue": installation.queue}
    storing = VersionStoring(files=installation.files, **common)
    return DocumentService(storing=storing, loader=installation.loader, auditor=auditor, **common)


def _session_limits(settings: Settings) -> SessionLimits:
    return SessionLimits(timedelta(minutes=settings.idle_minutes), timedelta(hours=settings.session_hours))


def _make_workspaces(installation: Installation, retriever: Retriever, auditor: Auditor) -> WorkspaceService:
    def forget(workspace_id: WorkspaceId) -> None:
        retriever.forget(workspace_id)
        installation.adjacencies.delete(workspace_id)

    return WorkspaceService(
        metadata=installation.metadata,
        graph=installation.graph,
        vectors=installation.spaces.vectors,
        cache=installation.cache,
        files=installation.files,
        auditor=auditor,
        on_delete=forget,
    )


def _make_audit(installation: Installation, auditor: Auditor) -> AuditService:
    return AuditService(
        log=installation.log,
        seals=installation.seals,
        checks=checks_of(installation),
        metadata=installation.metadata,
        auditor=auditor,
    )


def _make_health(installation: Installation, models: LanguageModels, auditor: Auditor) -> HealthService:
    def probe() -> ProbeResult:
        return models.reading.look(wait_seconds=_LOOK_SECONDS).result

    return HealthService(
        parts=health_parts(installation, models=models, probe=probe),
        probe=probe,
        probe_again=models.try_again,
        auditor=auditor,
    )


def _make_metrics(installation: Installation, models: LanguageModels, audit: AuditService) -> MetricsService:
    return MetricsService(
        metadata=installation.metadata,
        queue=installation.queue,
        audit=audit,
        counts=installation.counts,
        endpoints=lambda: models.router.endpoints() if models.router else [],
        probe=lambda: models.reading.look().result,
        data_dir=installation.settings.data_dir,
    )


def _make_answerer(
    installation: Installation,
    retriever: Retriever,
    parser: SentenceParser,
    models: LanguageModels,
    closing: ExitStack,
) -> KnownAnswers:
    cache = ForgivingCacheStore(installation.cache)
    kept: dict[str, Any] = {"cache": cache, "ttl_seconds": installation.settings.cache.answer_seconds}
    embedder = installation.spaces.remembering

    def find_writer() -> AnswerWriter | None:
        looked = [one.look() for one in models.writing]
        return choose_writer([(tried.result, tried.model) for tried in looked], parser=parser, embedder=embedder)

    answerer = Answerer(
        retriever=retriever,
        metadata=installation.metadata,
        graph=installation.graph,
        find_writer=find_writer,
        known=KnownPassages(retriever, metadata=installation.metadata, **kept),
    )
    locks = closing.enter_context(ending(FlightLocks(installation.settings.data_dir / "flights")))
    return KnownAnswers(answerer, lead=locks.lead, **kept)


def _warm_up(installation: Installation, parser: SentenceParser, models: LanguageModels) -> None:
    parser.find_entities("Is the parser there?")
    installation.spaces.embedder.embed_question("Is the model there?")
    models.look()
    installation.spaces.vectors.count(workspace_id=_NOWHERE, permitted=frozenset({VersionId(_NOWHERE)}))


def _make_retriever(installation: Installation, parser: SentenceParser) -> Retriever:
    return Retriever(
        metadata=installation.metadata,
        graph=installation.graph,
        find_space=installation.spaces.searched,
        parser=parser,
        adjacencies=installation.adjacencies,
    )
