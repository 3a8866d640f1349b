"""The sealer process: signs checkpoints of the audit log with a key that no other process reads."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event

from pydantic import TypeAdapter

from app.errors import DafeError, IntegrityError
from app.logs import get_logger, set_up_logs
from app.parent import end_with_parent
from app.security.audit_sealer import Sealer
from app.security.audit_seals import RUNNING, STORE_VARIABLE, Seals
from backends.audit.base import AuditStore
from backends.audit.settings import AuditSettings
from backends.loading import load
from backends.lock_files import exclusive

_LOOK_SECONDS = 2.0
_log = get_logger("sealer")


def main(arguments: Sequence[str] | None = None) -> int:
    """Stays and seals when it is due, standing by while another one does; with --once seals now, with --renew-key
    changes the key. Exit code 1 when the log contradicts what was sealed, 4 when a file cannot be used."""
    end_with_parent()
    set_up_logs()
    given = _parser().parse_args(arguments)
    try:
        with closing(_open(given)) as sealer:
            if given.renew_key:
                sealer.renew_key()
            elif given.once:
                sealer.seal()
            else:
                _serve(sealer, given.folder)
    except DafeError as error:
        print(error.message, file=sys.stderr)  # noqa: T201
        return 1 if isinstance(error, IntegrityError) else 4
    return 0


def _open(given: argparse.Namespace) -> Sealer:
    kept = TypeAdapter[AuditSettings](AuditSettings).validate_json(os.environ.get(STORE_VARIABLE, '{"kind": "sqlite"}'))
    seals = Seals(given.folder, data_dir=given.data_dir, second_device=given.second_device, store=kept)
    return Sealer(seals, load(AuditStore, kept, data_dir=given.data_dir))


def _serve(sealer: Sealer, folder: Path) -> None:
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as running:
        while not stop.is_set():
            try:
                running.enter_context(exclusive(folder / RUNNING, wait=False))
                break
            except BlockingIOError:
                stop.wait(_LOOK_SECONDS)
        if not stop.is_set():
            _seal_when_due(sealer, stop)


def _seal_when_due(sealer: Sealer, stop: Event) -> None:
    complaint = ""
    is_first = True
    while True:
        stopping = stop.is_set()
        try:
            if is_first or stopping or sealer.is_due():
                sealer.seal(even_if_quiet=not (is_first or stopping))
            complaint = ""
            is_first = False
        except DafeError as error:
            if error.message != complaint:
                complaint = error.message
                print(complaint, file=sys.stderr, flush=True)  # noqa: T201
        if stopping:
            return
        stop.wait(_LOOK_SECONDS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dafe-sealer", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--second-device", type=Path)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--renew-key", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
