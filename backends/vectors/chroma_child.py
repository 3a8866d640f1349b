"""The process of our own Chroma server, started by its path: runs until no process uses it any more."""

import fcntl
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

PORT_FILE = "port.json"
ALIVE_LOCK = "alive.lock"
"""Held by the server's process while it lives."""
USERS_LOCK = "users.lock"
"""Shared by every process that uses the server; the server ends when it gets it alone."""
_SECONDS_TO_END = 5.0


def main(folder: Path, port: int) -> int:
    alive = (folder / ALIVE_LOCK).open("w")
    try:
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    beside = folder / f".{PORT_FILE}.{os.getpid()}"
    beside.write_text(json.dumps({"port": port, "process": os.getpid()}), encoding="utf-8")
    beside.replace(folder / PORT_FILE)
    threading.Thread(target=_end_when_unused, args=(folder,), daemon=True).start()
    import chromadb_rust_bindings  # type: ignore[import-untyped]

    # What the program `chroma` does; its own process would outlive us if we were killed.
    chromadb_rust_bindings.cli(
        ["chroma", "run", "--path", str(folder / "data"), "--host", "127.0.0.1", "--port", str(port)]
    )
    return 1


def _end_when_unused(folder: Path) -> None:
    users = (folder / USERS_LOCK).open("w")
    fcntl.flock(users, fcntl.LOCK_EX)
    # A file that is left tells of an unexpected end.
    (folder / PORT_FILE).unlink(missing_ok=True)
    # The lock goes with the process: who comes now waits for the end and starts a new server.
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_END)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
