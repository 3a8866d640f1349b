"""The sealer's folder as everybody else reads it: checkpoints, and whether a sealer runs; never the private key."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from app.errors import BackendUnavailableError, InvalidInputError
from app.security.audit_chain import Checkpoint, read_checkpoint
from app.security.grown_file import last_lines, read_lines
from app.security.second_device import CHECKPOINTS
from backends.audit.settings import AuditSettings, SqliteAuditSettings
from backends.lock_files import is_held

SEAL_AFTER_SECONDS = 60
SEAL_AFTER_EVENTS = 1_000
SEAL_WHEN_QUIET_SECONDS = 240
"""Also when nothing happened, so that silence can be told from a sealer that was stopped."""
STALE_SECONDS = 300

RUNNING, COMPLAINT = "running.lock", "complaint"
UP_LOCK = "up.lock"
"""In the data folder: held by `dafe up`, which keeps a sealer running."""
STORE_VARIABLE = "DAFE_AUDIT"
"""Tells a sealer the settings of the log's store, its password too, which no command line may show."""
_ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Seals:
    """`folder` holds the sealer's key and the checkpoints it signed, one a line."""

    folder: Path
    data_dir: Path
    second_device: Path | None = None
    store: AuditSettings = field(default_factory=SqliteAuditSettings)
    """Where the log is kept."""

    @property
    def path(self) -> Path:
        return self.folder / CHECKPOINTS

    def lines(self) -> Iterator[str]:
        """Every checkpoint as it lies in the file, the first first. Raises OSError."""
        return read_lines(self.path) if self.path.exists() else iter(())

    def newer(self, number: int) -> list[str]:
        """The lines of the checkpoints behind `number`, in order: mostly few, so the end of the file is read first."""
        for lines in (reversed(last_lines(self.path)), self.lines()):
            numbered = [(place, line) for line in lines if (place := _number(line)) is not None]
            if numbered and numbered[0][0] <= number + 1:
                return [line for place, line in numbered if place > number]
        return []

    def last(self) -> Checkpoint | None:
        """The newest checkpoint that can be read; its signature is not checked here."""
        try:
            lines = last_lines(self.path)
        except OSError:
            return None
        for line in lines:
            try:
                return read_checkpoint(line)
            except InvalidInputError:
                continue
        return None

    def is_running(self) -> bool:
        """Whether a sealer process of this folder is alive."""
        return is_held(self.folder / RUNNING)

    def is_expected(self) -> bool:
        """Whether a sealer is alive or should be."""
        return self.is_running() or is_held(self.data_dir / UP_LOCK)

    def problem(self) -> str:
        """What is wrong with the sealing, as a sentence; empty when nothing is."""
        if complaint := self.complaint():
            return complaint
        return self.silence(self.last()) if self.is_expected() else ""

    @staticmethod
    def silence(last: Checkpoint | None) -> str:
        """That the last checkpoint is older than a running sealer leaves it."""
        if last is None:
            return "The sealer has not signed a checkpoint yet."
        age = (datetime.now(UTC) - last.at).total_seconds()
        if age <= STALE_SECONDS:
            return ""
        return f"The last checkpoint is {age / 60:,.0f} minutes old, although the sealer should be running."

    def complaint(self) -> str:
        """Why the sealer does not seal; empty when it does."""
        try:
            return (self.folder / COMPLAINT).read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def seal(self) -> Checkpoint | None:
        """Have the newest event sealed now. None when there is no event yet. Raises as `run` does."""
        self.run("--once")
        return self.last()

    def run(self, option: str) -> None:
        """Have a sealer do one thing, in a process that alone reads the key.

        Raises BackendUnavailableError with the sealer's sentence.
        """
        command = [*self.command(), option]
        try:
            run = subprocess.run(
                command,
                cwd=_ROOT,
                env={**os.environ, **self.environment()},
                capture_output=True,
                text=True,
                timeout=_PATIENCE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BackendUnavailableError("The sealer of the audit log did not answer: see the log.") from error
        if run.returncode:
            said = run.stderr.strip().splitlines() or ["The sealer of the audit log failed."]
            raise BackendUnavailableError(said[-1])

    def command(self) -> list[str]:
        """What starts a sealer that stays, in this `environment`."""
        second = ["--second-device", str(self.second_device.resolve())] if self.second_device else []
        folders = ["--data-dir", str(self.data_dir.resolve()), "--folder", str(self.folder.resolve())]
        return [sys.executable, "-m", "app.sealer", *folders, *second]

    def environment(self) -> dict[str, str]:
        """Paths in it are whole: a sealer is started in another folder."""
        secrets = {name: one.get_secret_value() for name, one in self.store if isinstance(one, SecretStr)}
        paths = {name: str(one.resolve()) for name, one in self.store if isinstance(one, Path)}
        return {STORE_VARIABLE: json.dumps({**self.store.model_dump(mode="json"), **secrets, **paths})}


def _number(line: str) -> int | None:
    try:
        return read_checkpoint(line).number
    except InvalidInputError:
        return None
