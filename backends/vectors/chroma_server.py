"""Our own Chroma server: one child process for a data folder, shared by every process that opens it."""

import fcntl
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock, Thread
from typing import TextIO

from app.errors import BackendUnavailableError, ConfigurationError
from backends.vectors import chroma_child
from backends.vectors.chroma_child import ALIVE_LOCK, PORT_FILE, USERS_LOCK

_START_LOCK = "start.lock"
_SECONDS_TO_START = 100.0
_SECONDS_OF_A_TRY = 45.0
"""A server that does not answer by then hangs, and is started anew."""
_SECONDS_TO_WIPE = 20.0
_TRIES = 3
_HOST = "127.0.0.1"


class ChromaServer:
    """While this object is open the server is kept; the last one that closes, in any process, ends it.

    Locks of the kernel tell who is there, so a killed process counts as gone.
    """

    def __init__(self, folder: Path, *, on_restart: Callable[[str], None] = lambda _name: None) -> None:
        self._folder = folder
        self._on_restart = on_restart
        self._lock = Lock()
        self._using: TextIO | None = None

    def find_port(self) -> int:
        """The server's port on loopback; starts the server when it is not running.

        Raises BackendUnavailableError when it cannot be started.
        """
        _check_proxy()
        with self._lock:
            self._take_part()
            port = self._read_port()
            if port is not None and _answers(port):
                return port
            with _locked(self._folder / _START_LOCK):
                return self._start()

    def wipe(self) -> None:
        """Write the server's database anew and remove the index files of deleted collections: it leaves both as they
        were, to be read by anybody.

        Raises BackendUnavailableError while the server is writing for longer than it should.
        """
        data = self._folder / "data"
        if not (data / "chroma.sqlite3").exists():
            return
        try:
            with closing(
                sqlite3.connect(data / "chroma.sqlite3", timeout=_SECONDS_TO_WIPE, isolation_level=None)
            ) as database:
                database.execute("VACUUM")
                # Listed before the database is asked: what is made in between is in use.
                folders = [folder for folder in data.iterdir() if folder.is_dir()]
                used = {row[0] for row in database.execute("SELECT id FROM segments")}
        except sqlite3.Error as error:
            raise BackendUnavailableError(
                "The database of the Chroma server is busy: try again in a moment."
            ) from error
        for folder in folders:
            if folder.name not in used:
                _remove(folder)

    def close(self) -> None:
        with self._lock:
            if self._using is not None:
                self._using.close()
                self._using = None

    def _take_part(self) -> None:
        if self._using is None:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                using = (self._folder / USERS_LOCK).open("w")
            except OSError as error:
                raise BackendUnavailableError(
                    f"The folder of the Chroma server cannot be written ({error.strerror}): check the data folder."
                ) from error
            # Waits while an unused server is ending.
            fcntl.flock(using, fcntl.LOCK_SH)
            self._using = using

    def _start(self) -> int:
        """Under the start lock: another process may have started it meanwhile."""
        deadline = time.monotonic() + _SECONDS_TO_START
        for _ in range(_TRIES):
            child = None
            if not self._is_alive():
                if (self._folder / PORT_FILE).exists():
                    self._on_restart("Chroma server")
                (self._folder / PORT_FILE).unlink(missing_ok=True)
                child = self._launch(_free_port())
            patience = time.monotonic() + _SECONDS_OF_A_TRY if child is not None else deadline
            while time.monotonic() < min(deadline, patience):
                port = self._read_port()
                if port is not None and _answers(port):
                    return port
                if (child is None or child.poll() is not None) and not self._is_alive():
                    break  # It ended, or what was found alive was the rest of a killed one.
                time.sleep(0.05)
            if child is not None and child.poll() is None:
                child.kill()
                child.wait()
        raise BackendUnavailableError(
            "The Chroma server did not start: check free memory and disk, or choose vectors kind sql in the settings."
        )

    def _launch(self, port: int) -> "subprocess.Popen[bytes]":
        # In a session of its own: Ctrl-C in one terminal must not end the server of another process.
        child = subprocess.Popen(
            [sys.executable, "-P", chroma_child.__file__, str(self._folder), str(port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            start_new_session=True,
        )
        Thread(target=child.wait, name="chroma-end", daemon=True).start()
        return child

    def _is_alive(self) -> bool:
        with (self._folder / ALIVE_LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _read_port(self) -> int | None:
        """Only of a living server: after its end the port may be anybody's."""
        try:
            written = json.loads((self._folder / PORT_FILE).read_text(encoding="utf-8"))
            return int(written["port"]) if self._is_alive() else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return  # Another process was faster.
    except OSError as error:
        raise BackendUnavailableError(
            f"Index files of deleted vectors cannot be removed ({error.strerror}): check the data folder."
        ) from error


def _check_proxy() -> None:
    """Vectors must not go through a proxy on their way to this machine."""
    if urllib.request.getproxies().get("http") and not urllib.request.proxy_bypass(_HOST):
        raise ConfigurationError(
            f"HTTP_PROXY is set and that proxy would see the vectors: add {_HOST},localhost to NO_PROXY."
        )


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((_HOST, port), timeout=5) as connection:
            connection.sendall(b"GET /api/v2/heartbeat HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = connection.recv(64)
    except OSError:
        return False
    return answer.startswith(b"HTTP/1.") and b" 200 " in answer


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
