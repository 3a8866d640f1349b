"""What the worker is made of."""

from datetime import timedelta
from typing import Any

from app.audit_parts import checks_of
from app.domain.jobs import JobKind
from app.installation import Installation
from app.language_models import LanguageModels
from app.meaning import open_meaning
from app.pipeline.choosing import choose_extractor
from app.pipeline.extraction import ChosenExtractor
from app.pipeline.indexing import Indexer
from app.pipeline.parsing import SentenceParser
from app.security.auditor import Auditor
from app.services.audit_verifying import AuditVerifying
from app.services.embedding_again import EmbeddingAgain
from app.services.embedding_upkeep import EmbeddingUpkeep
from app.services.export_upkeep import ExportUpkeep
from app.services.exporting import GraphExporting
from app.services.indexing import IndexingService
from app.services.job_progress import JobRunner
from app.services.recovering import Recovery
from app.services.removing import Remover
from app.services.rereading import Rereading
from app.services.schedules import Schedule, ScheduleUpkeep
from app.services.storing import VersionStoring
from app.services.used_models import UsedModels
from app.services.walks import WalkUpkeep
from backends.embeddings.tokens import TokenCounter


def make_indexing(
    installation: Installation, *, parser: SentenceParser, models: LanguageModels, used: UsedModels, auditor: Auditor
) -> IndexingService:
    """The service that takes the jobs of this installation; `used` knows which model reads here."""
    metadata, queue = installation.metadata, installation.queue
    stores: dict[str, Any] = {"metadata": metadata, "files": installation.files}
    indexer = _make_indexer(installation, parser, models, used)
    remover = Remover(indexer=indexer, cache=installation.cache, **stores)
    rereading = Rereading(
        metadata=metadata,
        storing=VersionStoring(queue=queue, **stores),
        used=used,
        look=models.reading.look,
        auditor=auditor,
    )
    walks = WalkUpkeep(metadata=metadata, adjacencies=installation.adjacencies)
    exports = ExportUpkeep(kept=installation.settings.exports_kept, **stores)
    schedules = ScheduleUpkeep(schedules=_schedules(installation), metadata=metadata, queue=queue)
    upkeep = EmbeddingUpkeep(spaces=installation.spaces, metadata=metadata, queue=queue)
    return IndexingService(
        indexer=indexer,
        metadata=metadata,
        remover=remover,
        recovery=Recovery(
            queue=queue,
            remover=remover,
            each_time=(rereading.begin, upkeep.begin, exports.sweep, schedules.begin),
            at_first=walks.refresh_all,
            **stores,
        ),
        queue=queue,
        auditor=auditor,
        walks=walks,
        jobs_at_once=installation.settings.reading_at_once,
        others=_make_runners(installation, auditor),
    )


def _make_runners(installation: Installation, auditor: Auditor) -> dict[JobKind, JobRunner]:
    common: dict[str, Any] = {"metadata": installation.metadata, "queue": installation.queue, "auditor": auditor}
    checks, folder = checks_of(installation), installation.settings.data_dir
    return {
        JobKind.EMBED: EmbeddingAgain(spaces=installation.spaces, cache=installation.cache, **common),
        JobKind.EXPORT: GraphExporting(graph=installation.graph, files=installation.files, **common),
        JobKind.VERIFY: AuditVerifying(checks=checks, key=installation.keys.audit_mac, folder=folder, **common),
    }


def _schedules(installation: Installation) -> list[Schedule]:
    hours = installation.settings.audit_verify_hours
    return [Schedule(JobKind.VERIFY, timedelta(hours=hours), since=checks_of(installation).due_since)]


def _make_indexer(
    installation: Installation, parser: SentenceParser, models: LanguageModels, used: UsedModels
) -> Indexer:
    meaning = open_meaning(installation.spaces.embedder, model_dir=installation.settings.model_dir)

    def find_extractor() -> ChosenExtractor:
        tried = models.reading.settle()
        extractor = choose_extractor(
            tried.result,
            model=tried.model,
            parser=parser,
            meaning=meaning,
            cache=installation.cache,
            ontology_of=lambda workspace_id: installation.metadata.workspaces.get(workspace_id).ontology,
        )
        return ChosenExtractor(extractor, stands_in=used.is_missed(tried.result))

    return Indexer(
        metadata=installation.metadata,
        files=installation.files,
        graph=installation.graph,
        cache=installation.cache,
        loader=installation.loader,
        spaces=installation.spaces,
        choose_extractor=find_extractor,
        parser=parser,
        count_tokens=TokenCounter(installation.settings.model_dir),
        ids_key=installation.keys.ids,
        calls_at_once=installation.settings.reading_at_once,
    )
