"""Kills processes in the middle of appending to one audit log, and looks what is left."""

import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

from app.domain.audit import AuditVerification
from app.security.audit_log import AuditLog
from app.security.audit_sealer import Sealer
from app.security.audit_seals import Seals
from app.security.audit_verification import verify_log
from app.security.second_device import SecondDevice
from tests.audit_stores import store_in
from tests.security.audit_writer import event_of

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Survived:
    kills: int
    rows: int
    taken: int
    """Events whose append had returned before the kill."""
    lost: int
    doubled: int
    result: AuditVerification


def kill_writers(folder: Path, *, kills: int, processes: int = 4, threads: int = 4, seed: int = 1) -> Survived:
    """Keep `processes` writers going, killing one at a random moment and starting another in its place."""
    (folder / "second").mkdir(parents=True, exist_ok=True)
    random = Random(seed)
    running = [_start(folder, f"first{number}", threads) for number in range(processes)]
    for number in range(kills):
        victim = random.randrange(processes)
        _wait_for_events(folder, running[victim][0])
        time.sleep(random.random() * 0.15)
        running[victim][1].kill()
        running[victim][1].wait()
        if number + processes < kills:
            running[victim] = _start(folder, f"again{number}", threads)
    for _, process in running:
        process.kill()
        process.wait()
    return _look(folder, kills)


def _start(folder: Path, name: str, threads: int) -> tuple[str, subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.security.audit_writer", str(folder), name, str(threads)]
    return name, subprocess.Popen(command, cwd=ROOT)


def _wait_for_events(folder: Path, name: str) -> None:
    until = time.monotonic() + 60
    path = folder / f"taken-{name}"
    while not (path.exists() and path.stat().st_size):
        assert time.monotonic() < until, "a writer did not begin"
        time.sleep(0.02)


def _look(folder: Path, kills: int) -> Survived:
    log = AuditLog(store_in(folder), mac_key=bytes(32), second_device=folder / "second")
    log.append(event_of("last"))  # brings the second device in step
    seals = Seals(folder / "seal", data_dir=folder, second_device=folder / "second")
    sealer = Sealer(seals, store_in(folder))
    sealer.seal()
    sealer.close()
    marks = Counter(json.loads(row.body)["objects"][0] for row in log.rows())
    taken = {mark for path in folder.glob("taken-*") for mark in path.read_text().split()}
    device = SecondDevice(folder / "second")
    result = verify_log(log, mac_key=bytes(32), seals=seals, second_device=device)
    log.close()
    doubled = sum(times > 1 for times in marks.values())
    return Survived(kills, result.events, len(taken), len(taken - marks.keys()), doubled, result)
