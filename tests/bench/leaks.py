"""Figures of leaks: canaries found where no personal data belongs, attempts to reach beyond loopback, sockets seen.

python -m tests.bench.leaks [--profiles embedded workstation]
"""

import argparse
import os
import platform
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from tests.security.canaries import CANARIES
from tests.security.journey_evidence import PLACES, Evidence, gather, leaks
from tests.security.results import write_section
from tests.security.tracing import tracer

RESULTS = Path(__file__).parents[1] / "security" / "RESULTS.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", nargs="*", default=["embedded", "workstation"])
    options = parser.parse_args()
    if not tracer():
        parser.error("strace and unshare are needed: install Debian's strace, and let unshare make a network")
    found = {}
    for profile in options.profiles:
        with tempfile.TemporaryDirectory() as folder:
            found[profile] = _lines(gather(Path(folder), "--browser", "--profile", profile))
    command = f"`python -m tests.bench.leaks --profiles {' '.join(options.profiles)}`"
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = ["## Personal data and the air gap", "", f"{command} ({made})"]
    for profile, about in found.items():
        lines += ["", f"### Profile {profile}", "", *about]
    notes = (
        "One journey a profile, through every page in Chromium and every route of the REST description, with canaries"
        " in documents, file names, questions, searches, workspace, user and display names, passwords and ids; then the"
        " same with wrong input, broken documents, a missing table, an unreadable value, damaged files, a log that"
        " cannot be written and a locked database. All processes, the browser too, ran under strace in a network of"
        " their own that has loopback alone. What Chromium asks its makers by itself (updates of its parts, the meaning"
        " of a form's fields, the time) was switched off on its command line; its question to the kernel whether IPv6"
        " has a route, over which nothing is sent, is not counted."
    )
    write_section(RESULTS, "leaks", "\n".join([*lines, "", notes]))
    print("\n".join(lines))


def _lines(evidence: Evidence) -> list[str]:
    statuses = Counter(one["status"] for one in evidence.seen["errors"])
    names = sum(attempt.name for attempt in evidence.attempts)
    rows = [("place", "looked at", "canaries found"), ("---", "---", "---")]
    for place, read in PLACES.items():
        rows.append((place, f"{sum(1 for _ in read(evidence)):,}", str(len(leaks(evidence, place)))))
    asked = {url.split("?")[0].split("/")[2] for url in evidence.seen["urls"] if "://" in url}
    hosts = sorted({host.rpartition(":")[0] for host in asked})
    sockets = sorted({f"{address} ({protocol})" for protocol, address, _ in evidence.sockets})
    return [
        f"{len(CANARIES)} canaries; {evidence.seen['succeeded']} calls done, {sum(statuses.values())} refused or failed"
        f" ({', '.join(f'{status}: {count}' for status, count in sorted(statuses.items()))}).",
        "",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        f"Failures of ours shown: {len(evidence.references)}; without a reference that finds its line in the log:"
        f" {len(evidence.unlogged)}.",
        "",
        f"Network calls traced: {evidence.calls:,}; connections tried beyond loopback:"
        f" {len(evidence.attempts) - names}; look-ups of names: {names}; requests of the browser:"
        f" {len(evidence.seen['urls'])}, all to {', '.join(hosts)}.",
        "",
        f"Sockets that take calls: {len(evidence.sockets)}, on {', '.join(sockets)}; beyond loopback:"
        f" {len(evidence.beyond)}.",
    ]


if __name__ == "__main__":
    main()
