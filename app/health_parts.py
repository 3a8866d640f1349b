"""The parts of an installation that the health page and dafe doctor look at."""

import shutil
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from app.audit_parts import verification_part
from app.domain.ids import VersionId, WorkspaceId
from app.domain.models import Band, ProbeResult
from app.embedding_parts import vectors_part
from app.endpoint_parts import embedding_endpoint_parts, endpoint_parts
from app.errors import BackendUnavailableError, DafeError, IntegrityError
from app.installation import Installation
from app.language_models import LanguageModels
from app.restarts import Restarts
from app.services.health import Level, Part, require_free_space
from backends.cache.base import Layer
from backends.loaders import community

_NO_WORKSPACE = WorkspaceId("health")
_UNKNOWN = frozenset({VersionId("health")})
"""A version that is nowhere; with none at all a store answers without looking."""
_LEAST_FREE_GB = 1.0
_RECENTLY = timedelta(hours=1)
_LAYERS = {
    Layer.ANSWER: "answers",
    Layer.QUERY: "searches",
    Layer.TRIPLE: "facts of passages",
    Layer.EMBEDDING: "meanings of texts",
}
SECOND_COPY = "Second audit copy"
REPLICA = "Read replica"
_REPLICA_FIX = "Nothing is lost or late: the primary reads meanwhile. See the log of the standby."


def health_parts(installation: Installation, *, models: LanguageModels, probe: Callable[[], ProbeResult]) -> list[Part]:
    """Required parts first."""
    required, optional = Level.REQUIRED, Level.OPTIONAL
    settings = installation.settings
    run_up = "Start Dafe Graphs with dafe up, or the worker alone with dafe worker."
    audit_fix = "See the log." if settings.audit.server else "Check the disk of the data folder."
    embeddings_fix = "make setup" if settings.embeddings.kind == "onnx" else "Look after its server or its settings."
    return [
        Part("Database", required, _kind(settings.metadata), lambda: _database(installation), "Run dafe doctor again."),
        *_replica(installation),
        Part("Audit log", required, _kind(settings.audit), lambda: _audit(installation), audit_fix),
        verification_part(installation),
        *_second_copy(installation),
        Part("Files", required, _kind(settings.files), lambda: _files(installation), "Check the data folder's rights."),
        Part("Disk", required, "", lambda: _disk(installation), "Free some room on the data folder's disk."),
        Part("Search by meaning", required, _kind(settings.vectors), lambda: _vectors(installation), "See the log."),
        Part("Graph", required, _kind(settings.graph), lambda: _graph(installation), "See the log."),
        Part(
            "Embedding model",
            required,
            installation.spaces.embedder.name,
            lambda: _embedder(installation),
            embeddings_fix,
        ),
        *_servers(installation),
        vectors_part(installation),
        Part("Worker", optional, _kind(settings.queue), lambda: _worker(installation), run_up),
        Part("Processes", optional, "", lambda: _processes(installation), "See the log for why it ended."),
        Part("Language model", optional, _kind(settings.llm), lambda: _model(probe), _MODEL_FIX),
        *endpoint_parts(installation, models),
        *embedding_endpoint_parts(installation),
        Part("Text recognition", optional, "Tesseract", _tesseract, "Install tesseract to read scanned pages."),
        Part("More formats", optional, "langchain-community", _community, "Other formats need neither."),
    ]


_MODEL_FIX = "None is needed; to use one start Ollama, or set DAFE_LLM__KIND."


def _kind(settings: object) -> str:
    return str(getattr(settings, "kind", ""))


def _database(installation: Installation) -> str:
    installation.metadata.check()
    return "Encrypted and readable."


def _replica(installation: Installation) -> list[Part]:
    """Only where one is set."""
    replica = installation.metadata.replica
    if replica is None:
        return []
    return [Part(REPLICA, Level.OPTIONAL, _kind(installation.settings.metadata), replica.check, _REPLICA_FIX)]


def _audit(installation: Installation) -> str:
    installation.log.check()
    seals = installation.seals
    if problem := seals.problem():
        raise IntegrityError(problem)
    events, last = installation.log.head().seq, seals.last()
    if last is None:
        return f"{events:,} events, none sealed yet."
    return f"{events:,} events, sealed to {last.seq:,} at {last.at:%Y-%m-%d %H:%M} UTC."


def _servers(installation: Installation) -> list[Part]:
    """What may be no part of the database: without its queue nothing can be added or deleted."""
    settings, log = installation.settings, "See the log."
    parts = []
    if settings.queue.server is not None:
        parts.append(Part("Queue", Level.REQUIRED, _kind(settings.queue), lambda: _queue(installation), log))
    parts.append(Part("Cached results", Level.OPTIONAL, _kind(settings.cache), lambda: _cache(installation), log))
    return parts


def _queue(installation: Installation) -> str:
    return f"{installation.queue.count():,} jobs wait or are in work."


def _cache(installation: Installation) -> str:
    """How many of what was looked for was there, by what it is."""
    if installation.settings.cache.server is not None:
        installation.cache.delete_scope("health")  # The one call that tells when its server is away.
    counts = installation.counts.looked_for()
    found = [
        f"{word} {ratio:.0%} of {counts[layer].hits + counts[layer].misses:,}"
        for layer, word in _LAYERS.items()
        if (ratio := counts[layer].ratio) is not None
    ]
    return f"Found again: {', '.join(found)}." if found else "Nothing was looked for yet."


def _second_copy(installation: Installation) -> list[Part]:
    """Only where one is set; it is required when nothing may proceed without it."""
    if installation.log.second_device is None:
        return []

    def look() -> str:
        _, state = installation.log.in_step()
        if state is not None and not state.ok:
            raise BackendUnavailableError(state.detail)
        return state.detail if state else ""

    level = Level.REQUIRED if installation.settings.audit_second_device_required else Level.OPTIONAL
    return [
        Part(SECOND_COPY, level, "Folder", look, "Check the disk in DAFE_AUDIT_SECOND_DEVICE; see dafe audit verify.")
    ]


def _files(installation: Installation) -> str:
    return f"{len(installation.files.find()):,} encrypted files."


def _disk(installation: Installation) -> str:
    return require_free_space(str(installation.settings.data_dir), least_gb=_LEAST_FREE_GB)


def _vectors(installation: Installation) -> str:
    installation.spaces.vectors.count(workspace_id=_NO_WORKSPACE, permitted=_UNKNOWN)
    return "Answers."


def _graph(installation: Installation) -> str:
    installation.graph.count(workspace_id=_NO_WORKSPACE, permitted=_UNKNOWN)
    return "Answers."


def _embedder(installation: Installation) -> str:
    length = len(installation.spaces.embedder.embed_question("Is the model there?"))
    return f"Gives vectors of {length} numbers."


def _worker(installation: Installation) -> str:
    if not installation.queue.has_worker():
        raise BackendUnavailableError("No worker is running: documents that are added wait.")
    return "Running."


def _processes(installation: Installation) -> str:
    """Names those that were started again within the last hour: they work, but something ends them."""
    restarts = Restarts(installation.settings.data_dir).find(within=_RECENTLY)
    if not restarts:
        return "None had to be started again within the last hour."
    counted = Counter(restart.process for restart in restarts)
    named = ", ".join(f"the {process} {_times(count)}" for process, count in sorted(counted.items()))
    last = restarts[-1].at.strftime("%H:%M")
    raise DafeError(f"Ended and started again within the last hour: {named}, last at {last} UTC. Its work went on.")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _model(probe: Callable[[], ProbeResult]) -> str:
    result = probe()
    if result.model is None or result.band is Band.RULES_ONLY:
        raise DafeError(result.reason)
    return result.reason


def _community() -> str:
    named = ", ".join(community.NAMES.values())
    if wanted := community.missing():
        raise DafeError(f"To read {named} too, install {wanted}.")
    return f"Reads {named}."


def _tesseract() -> str:
    if shutil.which("tesseract") is None:
        raise DafeError("Tesseract is not installed: scanned pages are reported as unreadable.")
    return "Installed."
