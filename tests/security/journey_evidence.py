"""Runs the journey and reads what it left: where canaries stand, which errors name no line, what was tried beyond
loopback."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.security.canaries import found_canaries
from tests.security.journey import ROOT
from tests.security.tracing import Attempt, is_loopback, read_trace, tracer

_REFERENCE = re.compile(r"[Rr]eference\W+([0-9A-Z]{8})\b")


@dataclass(frozen=True, slots=True)
class Evidence:
    """`seen` is journey.json; `calls` is None where the journey was not traced."""

    folder: Path
    seen: dict[str, Any]
    log: str
    attempts: list[Attempt]
    calls: int | None

    @property
    def references(self) -> list[tuple[str, list[str]]]:
        """Of every failure that somebody was shown, the references it names."""
        shown = [f"{one['request']}: {one['body']}" for one in self.seen["failures"]] + self.seen["cards"]
        return [(one, _REFERENCE.findall(one)) for one in shown]

    def lines_with(self, reference: str) -> list[dict[str, str]]:
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("dafe.reference") == reference]

    @property
    def unlogged(self) -> list[str]:
        """Failures that name no reference, or one that does not find exactly one line with a place in the code."""

        def is_found(references: list[str]) -> bool:
            found = self.lines_with(references[0]) if len(set(references)) == 1 else []
            return len(found) == 1 and ".py:" in found[0]["dafe.where"]

        return [shown for shown, references in self.references if not is_found(references)]

    @property
    def sockets(self) -> list[tuple[str, str, int]]:
        """Protocol, address and port of each that took calls."""
        return [(protocol, address, port) for protocol, address, port in self.seen["sockets"]]

    @property
    def beyond(self) -> list[tuple[str, str, int]]:
        """Those that took calls from elsewhere than this machine."""
        return [one for one in self.sockets if not is_loopback(one[1])]


def gather(folder: Path, *arguments: str) -> Evidence:
    """Make the journey, without network and traced where this machine can do that."""
    before, trace = tracer(), folder / "trace"
    command = [sys.executable, "-m", "tests.security.journey", str(folder), *arguments]
    if before:
        command = [*before, "-o", str(trace), *command, "--isolated"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-4_000:]
    seen = json.loads((folder / "journey.json").read_text(encoding="utf-8"))
    attempts, calls = read_trace(trace) if before else ([], None)
    return Evidence(folder, seen, (folder / "log").read_text(encoding="utf-8"), attempts, calls)


PLACES: dict[str, Callable[[Evidence], Iterator[str | bytes]]] = {
    "lines of the log": lambda evidence: iter(evidence.log.splitlines()),
    "answers that are errors": lambda evidence: (
        f"{one['status']} {one['headers']} {one['body']}" for one in evidence.seen["errors"]
    ),
    "error cards of pages": lambda evidence: iter(evidence.seen["cards"]),
    "messages of failed jobs": lambda evidence: iter(evidence.seen["job_errors"]),
    "queued messages": lambda evidence: iter(evidence.seen["payloads"]),
    "rows of the audit log": lambda evidence: iter(evidence.seen["events"]),
    "addresses in the browser": lambda evidence: iter(evidence.seen["urls"]),
    "the browser's console": lambda evidence: iter(evidence.seen["console"]),
    "files of the data folder": lambda evidence: (
        path.name.encode() + b"\n" + path.read_bytes()
        for path in sorted((evidence.folder / "data").rglob("*"))
        if path.is_file()
    ),
}
"""Where no personal data belongs."""


def leaks(evidence: Evidence, place: str) -> list[tuple[list[str], str]]:
    """The canaries found in a place, each with what it stood in."""
    found = ((found_canaries(one), one) for one in PLACES[place](evidence))
    return [(names, str(one)[:400]) for names, one in found if names]
