"""A process that meets a full or read-only disk while it writes the audit log, and goes on when the cause is gone."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from app.errors import BackendUnavailableError
from app.security.audit_log import AuditLog
from tests.audit_stores import store_in
from tests.security.audit_writer import event_of

Met = tuple[list[str], AuditLog, Callable[[], object]]
"""The events that were taken, the log, and what takes the cause away."""

SENTENCE = "nothing was shown or changed"


def full(folder: Path) -> Met:
    """A file system of 300 kB, a third of it taken by somebody else."""
    ballast = folder / "ballast"
    ballast.write_bytes(b"x" * 100_000)
    log = AuditLog(store_in(folder), mac_key=bytes(32))
    return _fill(log), log, ballast.unlink


def limit(folder: Path) -> Met:
    """The kernel's limit of a file's size, which any user may set."""
    log = AuditLog(store_in(folder), mac_key=bytes(32))
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
    no_limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    return _fill(log), log, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, no_limit)


def read_only(folder: Path) -> Met:
    log = AuditLog(store_in(folder), mac_key=bytes(32))
    for number in range(3):
        log.append(event_of(f"m{number}"))
    log.close()
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    return ["m0", "m1", "m2"], log, lambda: subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)


def _fill(log: AuditLog) -> list[str]:
    """Until three in a row are refused: one closes the log, which empties its write-ahead file and makes room."""
    taken: list[str] = []
    refused = 0
    for number in range(100_000):
        try:
            log.append(event_of(f"m{number}"))
        except BackendUnavailableError as error:
            assert SENTENCE in error.message
            refused += 1
            if refused == 3:
                return taken
        else:
            taken.append(f"m{number}")
            refused = 0
    raise AssertionError("the disk did not fill")


def main(scenario: str, where: str) -> None:
    folder = Path(where)
    taken, log, repair = {"full": full, "limit": limit, "read_only": read_only}[scenario](folder)
    refused = 0
    for _ in range(3):
        try:
            log.append(event_of("refused"))
        except BackendUnavailableError as error:
            assert SENTENCE in error.message
            refused += 1
    repair()
    log.append(event_of("again"))
    log.close()
    reopened = AuditLog(store_in(folder), mac_key=bytes(32))
    marks = [json.loads(row.body)["objects"][0] for row in reopened.rows()]
    seqs = [row.seq for row in reopened.rows()]
    reopened.close()
    whole = marks == [*taken, "again"] and seqs == list(range(1, len(taken) + 2))
    print(json.dumps({"taken": len(taken), "refused": refused, "whole": whole}))


if __name__ == "__main__":
    main(*sys.argv[1:])
