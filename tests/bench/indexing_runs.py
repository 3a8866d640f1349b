"""Documents of public sets, indexed by worker processes in a data folder of their own; used by several measurements."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, cycle
from pathlib import Path
from typing import Any

from app.container import OPERATOR, Services, open_services
from app.domain.ids import WorkspaceId
from app.domain.jobs import OPEN_STATES, JobState
from app.services.documents import Upload
from app.settings import load_settings
from tests.bench.loaded import Cost
from tests.bench.token_server import MODEL

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
_PEER_CHARACTERS = 12_000
_NOTE_CHARACTERS = 700
_LENGTHS = (3_000, 6_000, 1_200, 12_000, 2_000, 8_000)
"""Characters of the documents that the calls are cut into."""
_TOGETHER = 20
_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 4 * 3_600.0


@dataclass(frozen=True, slots=True)
class Held:
    """What the workspace holds when no job is open. `given_up`: why documents were given up, and how often."""

    documents: int
    chunks: int
    entities: int
    facts: int
    given_up: Counter[str]


@dataclass(frozen=True, slots=True)
class Indexed:
    """`seconds` from the first job in hand to the end of the last one; `upload_seconds` come before. `cpu_seconds` are
    those of the workers within `seconds`."""

    held: Held
    seconds: float
    upload_seconds: float
    cpu_seconds: float

    @property
    def documents(self) -> int:
        return self.held.documents


def add_options(parser: argparse.ArgumentParser) -> None:
    """What all measurements of indexing may be told."""
    parser.add_argument(
        "--speed", type=float, default=1.0, help="of the token server; above 1 our own time counts more"
    )
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    parser.add_argument(
        "--calls-at-once", type=int, default=0, help="of each worker; 0: as many as the server has slots"
    )
    parser.add_argument("--band", default="", help="rules_and_model or model_led; unset: as the probe finds")
    parser.add_argument("--embeddings", choices=("onnx", "hashing"), default="onnx")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the public sets")


def essays(data: Path) -> list[tuple[str, str]]:
    lines = (data / "triples_mine" / "dev" / "essays.jsonl").read_text(encoding="utf-8").splitlines()
    return [(f"essay {one['id']}.txt", str(one["text"])) for one in map(json.loads, lines)]


def calls(data: Path) -> list[tuple[str, str]]:
    paths = sorted((data / "fin_msft_calls" / "dev").glob("*.txt"))
    return [(path.name, path.read_text(encoding="utf-8", errors="replace")) for path in paths]


def short_documents(data: Path, count: int = 40) -> list[tuple[str, str]]:
    """Half of them essays, half of them calls cut to 12,000 characters, in turn."""
    cut = [(name, text[:_PEER_CHARACTERS]) for name, text in calls(data)]
    return list(chain.from_iterable(zip(essays(data), cut, strict=False)))[:count]


def notes(data: Path) -> list[tuple[str, str]]:
    """Documents of one chunk: the ends of the essays."""
    return [(f"end of {name}", text.split("\n\n")[-1][-_NOTE_CHARACTERS:]) for name, text in essays(data)]


def mixed_documents(data: Path, count: int) -> list[tuple[str, str]]:
    """One-chunk notes, essays, and parts of calls between 1,200 and 12,000 characters; no two are alike."""
    parts = _parts(calls(data))
    found: list[tuple[str, str]] = []
    for essay, note in zip(essays(data), notes(data), strict=True):
        found += [essay, note, next(parts), next(parts)]
    return [*found, *parts][:count]


def _parts(found: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    lengths = cycle(_LENGTHS)
    places = dict.fromkeys((name for name, _ in found), 0)
    while places:
        for name, text in found:
            if name not in places:
                continue
            start, length = places[name], next(lengths)
            places[name] += length
            if start + 500 > len(text):
                del places[name]
                continue
            yield f"{start} of {name}", text[start : start + length]


def model_settings(url: str) -> dict[str, Any]:
    return {"kind": "openai", "url": url, "model": MODEL}


class Installation:
    """A data folder with one workspace, and worker processes on it. Close it in the end."""

    def __init__(
        self, folder: Path, options: argparse.Namespace, *, llm: Mapping[str, Any], calls_at_once: int
    ) -> None:
        given: dict[str, Any] = {
            "data_dir": (folder / "data").resolve(),
            "llm": dict(llm),
            "embeddings": {"kind": options.embeddings},
            "samples": False,
            "model_band": options.band,
            "calls_at_once": calls_at_once,
        }
        self._log = folder / "log"
        own = {name: value for name, value in os.environ.items() if not name.startswith("DAFE_")}
        self._environment = {**own, "PYTHONPATH": str(ROOT), **dict(_variables("DAFE", given))}
        self._number = options.workers
        self.workers: list[subprocess.Popen[bytes]] = []
        self.services: Services = open_services(load_settings(**given))
        self.workspace_id: WorkspaceId = self.services.workspaces.add(OPERATOR, name="Bench", ontology="finance").id

    def try_model(self) -> str:
        """So that no call of the probe falls into what is measured; what it found."""
        return self.services.health.probe_again(OPERATOR).band.value

    def upload(self, documents: Sequence[tuple[str, str]]) -> float:
        """Returns the seconds it took."""
        began = time.monotonic()
        files = [Upload(name, text.encode()) for name, text in documents]
        for start in range(0, len(files), _TOGETHER):
            some = files[start : start + _TOGETHER]
            done = self.services.documents.upload(OPERATOR, workspace_id=self.workspace_id, files=some)
            assert all(one.document is not None for one in done), done
        return time.monotonic() - began

    def start(self) -> None:
        """As many worker processes as are missing."""
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < self._number:
            with self._log.open("ab") as log:
                command = [sys.executable, "-m", "app.worker"]
                started = subprocess.Popen(command, env=self._environment, cwd=ROOT, stdout=log, stderr=log)
            self.workers.append(started)

    def index(self, documents: Sequence[tuple[str, str]]) -> Indexed:
        """Everything is uploaded before the first worker starts, so that none ever waits for more."""
        upload_seconds = self.upload(documents)
        self.start()
        while not self._jobs(JobState.RUNNING):
            self._see_that_workers_live()
        began, used = time.monotonic(), self._cpu_seconds()
        while self.is_open():
            self._see_that_workers_live()
            assert time.monotonic() - began < _PATIENCE_SECONDS, self.log()
        seconds, used = time.monotonic() - began, self._cpu_seconds() - used
        held = self.look()
        assert held.documents == len(documents), f"{held}: {self.log()}"
        return Indexed(held, seconds, upload_seconds, used)

    def look(self) -> Held:
        summary = self.services.workspaces.summary(OPERATOR, workspace_id=self.workspace_id)
        jobs = self.services.jobs.list(OPERATOR, workspace_id=self.workspace_id, limit=100_000)
        given_up = Counter(job.error or job.state.value for job in jobs if job.state is not JobState.DONE)
        return Held(summary.indexed, summary.chunks, summary.entities, summary.triples, given_up)

    def _cpu_seconds(self) -> float:
        return sum(Cost.of(worker.pid).cpu_seconds for worker in self.workers)

    def is_open(self) -> bool:
        return self._jobs(*OPEN_STATES)

    def log(self) -> str:
        return self._log.read_text(errors="replace")[-3_000:]

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.services.close()

    def _jobs(self, *states: JobState) -> bool:
        found = self.services.jobs.list(OPERATOR, workspace_id=self.workspace_id, states=states, limit=1)
        return bool(found)

    def _see_that_workers_live(self) -> None:
        assert all(worker.poll() is None for worker in self.workers), self.log()
        time.sleep(_LOOK_SECONDS)


@contextmanager
def installation(
    folder: Path, options: argparse.Namespace, *, llm: Mapping[str, Any], slots: int
) -> Iterator[Installation]:
    """Unless the options say otherwise its workers together have twice as many calls open as the server has slots: one
    that is written, one that waits for its place."""
    calls_at_once = options.calls_at_once or -(-2 * slots // options.workers)
    folder.mkdir(parents=True)
    with closing(Installation(folder, options, llm=llm, calls_at_once=calls_at_once)) as made:
        yield made


def _variables(prefix: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in given.items():
        if isinstance(value, Mapping):
            yield from _variables(f"{prefix}_{name}_", value)
        else:
            yield f"{prefix}_{name}".upper(), str(value).lower() if isinstance(value, bool) else str(value)
