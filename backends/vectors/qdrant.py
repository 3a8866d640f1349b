"""Vectors in a Qdrant server."""

import hashlib
import re
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import TypeVar
from uuid import UUID, uuid5

import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.errors import BackendUnavailableError, ConflictError
from backends.certificates import trusted_certificates
from backends.vectors.base import Match, Vectors, VectorStore
from backends.vectors.credentials import header_value
from backends.vectors.deadline import DeadlineTransport
from backends.vectors.matrix import check_shape, in_order
from backends.vectors.qdrant_errors import UnknownCollectionError, seconds_before_again, translated
from backends.vectors.settings import QdrantVectorSettings

_VERSION, _CHUNK = "version_id", "chunk_id"
_POINTS = UUID("6f1b8e0a-3c52-4f0e-9d1c-5a1f0e0c7d42")
"""The namespace of points' ids: a server takes only numbers and UUIDs, so the chunk's own id lies beside the vector."""
_WRITTEN_TOGETHER = 256
"""Below a server's 32 MB a request at any usual width."""
_MORE = 10
"""Asked for beyond the limit, so that equally near chunks can be put in the order of their ids."""
_CANDIDATES = 200
_SECONDS_UNTIL_READY = 0.05, 0.1, 0.2, 0.4, 0.8
_QUANTISATION = {
    "none": None,
    "scalar": models.ScalarQuantization(scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8)),
    "binary": models.BinaryQuantization(binary=models.BinaryQuantizationConfig()),
}
_T = TypeVar("_T")


class QdrantVectorStore(VectorStore):
    """One collection per workspace and embedding space, made at its first vector; threads share one client. Every call
    may be done again, so one whose connection broke is. What is deleted is found no more; it leaves the server's files
    when the server next compacts them."""

    def __init__(
        self, settings: QdrantVectorSettings, *, embedding_name: str, dimension: int, **_ignored: object
    ) -> None:
        self._settings = settings
        self._space = f"{embedding_name}/{dimension}"
        self._dimension = dimension
        self._lock = Lock()
        self._client: QdrantClient | None = None
        self._ready: set[WorkspaceId] = set()

    def upsert(
        self, chunk_ids: Sequence[ChunkId], vectors: Vectors, *, workspace_id: WorkspaceId, version_id: VersionId
    ) -> None:
        check_shape(chunk_ids, vectors, dimension=self._dimension)
        if not chunk_ids:
            return
        try:
            self._write(chunk_ids, vectors, workspace_id, version_id)
        except UnknownCollectionError:
            # It was deleted since this object made its collection.
            with self._lock:
                self._ready.discard(workspace_id)
            try:
                self._write(chunk_ids, vectors, workspace_id, version_id)
            except UnknownCollectionError as error:
                raise BackendUnavailableError(
                    "The vectors of this workspace were deleted meanwhile: try again."
                ) from error

    def search(
        self, vector: Vectors, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId], limit: int
    ) -> list[Match]:
        if limit <= 0 or not permitted:
            return []
        ask = partial(
            self._connected().query_points,
            collection_name(workspace_id, self._space),
            query=vector.tolist(),
            query_filter=_among(permitted),
            search_params=self._search_params(),
            limit=limit + _MORE,
            with_payload=[_CHUNK],
        )
        try:
            answer = self._call(ask)
        except UnknownCollectionError:
            return []
        found = [(ChunkId((point.payload or {})[_CHUNK]), point.score) for point in answer.points]
        matches = [Match(id_, min(1.0, max(-1.0, score))) for id_, score in found]
        return sorted(matches, key=lambda match: (-match.similarity, match.chunk_id))[:limit]

    def get(
        self, chunk_ids: Sequence[ChunkId], *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]
    ) -> tuple[list[ChunkId], Vectors]:
        name = collection_name(workspace_id, self._space)
        found: dict[ChunkId, Vectors] = {}
        for start in range(0, len(chunk_ids) if permitted else 0, _WRITTEN_TOGETHER):
            ids = [_point_id(id_) for id_ in chunk_ids[start : start + _WRITTEN_TOGETHER]]
            read = partial(self._connected().retrieve, name, ids=ids, with_payload=True, with_vectors=True)
            with suppress(UnknownCollectionError):
                points = [(point.payload or {}, point.vector) for point in self._call(read)]
                found |= {
                    payload[_CHUNK]: np.array(row, dtype=np.float32)
                    for payload, row in points
                    if payload[_VERSION] in permitted
                }
        return in_order(chunk_ids, found, dimension=self._dimension)

    def delete_versions(self, version_ids: Sequence[VersionId], *, workspace_id: WorkspaceId) -> None:
        if not version_ids:
            return
        gone = models.FilterSelector(filter=_among(version_ids))
        for name in self._collections_of(workspace_id):
            with suppress(UnknownCollectionError):
                self._call(partial(self._connected().delete, name, points_selector=gone, wait=True))

    def delete_workspace(self, workspace_id: WorkspaceId) -> None:
        for name in self._collections_of(workspace_id):
            with suppress(UnknownCollectionError):
                self._call(partial(self._connected().delete_collection, name))

    def delete_other_spaces(self, *, workspace_id: WorkspaceId) -> None:
        for name in self._collections_of(workspace_id):
            if name != collection_name(workspace_id, self._space):
                with suppress(UnknownCollectionError):
                    self._call(partial(self._connected().delete_collection, name))

    def count(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> int:
        if not permitted:
            return 0
        name = collection_name(workspace_id, self._space)
        with suppress(UnknownCollectionError):
            ask = partial(self._connected().count, name, count_filter=_among(permitted), exact=True)
            return self._call(ask).count
        return 0

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _write(
        self, chunk_ids: Sequence[ChunkId], vectors: Vectors, workspace_id: WorkspaceId, version_id: VersionId
    ) -> None:
        name = collection_name(workspace_id, self._space)
        with self._lock:
            ready = workspace_id in self._ready
        if not ready:
            self._make(name)
            with self._lock:
                self._ready.add(workspace_id)
        for start in range(0, len(chunk_ids), _WRITTEN_TOGETHER):
            ids = chunk_ids[start : start + _WRITTEN_TOGETHER]
            batch = models.Batch(
                ids=[_point_id(id_) for id_ in ids],
                vectors=vectors[start : start + _WRITTEN_TOGETHER].tolist(),
                payloads=[{_CHUNK: id_, _VERSION: version_id} for id_ in ids],
            )
            self._call(partial(self._connected().upsert, name, points=batch, wait=True))

    def _make(self, name: str) -> None:
        """A collection that exists is completed: whoever made it may have been stopped before its index was there."""
        create = partial(
            self._connected().create_collection,
            name,
            vectors_config=models.VectorParams(size=self._dimension, distance=models.Distance.COSINE),
            quantization_config=_QUANTISATION[self._settings.quantisation],
        )
        for step in (create, partial(_index_versions, self._connected(), name)):
            with suppress(ConflictError):
                self._call(step)

    def _search_params(self) -> models.SearchParams:
        rescore = models.QuantizationSearchParams(rescore=True, oversampling=3.0)
        return models.SearchParams(
            exact=self._settings.compare_all,
            hnsw_ef=_CANDIDATES,
            quantization=None if self._settings.quantisation == "none" else rescore,
        )

    def _collections_of(self, workspace_id: WorkspaceId) -> list[str]:
        """The workspace's collections of every embedding space."""
        listed = self._call(self._connected().get_collections).collections
        return [one.name for one in listed if one.name.startswith(name_prefix(workspace_id))]

    def _call(self, do: Callable[[], _T]) -> _T:
        with translated():
            try:
                return do()
            except (ResponseHandlingException, ResourceExhaustedResponse) as error:
                pause = seconds_before_again(error)
                if pause is None:
                    raise
            time.sleep(pause)
            return do()

    def _connected(self) -> QdrantClient:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> QdrantClient:
        settings = self._settings
        key = header_value(settings.api_key, setting="api_key")
        return QdrantClient(
            url=settings.url,
            port=None,
            # The client warns of one given as `api_key` on loopback.
            headers={"api-key": key} if key else None,
            check_compatibility=False,
            timeout=max(1, round(settings.timeout_seconds)),
            transport=DeadlineTransport(
                seconds=settings.timeout_seconds,
                certificates=trusted_certificates(settings.ca_bundle, settings="vectors"),
            ),
        )


def name_prefix(workspace_id: WorkspaceId) -> str:
    """What the names of a workspace's collections begin with, and those of no other."""
    return f"dafe-{hashlib.sha256(workspace_id.encode()).hexdigest()[:20]}-"


def collection_name(workspace_id: WorkspaceId, space: str) -> str:
    """Different for different spaces; who looks at the server can read which model it is."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", space)[:150]
    return f"{name_prefix(workspace_id)}{readable}-{hashlib.sha256(space.encode()).hexdigest()[:12]}"


def _point_id(chunk_id: ChunkId) -> str:
    return str(uuid5(_POINTS, chunk_id))


def _index_versions(client: QdrantClient, name: str) -> None:
    """A collection that another process just made refuses for some moments to be worked on (HTTP 500)."""
    for pause in (*_SECONDS_UNTIL_READY, None):
        try:
            client.create_payload_index(name, _VERSION, field_schema=models.PayloadSchemaType.KEYWORD, wait=True)
            return
        except UnexpectedResponse as error:
            if error.status_code != 500 or pause is None:
                raise
        time.sleep(pause)


def _among(version_ids: Collection[VersionId]) -> models.Filter:
    wanted: list[str] = sorted(version_ids)
    return models.Filter(must=[models.FieldCondition(key=_VERSION, match=models.MatchAny(any=wanted))])
