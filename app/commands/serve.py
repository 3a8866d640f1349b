"""dafe up, ui, api and worker."""

import fcntl
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from app.belonging import refuse_while_moved
from app.commands.first_start import FirstStart, prepare_folder
from app.commands.supervising import Supervisor
from app.errors import BackendUnavailableError, ConflictError
from app.parent import CHILD_FLAG
from app.restarts import Restarts
from app.seals import seals_of
from app.security.audit_seals import UP_LOCK
from app.settings import Profile, Settings, child_environment, load_settings, process_settings

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0 keeps the setting.")]

_WEB = "app.asgi"
_WORKER = "app.worker"
_LOOK_SECONDS = 1.0
_READY_SECONDS = 120.0
_SAID = 4
"""Exit code of a process that has told in one sentence why it cannot start."""


def up(host: Host = "", port: Port = 0, profile: Annotated[Profile | None, typer.Option()] = None) -> None:
    """Start everything of this profile and stay until Ctrl-C."""
    settings = _settings(host, port, profile)
    refuse_while_moved(settings.data_dir)
    with _only_one(settings):
        _look_at_port(settings)
        _supervise(settings)


def serve_ui(host: Host = "", port: Port = 0) -> None:
    """The web process alone: pages and REST."""
    settings = _settings(host, port, None)
    _look_at_port(settings)
    _become(_WEB, settings)


def serve_api(host: Host = "", port: Port = 0) -> None:
    """REST alone, without pages."""
    settings = _settings(host, port, None)
    _look_at_port(settings)
    _become("app.api.serving", settings)


def serve_worker() -> None:
    """One worker process."""
    _become(_WORKER, process_settings())


def _settings(host: str, port: int, profile: Profile | None) -> Settings:
    given = {"host": host or None, "port": port or None, "profile": profile}
    return load_settings(**{name: value for name, value in given.items() if value is not None})


def _become(module: str, settings: Settings) -> None:
    """Run a process's module, passing on SIGTERM, with a sealer beside it in case it is alone.

    Ctrl-C reaches the process without us: it has our terminal.
    """
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: None)
    beside = Supervisor(Restarts(settings.data_dir))
    beside.add("sealer of the audit log", partial(_start_sealer, settings))
    try:
        with subprocess.Popen([sys.executable, "-m", module], env=child_environment(settings)) as process:
            while process.poll() is None and not stop.wait(_LOOK_SECONDS):
                beside.look()
            if stop.is_set():
                process.terminate()
    finally:
        beside.end()
    as_asked = stop.is_set() and process.returncode == -signal.SIGTERM
    raise typer.Exit(0 if as_asked else process.returncode)


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """Raises ConflictError when another `dafe up` uses this data folder."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (settings.data_dir / UP_LOCK).open("w")
    except OSError as error:
        raise BackendUnavailableError(
            f"The data folder {settings.data_dir} cannot be written ({error.strerror}): give this user the right to"
            " write there, or choose another with DAFE_DATA_DIR."
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConflictError(
                f"Dafe Graphs is running already with the data folder {settings.data_dir}: stop it first, or choose"
                " another folder with DAFE_DATA_DIR."
            ) from error
        yield


def _look_at_port(settings: Settings) -> None:
    """Raises BackendUnavailableError when it is not free."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise BackendUnavailableError(
                f"Port {settings.port} is in use or not allowed ({error.strerror}): choose another with make run"
                " PORT=8600 or with --port 8600."
            ) from error


def _supervise(settings: Settings) -> None:
    """Where there is data already, the processes start while this one looks whether something is to be prepared."""
    stop = Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())
    supervisor = Supervisor(Restarts(settings.data_dir))
    supervisor.add("sealer of the audit log", partial(_start_sealer, settings), outlives=True)
    try:
        is_new = not (settings.data_dir / "dafe.db").exists()
        first = prepare_folder(settings) if is_new else None
        web = supervisor.add("web process", partial(_start, _WEB, settings))
        for name in _worker_names(settings.workers):
            supervisor.add(name, partial(_start, _WORKER, settings))
        first = first or prepare_folder(settings)
        _wait_until_ready(settings, web, stop)
        if (code := web.poll() or 0) > 0 and not stop.is_set():
            if code == _SAID:
                raise typer.Exit(code)
            raise BackendUnavailableError("The web process ended: see the lines above, and start again.")
        _greet(settings, first)
        while not stop.wait(_LOOK_SECONDS):
            supervisor.look()
    finally:
        supervisor.end()


def _worker_names(workers: int) -> list[str]:
    return ["worker"] if workers == 1 else [f"worker {number}" for number in range(1, workers + 1)]


def _start(module: str, settings: Settings) -> subprocess.Popen[bytes]:
    return _start_child([sys.executable, "-m", module], settings)


def _start_sealer(settings: Settings) -> subprocess.Popen[bytes]:
    """Ended after the others, so that their last events are sealed too."""
    seals = seals_of(settings)
    return _start_child(seals.command(), settings, **seals.environment())


def _start_child(command: list[str], settings: Settings, **variables: str) -> subprocess.Popen[bytes]:
    """In a process group of its own, so that Ctrl-C reaches the parent alone; ends with the parent."""
    return subprocess.Popen(
        [*command, CHILD_FLAG],
        stdin=subprocess.PIPE,
        env=child_environment(settings) | variables,
        cwd=Path(__file__).parent.parent.parent,
        start_new_session=True,
    )


def _wait_until_ready(settings: Settings, web: subprocess.Popen[bytes], stop: Event) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until and not stop.is_set() and web.poll() is None:
        try:
            with socket.create_connection((settings.host, settings.port), timeout=1):
                return
        except OSError:
            stop.wait(0.1)


def _greet(settings: Settings, first: FirstStart) -> None:
    print(f"\nDafe Graphs is ready: {settings.address}")
    if first.password is not None:
        print(f"Sign in as {first.username} with the password {first.password}")
        print(f"It is shown once, kept in {first.password_file} (owner only), and changed at the first sign-in.")
    print("Stop with Ctrl-C.", flush=True)
