"""The data folder with its keys, and one backend of each kind as the settings name them."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from app.belonging import in_use, require_own_metadata
from app.errors import BackendUnavailableError, ConfigurationError
from app.former_models import former_opener
from app.pipeline.adjacencies import Adjacencies
from app.pipeline.adjacency_files import AdjacencyFiles
from app.pipeline.embedding_spaces import EmbeddingSpaces
from app.restarts import Restarts
from app.seals import seals_of
from app.security.audit_log import AuditLog
from app.security.audit_seals import Seals
from app.security.keys import Keys, load_keys
from app.settings import Settings
from app.shared_counts import CountedCacheStore, SharedCounts
from backends.audit.base import AuditStore
from backends.cache.base import CacheStore
from backends.embeddings.base import Embedder
from backends.files.base import FileStore
from backends.graph.base import GraphStore
from backends.llm.base import LanguageModel, ModelRouter
from backends.loaders.base import DocumentLoader
from backends.loading import load
from backends.lock_files import exclusive
from backends.metadata.base import MetadataStore
from backends.queue.base import JobQueue
from backends.sql.engine import Database
from backends.sql.migrating import upgrade
from backends.vectors.base import VectorStore


@dataclass(frozen=True, slots=True)
class Stores:
    """What a profile may keep elsewhere than in the data folder."""

    settings: Settings
    metadata: MetadataStore
    vectors: VectorStore
    graph: GraphStore
    cache: CacheStore
    queue: JobQueue


@dataclass(frozen=True, slots=True)
class Installation:
    """What services are made of."""

    settings: Settings
    keys: Keys
    log: AuditLog
    seals: Seals
    metadata: MetadataStore
    files: FileStore
    spaces: EmbeddingSpaces
    graph: GraphStore
    cache: CacheStore
    counts: SharedCounts
    queue: JobQueue
    loader: DocumentLoader
    adjacencies: Adjacencies


def open_installation(settings: Settings, closing: ExitStack) -> Installation:
    """Open the data folder, making it, its key and its tables when they are not there yet; `closing` frees it all, and
    until then the installation is not moved.

    Raises ConfigurationError, IntegrityError, BackendUnavailableError or ConflictError with a sentence for the
    administrator.
    """
    keys = _open_folder(settings, closing)
    database = open_database(settings, keys, closing)
    log = open_log(settings, keys, closing)
    embedder = open_backend(Embedder, settings.embeddings, closing, model_dir=settings.model_dir)
    stores = open_stores(settings, keys, database, embedder, closing)
    counts = SharedCounts(settings.data_dir)
    closing.callback(counts.write)
    cache = CountedCacheStore(stores.cache, counts)
    return Installation(
        settings=settings,
        keys=keys,
        log=log,
        seals=seals_of(settings),
        metadata=stores.metadata,
        files=open_backend(FileStore, settings.files, closing, data_dir=settings.data_dir, key=keys.files),
        spaces=_open_spaces(stores, embedder, database, cache, closing),
        graph=stores.graph,
        cache=cache,
        counts=counts,
        queue=stores.queue,
        loader=open_backend(DocumentLoader, settings.loader, closing),
        adjacencies=_open_adjacencies(stores.graph, settings, keys),
    )


def _open_spaces(
    stores: Stores, embedder: Embedder, database: Database, cache: CacheStore, closing: ExitStack
) -> EmbeddingSpaces:
    folder = stores.settings.data_dir
    parts: dict[str, Any] = {"database": database, "data_dir": folder, "on_restart": Restarts(folder).add}
    spaces = EmbeddingSpaces(
        embedder,
        stores.vectors,
        metadata=stores.metadata,
        cache=cache,
        open_former=former_opener(stores.settings, **parts),
    )
    closing.callback(spaces.close)
    return spaces


def _open_adjacencies(graph: GraphStore, settings: Settings, keys: Keys) -> Adjacencies:
    folder = settings.data_dir
    return Adjacencies(
        graph,
        key=keys.ids,
        files=AdjacencyFiles(folder / "walks"),
        alone=lambda: exclusive(folder / "walks.lock"),
    )


def open_database(settings: Settings, keys: Keys, closing: ExitStack) -> Database:
    """That of the data folder, which every profile has."""
    database = Database(settings.data_dir / "dafe.db", key=keys.database)
    closing.callback(database.close)
    upgrade(database)
    return database


def open_backend(contract: type[Any], backend_settings: Any, closing: ExitStack, **parts: Any) -> Any:
    backend = load(contract, backend_settings, **parts)
    closing.callback(backend.close)
    return backend


def open_stores(
    settings: Settings,
    keys: Keys,
    database: Database,
    embedder: Embedder,
    closing: ExitStack,
    *,
    in_use: bool = True,
) -> Stores:
    """Raises ConfigurationError for other metadata than the data folder's; not where they are not `in_use` yet."""
    folder = settings.data_dir
    parts: dict[str, Any] = {"database": database, "data_dir": folder}
    space = {"embedding_name": embedder.name, "dimension": embedder.dimension, "on_restart": Restarts(folder).add}
    metadata: MetadataStore = open_backend(MetadataStore, settings.metadata, closing, key=keys.fields, **parts)
    if in_use:
        require_own_metadata(folder, metadata.identity)
    return Stores(
        settings=settings,
        metadata=metadata,
        vectors=open_backend(VectorStore, settings.vectors, closing, **parts, **space),
        graph=open_backend(GraphStore, settings.graph, closing, **parts),
        cache=open_backend(CacheStore, settings.cache, closing, key=keys.cache, **parts),
        queue=open_backend(JobQueue, settings.queue, closing, **parts),
    )


def open_audit_store(settings: Settings, closing: ExitStack) -> AuditStore:
    """Raises ConfigurationError where an administrator has to prepare it, and BackendUnavailableError."""
    store: AuditStore = open_backend(AuditStore, settings.audit, closing, data_dir=settings.data_dir)
    store.check()
    return store


def open_log(settings: Settings, keys: Keys, closing: ExitStack) -> AuditLog:
    """Raises as `open_audit_store` does, and ConfigurationError where a second log would be begun."""
    store = open_audit_store(settings, closing)
    _require_begun_log(settings, store)
    log = AuditLog(
        store,
        mac_key=keys.audit_mac,
        second_device=settings.audit_second_device,
        second_device_required=settings.audit_second_device_required,
    )
    closing.callback(log.close)
    return log


def _require_begun_log(settings: Settings, store: AuditStore) -> None:
    """A server's log may be empty only before the first event of the installation."""
    if settings.audit.kind == "sqlite" or store.head().seq:
        return
    former, verified = settings.data_dir / "audit.db", settings.data_dir / "audit.verified"
    in_folder = former.exists() and former.stat().st_size > 0
    if in_folder or verified.exists() or seals_of(settings).last() is not None:
        raise ConfigurationError(
            "The audit log in PostgreSQL is empty, although this installation has one already: where that lies in the"
            " data folder, go on with it by DAFE_AUDIT__KIND=sqlite, or take it along with dafe migrate, without that"
            " setting; else name the database that holds it."
        )


def find_language_model(installation: Installation) -> LanguageModel | None:
    """The model that the settings name, or the one found on this machine; None where there is none."""
    from backends.llm.discovery import choose_language_model

    chosen = choose_language_model(installation.settings.llm)
    if chosen.kind == "none":
        return None
    model: LanguageModel = load(LanguageModel, chosen)
    return model


def open_router(installation: Installation) -> ModelRouter | None:
    """The router that the settings name; None where they name one model, or none. Asks no server yet."""
    if installation.settings.llm.kind != "router":
        return None
    router: ModelRouter = load(ModelRouter, installation.settings.llm, on_call=installation.counts.add_call)
    return router


def _open_folder(settings: Settings, closing: ExitStack) -> Keys:
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = settings.data_dir / ".writable"
        probe.write_bytes(b"")
        probe.unlink(missing_ok=True)
        closing.enter_context(in_use(settings.data_dir))
    except OSError as error:
        raise BackendUnavailableError(
            f"The data folder {settings.data_dir} cannot be written ({error.strerror}): give this user the right to"
            " write there, or choose another with DAFE_DATA_DIR."
        ) from error
    return load_keys(settings.key_path, may_create=not (settings.data_dir / "dafe.db").exists())
