"""Figures of the audit log: tampering found, kills survived, pace of appending and verifying; writes their sections.

python -m tests.bench.audit [tampering] [crashes] [pace] [--rounds 60] [--kills 60] [--events 300000]
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from app import audit_verifier
from app.security.audit_log import AuditLog
from app.security.audit_sealer import Sealer
from app.security.audit_seals import Seals
from app.security.audit_verification import verify_log
from app.security.second_device import SecondDevice
from app.security.verified_point import VerifiedPoint
from tests.audit_stores import store_in
from tests.security.audit_attacks import ATTACKS, copy_of, make_log, verify, verify_with_the_public_key_alone
from tests.security.audit_crashes import kill_writers
from tests.security.audit_writer import event_of
from tests.security.results import write_section

ROOT = Path(__file__).parents[2]
SECURITY, BENCH = ROOT / "tests" / "security" / "RESULTS.md", ROOT / "tests" / "bench" / "RESULTS.md"
KEY = bytes(32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["tampering", "crashes", "pace"])
    parser.add_argument("--rounds", type=int, default=60, help="attacks of each kind")
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--events", type=int, default=300_000, help="of the log that is verified")
    parser.add_argument("--folder", type=Path, help="where the logs are made; a temporary folder without it")
    options = parser.parse_args()
    programs: dict[str, Callable[[argparse.Namespace, Path], None]] = {
        "tampering": tampering,
        "crashes": crashes,
        "pace": pace,
    }
    for name in options.what:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            programs[name](options, Path(folder))


def _heading(title: str, command: str) -> str:
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    return f"## {title}\n\n`python -m tests.bench.audit {command}` ({made}, Python {platform.python_version()})\n"


def tampering(options: argparse.Namespace, folder: Path) -> None:
    make_log(folder / "template")
    lines = [
        "| attack | found with the second device | at the exact row | found without it | at the exact row"
        " | with the public key alone, where it concerns sealed events |",
        "|---|---|---|---|---|---|",
    ]
    events = 0
    for attack in ATTACKS:
        both = exact = alone = alone_exact = public = publicly = 0
        for number in range(options.rounds):
            target = copy_of(folder / "template", folder / "target")
            events, sealed_to = len(target.rows), target.sealed_to
            row = attack.apply(target, Random(f"{attack.name} {number}"))
            found, without = verify(target, with_device=True), verify(target, with_device=False)
            both += found.ok is False
            exact += bool(found.findings) and found.findings[0].seq == row
            alone += without.ok is False
            alone_exact += bool(without.findings) and without.findings[0].seq == row
            if attack.public is not None and row <= sealed_to:
                publicly += 1
                public += verify_with_the_public_key_alone(target) is not None
            shutil.rmtree(target.folder)
        figures = f"{both} of {options.rounds} | {exact} | {alone} of {options.rounds} | {alone_exact}"
        lines.append(f"| {attack.name} | {figures} | {f'{public} of {publicly}' if publicly else '–'} |")
        print(lines[-1], flush=True)
    notes = (
        f"Each on a fresh copy of a log of {events} events of real calls, sealed four times; the rows are chosen at"
        " random. What stands behind the last checkpoint can be cut off or, with the log's key, written anew without a"
        " trace in the log itself: that is what the second device is for. With a stolen key a checkpoint names the"
        " stretch of events, not the row."
    )
    heading = _heading("Audit log: tampering found", f"tampering --rounds {options.rounds}")
    write_section(SECURITY, "audit-tampering", "\n".join([heading, *lines, "", notes]))


def crashes(options: argparse.Namespace, folder: Path) -> None:
    survived = kill_writers(folder, kills=options.kills)
    lines = [
        "| kills −9 | events in the log | taken before a kill | of those lost | doubled | verified to | verdict |",
        "|---|---|---|---|---|---|---|",
        f"| {survived.kills} | {survived.rows:,} | {survived.taken:,} | {survived.lost} | {survived.doubled}"
        f" | {survived.result.verified_to:,} | {'sound' if survived.result.ok else survived.result} |",
    ]
    print(lines[-1])
    notes = "Four processes with four threads each append to one log with a second device; one is killed at a time."
    heading = _heading("Audit log: writers killed", f"crashes --kills {options.kills}")
    write_section(SECURITY, "audit-crashes", "\n".join([heading, *lines, "", notes]))


def pace(options: argparse.Namespace, folder: Path) -> None:
    lines = ["| append (on disk, chained) | events/s | p50 ms | p99 ms |", "|---|---|---|---|"]
    rates = []
    for title, processes, threads, each, device in (
        ("one by one: 1 process, 1 thread", 1, 1, 600, False),
        ("group commit: 1 process, 16 threads", 1, 16, 400, False),
        ("group commit: 1 process, 16 threads, second device", 1, 16, 300, True),
        ("4 processes, 1 thread each", 4, 1, 300, False),
        ("group commit: 4 processes, 8 threads each", 4, 8, 150, False),
    ):
        where = folder / str(len(lines))
        rate, waits = _append(where, processes, threads, each, with_device=device)
        rates.append(rate)
        p50, p99 = statistics.median(waits) * 1000, sorted(waits)[int(len(waits) * 0.99)] * 1000
        lines.append(f"| {title} | {rate:,.0f} | {p50:.1f} | {p99:.1f} |")
        print(lines[-1], flush=True)
        shutil.rmtree(where)
    lines += ["", f"Group commit against one by one, in one process: {rates[1] / rates[0]:.1f} times.", ""]
    lines += _verifying(options.events, folder / "long")
    heading = _heading("Audit log: pace", f"pace --events {options.events}")
    write_section(BENCH, "audit", "\n".join([heading, *lines]))


def _append(folder: Path, processes: int, threads: int, each: int, *, with_device: bool) -> tuple[float, list[float]]:
    (folder / "second").mkdir(parents=True)
    AuditLog(store_in(folder), mac_key=KEY).append(event_of("first"))
    command = [sys.executable, "-m", "tests.bench.audit_appending", str(folder), str(threads), str(each)]
    pipes: dict[str, int] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    started = [
        subprocess.Popen([*command, *(["second"] if with_device else [])], cwd=ROOT, text=True, **pipes)  # type: ignore[call-overload]
        for _ in range(processes)
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    begun = time.perf_counter()
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    waits = [wait for process in started for wait in json.loads(process.stdout.readline())]
    seconds = time.perf_counter() - begun
    for process in started:
        process.communicate()
    return processes * threads * each / seconds, waits


def _verifying(events: int, folder: Path) -> list[str]:
    device = folder / "second"
    device.mkdir(parents=True)
    log = AuditLog(store_in(folder), mac_key=KEY, second_device=device)
    seals = Seals(folder / "seal", data_dir=folder, second_device=device)
    sealer = Sealer(seals, store_in(folder))
    for first in range(0, events, 1000):
        log._write([event_of(f"m{number}") for number in range(first, min(events, first + 1000))])
        sealer.seal()
    row = next(log.rows(after=max(0, events - 20_000)))
    last = seals.last()
    assert last is not None
    known = VerifiedPoint(row.seq, row.hash, last.number, last.hash, datetime.now(UTC))
    size = sum(path.stat().st_size for path in folder.glob("audit.db*")) / events
    lines = ["| verify | events | seconds | CPU seconds | events/s of CPU |", "|---|---|---|---|---|"]

    def measure(title: str, call: Callable[[], tuple[object, int]]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        ok, count = call()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert ok is True, title
        lines.append(f"| {title} | {count:,} | {wall:.2f} | {cpu:.2f} | {count / cpu:,.0f} |")
        print(lines[-1], flush=True)

    def verified(**given: object) -> tuple[object, int]:
        result = verify_log(log, mac_key=KEY, seals=seals, **given)  # type: ignore[arg-type]
        return result.ok, result.events

    def by_a_third_party() -> tuple[object, int]:
        result = audit_verifier.verify((one.body for one in log.rows()), seals.lines())
        return result["ok"], result["events"]

    measure("full", verified)
    measure("full, with the second device", lambda: verified(second_device=SecondDevice(device)))
    measure("incremental", lambda: verified(known=known, incremental=True))
    measure(
        "incremental, with the second device",
        lambda: verified(known=known, incremental=True, second_device=SecondDevice(device)),
    )
    measure("the verifier of an export, public key alone", by_a_third_party)
    log.close()
    sealer.close()
    return [*lines, "", f"Size in the file: {size:.0f} bytes an event; a checkpoint for every 1,000 events."]


if __name__ == "__main__":
    main()
