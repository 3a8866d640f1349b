"""One process of the audit log's bench: appends from several threads when told to, and prints how long each took."""

import json
import sys
import time
from pathlib import Path
from threading import Thread

from app.security.audit_log import AuditLog
from tests.audit_stores import store_in
from tests.security.audit_writer import event_of


def main(folder: str, threads: str, each: str, device: str = "") -> None:
    second = Path(folder) / device if device else None
    log = AuditLog(store_in(Path(folder)), mac_key=bytes(32), second_device=second)
    log.append(event_of("warm"))
    waits: list[float] = []

    def append() -> None:
        for _ in range(int(each)):
            begun = time.perf_counter()
            log.append(event_of("bench"))
            waits.append(time.perf_counter() - begun)

    print("ready", flush=True)
    sys.stdin.readline()
    started = [Thread(target=append) for _ in range(int(threads))]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    print(json.dumps(waits), flush=True)
    log.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
