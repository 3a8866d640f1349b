"""Ends a child process when its parent is gone, however it went."""

import os
import signal
import sys
from threading import Thread

CHILD_FLAG = "--child"
"""Given by a parent that holds the other end of standard input open."""


def end_with_parent() -> None:
    """With the flag on the command line: when standard input ends, this process gets SIGTERM."""
    if CHILD_FLAG in sys.argv:
        sys.argv.remove(CHILD_FLAG)
        Thread(target=_wait, name="parent", daemon=True).start()


def _wait() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
