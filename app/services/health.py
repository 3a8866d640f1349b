"""The state of the installation in one view: parts, whether they work, what to do."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.access import Actor, Permission
from app.domain.models import ProbeResult
from app.errors import DafeError
from app.security.access import authorise
from app.security.auditor import Auditor

ENDPOINT = "Model endpoint "
"""Before the name of each endpoint of the language models."""


class Level(StrEnum):
    """An optional part may be missing: something is then not offered, and the installation is still well."""

    REQUIRED = "required"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Part:
    """Something that can be well or not. `look` returns one sentence, or raises DafeError with what is wrong."""

    name: str
    level: Level
    kind: str
    """What it runs on, such as "SQLCipher" or "ONNX Runtime"."""
    look: Callable[[], str]
    fix: str


@dataclass(frozen=True, slots=True)
class HealthCheck:
    name: str
    level: Level
    kind: str
    ok: bool
    detail: str
    fix: str
    """What to do; empty when it is well."""
    seconds: float


class HealthService:
    def __init__(
        self,
        *,
        parts: Sequence[Part],
        probe: Callable[[], ProbeResult],
        probe_again: Callable[[], ProbeResult],
        auditor: Auditor,
    ) -> None:
        self._parts = parts
        self._probe = probe
        self._probe_again = probe_again
        self._auditor = auditor

    def checks(self, actor: Actor) -> list[HealthCheck]:
        """Every part looked at now, in a fixed order; the installation is well when the required ones are."""
        authorise(actor, Permission.MANAGE_SYSTEM)
        return [_look(part) for part in self._parts]

    def probe(self, actor: Actor) -> ProbeResult:
        """What the language model was found able to do: everybody may know how facts and answers are made."""
        del actor
        return self._probe()

    def probe_again(self, actor: Actor) -> ProbeResult:
        """Ask the model the probe's items anew."""
        authorise(actor, Permission.MANAGE_SYSTEM)
        with self._auditor.change(actor, "health.probe_again"):
            return self._probe_again()


def _look(part: Part) -> HealthCheck:
    started = time.perf_counter()
    try:
        detail, ok = part.look(), True
    except DafeError as error:
        detail, ok = error.message, False
    seconds = time.perf_counter() - started
    return HealthCheck(part.name, part.level, part.kind, ok, detail, "" if ok else part.fix, seconds)


def require_free_space(folder: str, *, least_gb: float) -> str:
    """The free space of the disk that holds `folder`, as a sentence."""
    free = shutil.disk_usage(folder).free / 1e9
    if free < least_gb:
        raise DafeError(f"Only {free:.1f} GB of the data folder's disk are free.")
    return f"{free:.0f} GB of the data folder's disk are free."
