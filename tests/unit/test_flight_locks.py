"""Which of several processes computes: one at a time for each key, and the next when it ends or dies."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.pipeline.flight_locks import FlightLocks

ROOT = Path(__file__).parents[2]
HOLD = """
import sys
from pathlib import Path
from app.pipeline.flight_locks import FlightLocks
locks = FlightLocks(Path(sys.argv[1]))
with locks.lead("key") as leads:
    print(leads, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flights"


@contextmanager
def holding(path: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", HOLD, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_no_other_process_leads_with_the_same_key_until_the_first_ends(path: Path) -> None:
    locks = FlightLocks(path)
    with holding(path) as process:
        with locks.lead("key") as leads, locks.lead("other") as leads_another:
            assert (leads, leads_another) == (False, True)
        process.communicate("end\n")
        with locks.lead("key") as leads:
            assert leads
    locks.close()
    locks.close()


def test_a_killed_process_holds_nothing(path: Path) -> None:
    locks = FlightLocks(path)
    with holding(path) as process:
        process.kill()
        process.wait()
        with locks.lead("key") as leads:
            assert leads


def test_what_ended_here_is_free_for_others(path: Path) -> None:
    locks = FlightLocks(path)
    with locks.lead("key") as leads, locks.lead("more"):
        assert leads
    with holding(path), locks.lead("key") as leads:
        assert not leads


def test_without_the_file_everybody_leads(tmp_path: Path) -> None:
    locks = FlightLocks(tmp_path)
    with locks.lead("key") as leads:
        assert leads
