"""Sends files to a running installation as a person does, and writes down how each ended and what that cost."""

import re
import statistics
import time
from dataclasses import dataclass, field
from threading import Event, Thread
from types import TracebackType

import httpx

from tests.security.running import Running, all_pids, command_of, parent_of, peak_kilobytes

_FINAL = frozenset({"indexed", "failed", "stopped"})
_LOOK_SECONDS = 0.02
_KNOCK_SECONDS = 0.5
_POLL_SECONDS = 0.25
_RENEW_SECONDS = 300.0
_LEAKS = re.compile(
    r"Traceback|Exception|Error\b|errno|0x[0-9a-f]{4}|/tmp|/work|\.py\b|<class|lxml|libxml|expat|pdfium|openpyxl|"
    r"zipfile|zlib|docx\.\w|pptx\.\w|bs4|NoneType|\bint\b|\bstr\b",
    re.IGNORECASE,
)


def is_a_sentence(message: str) -> bool:
    """One or two plain sentences: nothing of a library, a path or a program's insides."""
    whole = message[:1].isupper() and message.endswith(".") and "\n" not in message
    return whole and len(message) <= 250 and not _LEAKS.search(message)


@dataclass(frozen=True, slots=True)
class Ended:
    """A file; `parts` has the end and the sentence of each document in it."""

    kind: str
    name: str
    seconds: float
    parts: tuple[tuple[str, str], ...]

    @property
    def end(self) -> str:
        """indexed when anything in it was, else failed when anything was tried, else refused."""
        ends = {end for end, _ in self.parts}
        return next((one for one in ("indexed", "failed", "refused") if one in ends), "nothing")

    @property
    def message(self) -> str:
        return next((message for end, message in self.parts if end == self.end), "")


@dataclass(slots=True)
class Sender:
    """A member of the workspace who adds files one after the other."""

    installation: Running
    username: str
    workspace_id: str
    patience_seconds: float = 1_500.0
    _bearer: dict[str, str] = field(default_factory=dict)
    _renewed: float = 0.0

    def send(self, kind: str, name: str, content: bytes) -> Ended:
        started = time.monotonic()
        answer = self._ask("POST", "", files={"files": (name, content)}, params={"same_name": "separate"})
        if answer.status_code != 202:
            parts = [("refused", str(answer.json()["detail"]))]
        else:
            parts = [self._wait(one) for one in answer.json()]
        return Ended(kind, name, time.monotonic() - started, tuple(parts))

    def _wait(self, uploaded: dict[str, object]) -> tuple[str, str]:
        document = uploaded["document"]
        if not isinstance(document, dict):
            return str(uploaded["state"]), str(uploaded["message"])
        until = time.monotonic() + self.patience_seconds
        while document["status"] not in _FINAL and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
            document = self._ask("GET", f"/{document['id']}").json()
        return str(document["status"]), str(document["error"] or "")

    def _ask(self, method: str, path: str, **more: object) -> httpx.Response:
        address = f"{self.installation.address}/api/v1/workspaces/{self.workspace_id}/documents{path}"
        if not self._bearer or time.monotonic() - self._renewed > _RENEW_SECONDS:
            self._bearer, self._renewed = self.installation.bearer(self.username), time.monotonic()
        return httpx.request(method, address, headers=self._bearer, timeout=600, **more)  # type: ignore[arg-type]


class Neighbour:
    """Somebody else who uses the same server meanwhile: asks for the sign-in page and their workspaces."""

    def __init__(self, installation: Running, username: str) -> None:
        self._installation = installation
        self._username = username
        self._stop = Event()
        self._thread = Thread(target=self._knock)
        self.seconds: list[float] = []
        self.failures: list[str] = []

    def __enter__(self) -> "Neighbour":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _knock(self) -> None:
        bearer: dict[str, str] = {}
        with httpx.Client(base_url=self._installation.address, timeout=60) as client:
            while not self._stop.wait(_KNOCK_SECONDS):
                for path in ("/session/sign-in", "/api/v1/workspaces"):
                    started = time.monotonic()
                    try:
                        status = client.get(path, headers=bearer).status_code
                    except httpx.HTTPError as error:
                        self.failures.append(type(error).__name__)
                        continue
                    if status == 401:
                        bearer = self._installation.bearer(self._username)
                    elif status == 200:
                        self.seconds.append(time.monotonic() - started)
                    else:
                        self.failures.append(f"{path} {status}")

    @property
    def quantiles(self) -> tuple[float, float, float]:
        """Median, 95th hundredth and longest, in seconds."""
        cuts = statistics.quantiles(self.seconds, n=100)
        return cuts[49], cuts[94], max(self.seconds)


class ParserWatch:
    """Looks at every parser process of an installation while it lives and keeps the most memory of any."""

    def __init__(self, installation: Running) -> None:
        self._pid = installation.pid
        self._stop = Event()
        self._thread = Thread(target=self._look)
        self._others: set[int] = set()
        self.kilobytes = 0
        self.seen: set[int] = set()

    def __enter__(self) -> "ParserWatch":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            for pid in all_pids() - self._others:
                if parent_of(parent_of(pid)) != self._pid:
                    self._others.add(pid)
                elif "backends.loaders.child_main" in command_of(pid):
                    self.seen.add(pid)
                    self.kilobytes = max(self.kilobytes, peak_kilobytes(pid))
