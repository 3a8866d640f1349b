"""A process that appends to an audit log from several threads until it is killed, noting each event that was taken."""

import os
import sys
from itertools import count
from pathlib import Path
from threading import Thread

from app.domain.audit import AuditEvent, AuditKind, Outcome
from app.security.audit_log import AuditLog
from tests.audit_stores import store_in


def main(folder: str, name: str, threads: str) -> None:
    device = Path(folder) / "second"
    log = AuditLog(store_in(Path(folder)), mac_key=bytes(32), second_device=device)
    taken = os.open(Path(folder) / f"taken-{name}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def append(thread: int) -> None:
        for number in count():
            mark = f"{name}.{thread}.{number}"
            log.append(event_of(mark))
            os.write(taken, f"{mark}\n".encode())

    for thread in range(int(threads)):
        Thread(target=append, args=(thread,)).start()


def event_of(mark: str) -> AuditEvent:
    return AuditEvent(
        action="documents.get",
        kind=AuditKind.DISCLOSURE,
        outcome=Outcome.DONE,
        actor_id="ilse",
        channel="web",
        objects=(mark,),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
