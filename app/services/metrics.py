"""Numbers of the installation for Prometheus; of documents, questions and people only how many there are."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.domain.access import Actor, Permission
from app.domain.audit import LastVerification
from app.domain.documents import DocumentStatus
from app.domain.jobs import JobKind, JobState, Priority
from app.domain.models import Band, ProbeResult
from app.errors import DafeError
from app.measures import MEASURED
from app.security.access import authorise
from app.services.audit import AuditService
from app.shared_counts import SharedCounts
from backends.llm.base import CallOutcome, EndpointState
from backends.metadata.base import MetadataStore
from backends.queue.base import JobQueue
from backends.sql.base import Replica

_BREAKERS = ("closed", "half_open", "open")
_OUTCOMES: tuple[CallOutcome, ...] = ("done", "failed", "busy")
_Group = Callable[[Actor], Iterable[Metric]]


class MetricsService:
    """What a process measured of itself, and what the stores tell of the whole installation."""

    def __init__(
        self,
        *,
        metadata: MetadataStore,
        queue: JobQueue,
        audit: AuditService,
        counts: SharedCounts,
        endpoints: Callable[[], Sequence[EndpointState]],
        probe: Callable[[], ProbeResult],
        data_dir: Path,
    ) -> None:
        self._metadata = metadata
        self._queue = queue
        self._audit = audit
        self._counts = counts
        self._endpoints = endpoints
        self._probe = probe
        self._data_dir = data_dir
        self._groups: dict[str, _Group] = {
            "jobs": self._jobs,
            "documents": self._documents,
            "queue": self._queued,
            "cache": self._cached,
            "models": self._models,
            "audit": self._audited,
            "disk": self._disk,
        }
        if metadata.replica is not None:
            self._groups["database"] = partial(_of_replica, metadata.replica)

    def read(self, actor: Actor) -> bytes:
        """Prometheus's text format. What cannot be read now is left out, and said in dafe_metrics_ok."""
        authorise(actor, Permission.MANAGE_SYSTEM)
        found = CollectorRegistry(auto_describe=False)
        found.register(_Once(self._gather(actor)))
        return generate_latest(MEASURED) + generate_latest(found)

    def _gather(self, actor: Actor) -> Iterator[Metric]:
        read = GaugeMetricFamily("dafe_metrics_ok", "Whether this group of numbers could be read.", labels=["group"])
        for name, group in self._groups.items():
            try:
                metrics = list(group(actor))
            except (DafeError, OSError):
                metrics = []
                read.add_metric([name], 0)
            else:
                read.add_metric([name], 1)
            yield from metrics
        yield read

    def _jobs(self, _actor: Actor) -> Iterator[Metric]:
        counted = self._metadata.counts.jobs()
        jobs = GaugeMetricFamily(
            "dafe_jobs", "Jobs that are kept, finished ones too.", labels=["kind", "state", "priority"]
        )
        for kind, state, priority in product(JobKind, JobState, Priority):
            number = counted.get((kind, state, priority), 0)
            jobs.add_metric([kind.value, state.value, priority.name.lower()], number)
        yield jobs

    def _documents(self, _actor: Actor) -> Iterator[Metric]:
        counted = self._metadata.counts.documents()
        documents = GaugeMetricFamily("dafe_documents", "Documents by what became of them.", labels=["status"])
        for status in DocumentStatus:
            documents.add_metric([status.value], counted.get(status, 0))
        yield documents
        failed = counted.get(DocumentStatus.FAILED, 0)
        yield _gauge("dafe_dead_letters", "Documents that were given up and wait for somebody.", failed)

    def _queued(self, _actor: Actor) -> Iterator[Metric]:
        yield _gauge("dafe_queue_messages", "Messages that wait or are in work.", self._queue.count())
        yield _gauge("dafe_workers_alive", "Worker processes that are alive.", self._queue.count_workers())

    def _cached(self, _actor: Actor) -> Iterator[Metric]:
        hits = CounterMetricFamily("dafe_cache_hits", "Looked for and found.", labels=["layer"])
        misses = CounterMetricFamily("dafe_cache_misses", "Looked for and not found.", labels=["layer"])
        for layer, count in self._counts.looked_for().items():
            hits.add_metric([layer.value], count.hits)
            misses.add_metric([layer.value], count.misses)
        yield from (hits, misses)

    def _models(self, _actor: Actor) -> Iterator[Metric]:
        band = self._probe().band
        bands = GaugeMetricFamily("dafe_model_band", "What the language model may do now: 1 for one.", labels=["band"])
        for one in Band:
            bands.add_metric([one.value], one is band)
        yield bands
        if endpoints := self._endpoints():
            yield from _of_endpoints(endpoints, self._counts)

    def _audited(self, actor: Actor) -> Iterator[Metric]:
        status = self._audit.status(actor)
        yield CounterMetricFamily("dafe_audit_events", "Events of the audit log.", value=status.events)
        yield CounterMetricFamily("dafe_audit_sealed_events", "Those before the last seal.", value=status.sealed_to)
        yield _gauge("dafe_audit_sealing_ok", "Whether events are sealed as they should.", not status.sealing)
        if status.sealed_at is not None:
            age = (datetime.now(UTC) - status.sealed_at).total_seconds()
            yield _gauge("dafe_audit_last_seal_age_seconds", "Since the last seal.", age)
        yield from _of_verification(status.last_verification)
        if status.second_device:
            yield _gauge("dafe_audit_second_device_ok", "Whether it is in step.", status.second_device_ok)
            if status.behind is not None:
                yield _gauge("dafe_audit_second_device_missing_events", "What it lacks.", status.behind)

    def _disk(self, _actor: Actor) -> Iterator[Metric]:
        free = shutil.disk_usage(self._data_dir).free
        yield _gauge("dafe_data_disk_free_bytes", "Free on the disk of the data folder.", free)


class _Once(Collector):
    """Metrics that were gathered for one reader."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=value)


def _of_replica(replica: Replica, _actor: Actor) -> Iterator[Metric]:
    """Of this process."""
    reads = CounterMetricFamily("dafe_database_large_reads", "By the server that did them.", labels=["server"])
    for server, number in replica.reads().items():
        reads.add_metric([server], number)
    yield reads


def _of_verification(last: LastVerification | None) -> Iterator[Metric]:
    if last is not None:
        yield _gauge("dafe_audit_findings", "What the last verification found wrong.", last.findings)
    if last is not None and last.sound_at is not None:
        age = (datetime.now(UTC) - last.sound_at).total_seconds()
        yield _gauge("dafe_audit_last_sound_age_seconds", "Since a verification last found the log sound.", age)


def _of_endpoints(endpoints: Sequence[EndpointState], counts: SharedCounts) -> Iterator[Metric]:
    """States are those that this process sees; calls are of all processes of this machine."""
    labels = ["endpoint"]
    usable = GaugeMetricFamily("dafe_model_endpoint_up", "Whether it gets calls.", labels=labels)
    running = GaugeMetricFamily("dafe_model_endpoint_calls", "Calls under way.", labels=labels)
    limit = GaugeMetricFamily("dafe_model_endpoint_limit", "Calls that it gets at once.", labels=labels)
    breakers = GaugeMetricFamily("dafe_model_endpoint_breaker", "1 for its state.", labels=[*labels, "state"])
    ended = CounterMetricFamily("dafe_model_endpoint_calls_ended", "By how they ended.", labels=[*labels, "outcome"])
    for one in endpoints:
        usable.add_metric([one.name], not one.problem)
        running.add_metric([one.name], one.outstanding)
        limit.add_metric([one.name], one.limit)
        for state in _BREAKERS:
            breakers.add_metric([one.name, state], one.breaker == state)
        for outcome in _OUTCOMES:
            ended.add_metric([one.name, outcome], counts.calls(one.name, outcome))
    yield from (usable, running, limit, breakers, ended)
