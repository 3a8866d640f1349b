"""A small server that speaks the part of Qdrant's REST API that we use, over the client's own local mode.

Requests are read by the models that the client has from Qdrant's OpenAPI document: an unknown field is refused. Local
mode searches by comparing with everything, keeps no payload index and is not safe with threads, hence the lock.
"""

import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError
from qdrant_client import QdrantClient, models

from tests.servers.loopback import JsonHandler, serving

_LARGEST_REQUEST = 32 * 1024 * 1024
_OPEN = {"/readyz", "/healthz", "/livez"}
_POINTS: TypeAdapter[Any] = TypeAdapter(models.PointInsertOperations)
_SELECTOR: TypeAdapter[Any] = TypeAdapter(models.PointsSelector)
_ROUTE = re.compile(r"/collections/(?P<name>[^/]+)(?P<rest>/.*)?$")


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose method and path contain `at`."""

    way: Literal["status", "one byte a second", "silence", "hang up"] = "status"
    status: int = 500
    body: object = field(default_factory=lambda: {"status": {"error": "Service internal error: no reason"}, "time": 0})
    headers: dict[str, str] = field(default_factory=dict)
    at: str = ""
    times: int = 1_000_000


@dataclass
class QdrantDialect:
    """What the server is and what it has seen."""

    url: str = ""
    key: str = ""
    read_only_key: str = ""
    fault: Fault | None = None
    creating_together: int = 0
    """So many requests to make a collection are waited for before the first is answered."""
    requests: list[tuple[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    indexes: set[tuple[str, str]] = field(default_factory=set)
    conflicts: int = 0
    client: QdrantClient = field(default_factory=lambda: QdrantClient(":memory:"))
    lock: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)
    rewrite: Callable[[str, Any], Any] = lambda _asked, body: body
    """Changes what was asked before it is done: for adapters that forget something."""

    def names(self) -> list[str]:
        with self.lock:
            return sorted(one.name for one in self.client.get_collections().collections)

    def points(self, name: str) -> list[Any]:
        """All that a collection holds, vectors and payloads."""
        with self.lock:
            return self.client.scroll(name, limit=10_000, with_payload=True, with_vectors=True)[0]


class _RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(JsonHandler):
    state: QdrantDialect
    barrier: threading.Barrier

    def do_GET(self) -> None:
        self._answer_it("GET")

    def do_PUT(self) -> None:
        self._answer_it("PUT")

    def do_POST(self) -> None:
        self._answer_it("POST")

    def do_DELETE(self) -> None:
        self._answer_it("DELETE")

    def _answer_it(self, method: str) -> None:
        path = self.path.partition("?")[0]
        if int(self.headers.get("Content-Length") or 0) > _LARGEST_REQUEST:
            self.close_connection = True
            return self._refuse(413, "Payload too large")
        asked = f"{method} {path}"
        body = self.state.rewrite(asked, self.body())
        with self.state.lock:
            self.state.requests.append((asked, body))
            self.state.headers.append(dict(self.headers))
        if self._fails(asked):
            return None
        if path not in _OPEN and (status := self._locked_out(method, path)):
            return self._refuse(status, "Forbidden" if status == 403 else "Invalid API key or JWT")
        try:
            result = self._result(method, path, body)
        except _RefusedError as error:
            return self._refuse(error.status, str(error))
        except (ValidationError, ValueError) as error:
            return self._refuse(400, f"Format error in JSON body: {error}")
        return self.answer(200, {"result": result, "status": "ok", "time": 0.001})

    def _refuse(self, status: int, message: str) -> None:
        self.answer(status, {"status": {"error": message}, "time": 0.0})

    def _locked_out(self, method: str, path: str) -> int:
        state = self.state
        given = self.headers.get("api-key") or self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not state.key or given == state.key:
            return 0
        if not state.read_only_key or given != state.read_only_key:
            return 401
        reads = method == "GET" or path.endswith(("/points", "/points/query", "/points/count", "/points/scroll"))
        return 0 if reads else 403

    def _fails(self, asked: str) -> bool:
        with self.state.lock:
            fault = self.state.fault
            if fault is None or fault.at not in asked or fault.times <= 0:
                return False
            fault.times -= 1
        if fault.way == "status":
            self.send_response(fault.status)
            content = TypeAdapter(Any).dump_json(fault.body) if not isinstance(fault.body, bytes) else fault.body
            for name, value in {**fault.headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            return True
        self.close_connection = True
        if fault.way == "silence":
            self.state.ended.wait(60)
        elif fault.way == "one byte a second":
            for byte in b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"result":true,"status":"ok"}':
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(1)
        return True

    def _result(self, method: str, path: str, body: Any) -> Any:
        if path in _OPEN:
            return True
        if (method, path) == ("GET", "/collections"):
            return {"collections": [{"name": name} for name in self.state.names()]}
        found = _ROUTE.match(path)
        if found is None:
            raise _RefusedError(404, "")
        name, rest = found["name"], found["rest"] or ""
        if (method, rest) == ("PUT", ""):
            return self._create(name, models.CreateCollection.model_validate(body))
        with self.state.lock:
            if not self.state.client.collection_exists(name):
                if (method, rest) == ("DELETE", ""):
                    return False
                raise _RefusedError(404, f"Not found: Collection `{name}` doesn't exist!")
            return self._on_collection(f"{method} {rest}", name, body)

    def _create(self, name: str, asked: models.CreateCollection) -> bool:
        if self.state.creating_together:
            self.barrier.wait(30)
        with self.state.lock:
            if self.state.client.collection_exists(name):
                self.state.conflicts += 1
                raise _RefusedError(409, f"Wrong input: Collection `{name}` already exists!")
            return self.state.client.create_collection(name, vectors_config=asked.vectors)

    def _on_collection(self, asked: str, name: str, body: Any) -> Any:
        client = self.state.client
        if asked == "DELETE ":
            self.state.indexes -= {one for one in self.state.indexes if one[0] == name}
            return client.delete_collection(name)
        if asked == "PUT /index":
            self.state.indexes.add((name, models.CreateFieldIndex.model_validate(body).field_name))
            return {"operation_id": 1, "status": "completed"}
        if asked == "PUT /points":
            points = _POINTS.validate_python(body)
            given = points.batch if isinstance(points, models.PointsBatch) else points.points
            return self._apply(partial(client.upsert, name, points=given))
        if asked == "POST /points":
            wanted = models.PointRequest.model_validate(body)
            found = client.retrieve(
                name, wanted.ids, with_payload=bool(wanted.with_payload), with_vectors=bool(wanted.with_vector)
            )
            return [point.model_dump(mode="json", exclude_none=True) for point in found]
        if asked == "POST /points/delete":
            return self._apply(partial(client.delete, name, points_selector=_SELECTOR.validate_python(body)))
        if asked == "POST /points/count":
            counting = models.CountRequest.model_validate(body)
            return {"count": client.count(name, count_filter=counting.filter, exact=True).count}
        if asked == "POST /points/scroll":
            scroll = models.ScrollRequest.model_validate(body)
            points, following = client.scroll(
                name,
                limit=scroll.limit or 10,
                with_payload=bool(scroll.with_payload),
                with_vectors=bool(scroll.with_vector),
            )
            listed = [point.model_dump(mode="json", exclude_none=True) for point in points]
            return {"points": listed, "next_page_offset": following}
        if asked == "POST /points/query":
            return self._query(name, models.QueryRequest.model_validate(body))
        raise _RefusedError(404, "")

    def _apply(self, change: Callable[[], object]) -> Any:
        """Later, where the caller did not ask to wait for it."""
        if "wait=true" in self.path:
            change()
            return {"operation_id": 1, "status": "completed"}

        def change_alone() -> None:
            with self.state.lock:
                change()

        threading.Timer(0.5, change_alone).start()
        return {"operation_id": 1, "status": "acknowledged"}

    def _query(self, name: str, asked: models.QueryRequest) -> Any:
        """Equally near points come in an order that has nothing to do with ours."""
        limit = asked.limit or 10
        found = self.state.client.query_points(
            name, query=asked.query, query_filter=asked.filter, limit=limit + 1000, with_payload=asked.with_payload
        )
        points = sorted(found.points, key=lambda point: (-point.score, str(point.id)))[:limit]
        return {"points": [point.model_dump(mode="json", exclude_none=True) for point in points]}


@contextmanager
def qdrant_dialect(*, tls: ssl.SSLContext | None = None, **properties: Any) -> Iterator[QdrantDialect]:
    """A running server with these properties of QdrantDialect."""
    state = QdrantDialect(**properties)
    barrier = threading.Barrier(max(1, state.creating_together))
    with serving(type("Handler", (_Handler,), {"state": state, "barrier": barrier}), tls=tls) as url:
        state.url = url
        yield state
        state.ended.set()
    state.client.close()
