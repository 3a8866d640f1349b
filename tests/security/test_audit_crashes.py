"""Processes that die while they append, and disks that refuse, neither lose nor double an audit event."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.security.audit_crashes import ROOT, kill_writers


def test_killed_writers_leave_no_gap_no_double_and_a_sound_chain(tmp_path: Path) -> None:
    survived = kill_writers(tmp_path, kills=8, processes=3, threads=3)
    assert survived.taken > 20
    assert (survived.lost, survived.doubled) == (0, 0)
    assert survived.rows >= survived.taken
    assert (survived.result.ok, survived.result.findings, survived.result.doubt) == (True, (), "")
    assert survived.result.verified_to == survived.rows


def run(command: list[str]) -> dict[str, object]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found: dict[str, object] = json.loads(done.stdout)
    return found


def script(scenario: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "tests.security.audit_disk", scenario, str(folder)]


def test_a_file_that_may_not_grow_takes_no_event_and_goes_on_when_it_may(tmp_path: Path) -> None:
    found = run(script("limit", tmp_path))
    assert (found["refused"], found["whole"]) == (3, True)


@pytest.mark.parametrize("scenario", ["full", "read_only"])
def test_a_disk_that_refuses_takes_no_event_and_goes_on_when_it_is_repaired(tmp_path: Path, scenario: str) -> None:
    """A file system of its own, in a name space of its own."""
    mount = 'mount -t tmpfs -o size=300k tmpfs "$0" && exec "$@"'
    alone = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, str(tmp_path)]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("this machine allows no file system of one's own")
    found = run([*alone, *script(scenario, tmp_path)])
    assert (found["refused"], found["whole"]) == (3, True)
