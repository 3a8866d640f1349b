"""A child ends with its parent, and only when it was told to."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = "import time; from app.parent import end_with_parent; end_with_parent(); print('on', flush=True); time.sleep(2)"


def start(*flags: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", CODE, *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )


def test_a_child_ends_when_its_parent_is_gone() -> None:
    child = start("--child")
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stdout.readline() == b"on\n"
    assert child.poll() is None
    child.stdin.close()
    assert child.wait(timeout=30) == -15
    child.stdout.close()


def test_a_process_without_the_flag_goes_on() -> None:
    process = start()
    process.communicate(timeout=60)
    assert process.returncode == 0
