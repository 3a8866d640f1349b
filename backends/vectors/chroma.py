"""Vectors in a Chroma server: our own child process, or a remote one."""

import hashlib
import re
import ssl
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit

import chromadb
import httpx
from chromadb.api.collection_configuration import CreateCollectionConfiguration
from chromadb.errors import NotFoundError as UnknownCollectionError

from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.errors import BackendUnavailableError
from backends.certificates import trusted_certificates
from backends.vectors.base import Match, Vectors, VectorStore
from backends.vectors.chroma_errors import GoneError, refuse_pages, translated
from backends.vectors.chroma_filters import among, scopes
from backends.vectors.chroma_removal import overwrite, sync
from backends.vectors.chroma_server import ChromaServer
from backends.vectors.credentials import header_value
from backends.vectors.deadline import DeadlineTransport
from backends.vectors.matrix import check_shape, in_order
from backends.vectors.settings import ChromaVectorSettings

_WRITTEN_TOGETHER = 1000
_LISTED_TOGETHER = 500
_INDEX: CreateCollectionConfiguration = {
    "hnsw": {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 32},
    "embedding_function": None,
}
_MORE = 10
"""Asked for beyond the limit, so that equally near chunks can be put in the order of their ids."""
_T = TypeVar("_T")


class ChromaVectorStore(VectorStore):
    """One collection per workspace and embedding space. Every call may be done again, so one that meets a server that
    went away is: our own server is started anew for it."""

    def __init__(
        self,
        settings: ChromaVectorSettings,
        *,
        data_dir: Path,
        embedding_name: str,
        dimension: int,
        on_restart: Callable[[str], None] = lambda _name: None,
        **_ignored: object,
    ) -> None:
        """`on_restart` is told the name of our own server when it ended unexpectedly and is started again."""
        self._settings = settings
        self._server = None if settings.url else ChromaServer(data_dir / "chroma", on_restart=on_restart)
        self._space = f"{embedding_name}/{dimension}"
        self._dimension = dimension
        self._lock = Lock()
        self._client: Any = None
        self._collections: dict[WorkspaceId, Any] = {}

    def upsert(
        self, chunk_ids: Sequence[ChunkId], vectors: Vectors, *, workspace_id: WorkspaceId, version_id: VersionId
    ) -> None:
        check_shape(chunk_ids, vectors, dimension=self._dimension)
        if not chunk_ids:
            return

        def write() -> None:
            collection = self._collection(workspace_id, make=True)
            for start in range(0, len(chunk_ids), _WRITTEN_TOGETHER):
                part = slice(start, start + _WRITTEN_TOGETHER)
                ids = list(chunk_ids[part])
                collection.upsert(
                    ids=ids, embeddings=vectors[part], metadatas=[{"version_id": version_id} for _ in ids]
                )

        self._call(write)

    def search(
        self, vector: Vectors, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId], limit: int
    ) -> list[Match]:
        if limit <= 0 or not permitted:
            return []

        def ask() -> list[Match]:
            collection = self._collection(workspace_id)
            if collection is None:
                return []
            found = []
            for scope in scopes(permitted):
                answer = collection.query(
                    query_embeddings=[vector], n_results=limit + _MORE, where=scope, include=["distances"]
                )
                pairs = zip(answer["ids"][0], answer["distances"][0], strict=True)
                found += [Match(ChunkId(id_), min(1.0, max(-1.0, 1.0 - distance))) for id_, distance in pairs]
            return found

        return sorted(self._call(ask), key=lambda match: (-match.similarity, match.chunk_id))[:limit]

    def get(
        self, chunk_ids: Sequence[ChunkId], *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]
    ) -> tuple[list[ChunkId], Vectors]:
        def read() -> dict[ChunkId, Vectors]:
            collection = self._collection(workspace_id)
            found: dict[ChunkId, Vectors] = {}
            starts = range(0, len(chunk_ids) if collection is not None else 0, _WRITTEN_TOGETHER)
            for start, scope in product(starts, scopes(permitted)):
                ids = list(chunk_ids[start : start + _WRITTEN_TOGETHER])
                answer = collection.get(ids=ids, where=scope, include=["embeddings"])
                found |= zip(map(ChunkId, answer["ids"]), answer["embeddings"], strict=True)
            return found

        return in_order(chunk_ids, self._call(read), dimension=self._dimension)

    def delete_versions(self, version_ids: Sequence[VersionId], *, workspace_id: WorkspaceId) -> None:
        if not version_ids:
            return

        def delete() -> None:
            for collection in self._all_collections(workspace_id):
                overwrite(collection, collection.get(where=among(version_ids), include=[])["ids"])
                sync(collection)

        self._call(delete)
        self._wipe()

    def delete_workspace(self, workspace_id: WorkspaceId) -> None:
        self._call(lambda: self._delete_collections(self._all_collections(workspace_id)))
        self._wipe()
        with self._lock:
            self._collections.pop(workspace_id, None)

    def delete_other_spaces(self, *, workspace_id: WorkspaceId) -> None:
        def delete() -> bool:
            own = _collection_name(workspace_id, self._space)
            others = [one for one in self._all_collections(workspace_id) if one.name != own]
            self._delete_collections(others)
            return bool(others)

        if self._call(delete):
            self._wipe()

    def count(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> int:
        if not permitted:
            return 0

        def count() -> int:
            collection = self._collection(workspace_id)
            if collection is None:
                return 0
            return sum(len(collection.get(where=scope, include=[])["ids"]) for scope in scopes(permitted))

        return self._call(count)

    def close(self) -> None:
        self._disconnect(self._client)
        if self._server is not None:
            self._server.close()

    def _delete_collections(self, collections: Sequence[Any]) -> None:
        for collection in collections:
            sync(collection)
            self._connected().delete_collection(collection.name)

    def _wipe(self) -> None:
        """A remote server's database can only be written anew where it runs."""
        if self._server is not None:
            self._server.wipe()

    def _collection(self, workspace_id: WorkspaceId, *, make: bool = False) -> Any:
        """None when it does not exist and is not to be made."""
        with self._lock:
            known = self._collections.get(workspace_id)
        if known is not None:
            return known
        name = _collection_name(workspace_id, self._space)
        client = self._connected()
        if make:
            metadata = {"workspace_id": workspace_id, "space": self._space}
            found = client.get_or_create_collection(
                name, configuration=_INDEX, metadata=metadata, embedding_function=None
            )
        else:
            try:
                found = client.get_collection(name, embedding_function=None)
            except UnknownCollectionError:
                return None
        with self._lock:
            self._collections[workspace_id] = found
        return found

    def _all_collections(self, workspace_id: WorkspaceId) -> list[Any]:
        """The workspace's collections of every embedding space."""
        found: list[Any] = []
        while True:
            page = self._connected().list_collections(limit=_LISTED_TOGETHER, offset=len(found))
            found.extend(page)
            if len(page) < _LISTED_TOGETHER:
                return [one for one in found if (one.metadata or {}).get("workspace_id") == workspace_id]

    def _call(self, do: Callable[[], _T]) -> _T:
        """Once more after the server went away, or after another process deleted the collection and made it anew."""
        used: Any = None
        try:
            with translated():
                used = self._connected()
                return do()
        except (GoneError, BackendUnavailableError):
            self._disconnect(used)
        with translated(again=True):
            return do()

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> Any:
        settings = self._settings
        if self._server is not None:
            host, port, encrypted = "127.0.0.1", self._server.find_port(), False
        else:
            address = urlsplit(settings.url or "")
            encrypted = address.scheme == "https"
            host, port = address.hostname or "", address.port or (443 if encrypted else 80)
        token = header_value(settings.token, setting="token")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if self._server is None:
            self._greet(headers)
        client = chromadb.HttpClient(
            host=host,
            port=port,
            ssl=encrypted,
            headers=headers,
            settings=chromadb.Settings(
                anonymized_telemetry=False,
                chroma_server_ssl_verify=_certificates(settings.ca_bundle) if encrypted else None,
            ),
        )
        # The client has no settings for these, and would wait for ever.
        session = client._server._session
        session.event_hooks = {"response": [refuse_pages]}
        session.timeout = httpx.Timeout(settings.timeout_seconds)
        session._transport.close()
        session._transport, session._mounts = self._transport(), {}
        return client

    def _greet(self, headers: dict[str, str]) -> None:
        """The client's own first requests would wait for ever: do its very first one and see that it is answered."""
        with httpx.Client(transport=self._transport(), timeout=self._settings.timeout_seconds) as client:
            client.get(f"{self._settings.url}/api/v2/auth/identity", headers=headers).raise_for_status()

    def _transport(self) -> DeadlineTransport:
        certificates = trusted_certificates(self._settings.ca_bundle, settings="vectors")
        return DeadlineTransport(seconds=self._settings.timeout_seconds, certificates=certificates)

    def _disconnect(self, used: Any) -> None:
        """Unless another thread did it before: its new connection is kept."""
        with self._lock:
            if used is None or self._client is not used:
                return
            self._client = None
            self._collections.clear()
        _close(used)


def _certificates(ca_bundle: Path | None) -> str | None:
    """The configured certificates, else the system's: the client alone would take those of its own package."""
    found = ca_bundle or ssl.get_default_verify_paths().cafile
    return str(found) if found else None


def _close(client: Any) -> None:
    """Chroma's own close leaves the connections of the client and of its inner one open."""
    servers = (client._server, client._admin_client._server)
    client.close()
    for server in servers:
        server._session.close()


def _collection_name(workspace_id: WorkspaceId, space: str) -> str:
    """Readable, in the letters that Chroma allows, and different for different spaces."""
    digest = hashlib.sha256(f"{workspace_id}/{space}".encode()).hexdigest()[:12]
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{workspace_id}-{space}")[:200]
    return f"dafe-{readable}-{digest}"
