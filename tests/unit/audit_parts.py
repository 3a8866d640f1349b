"""What tests of the audit log share: events, a folder with a log, its sealer, and somebody who changes its files."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.domain.audit import AuditEvent, AuditKind, AuditVerification, Outcome, sha256_hex
from app.security.audit_chain import Checkpoint, event_mac, read_checkpoint
from app.security.audit_log import AuditLog
from app.security.audit_sealer import Sealer
from app.security.audit_seals import Seals
from app.security.audit_verification import verify_log
from app.security.second_device import SecondDevice
from backends.audit.base import AuditStore
from backends.audit.settings import AuditSettings, SqliteAuditSettings
from backends.loading import load

MAC_KEY = bytes(range(1, 33))
TRIGGERS = ("audit_keeps", "audit_stays", "audit_follows")


def event(number: int, *, action: str = "documents.get", actor: str = "ilse") -> AuditEvent:
    return AuditEvent(
        action=action,
        kind=AuditKind.DISCLOSURE,
        outcome=Outcome.DONE,
        actor_id=actor,
        channel="web",
        address="192.0.2.7",
        workspace_id="w1",
        objects=(f"d{number}",),
        details={"page": number},
    )


@dataclass
class Folder:
    """A log with its sealer, and a second device when `device` is given; `close` it."""

    path: Path
    device: Path | None = None
    kept: AuditSettings = field(default_factory=SqliteAuditSettings)
    """Where the log's store is."""
    log: AuditLog = field(init=False)
    seals: Seals = field(init=False)
    sealer: Sealer = field(init=False)

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        if self.device:
            self.device.mkdir(parents=True, exist_ok=True)
        self.log = AuditLog(self.open_store(), mac_key=MAC_KEY, second_device=self.device)
        self.seals = Seals(self.path / "seal", data_dir=self.path, second_device=self.device, store=self.kept)
        self.sealer = Sealer(self.seals, self.open_store())

    def open_store(self) -> AuditStore:
        """Whoever uses it closes it."""
        return load(AuditStore, self.kept, data_dir=self.path)

    @property
    def database(self) -> Path:
        return self.path / "audit.db"

    def append(self, first: int, last: int) -> None:
        for number in range(first, last + 1):
            self.log.append(event(number))

    def seal(self) -> Checkpoint:
        checkpoint = self.sealer.seal()
        assert checkpoint is not None
        return checkpoint

    def checkpoints(self) -> list[Checkpoint]:
        return [read_checkpoint(line) for line in self.seals.lines()]

    def verify(self, **given: Any) -> AuditVerification:
        device = SecondDevice(self.device) if self.device else None
        return verify_log(self.log, **{"mac_key": MAC_KEY, "seals": self.seals, "second_device": device, **given})

    def found(self, **given: Any) -> list[tuple[int, str]]:
        result = self.verify(**given)
        assert (result.ok is False) == bool(result.findings)
        return [(finding.seq, finding.kind) for finding in result.findings]

    def close(self) -> None:
        self.log.close()
        self.sealer.close()


def change(path: Path, *statements: str, **values: object) -> None:
    """What somebody with the file and without the keys can do."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            connection.execute(statement, values)


def bodies(path: Path) -> dict[int, str]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT seq, body FROM audit ORDER BY seq"))


def rewrite(path: Path, events: Mapping[int, str], *, macs: Callable[[str], str] | None = None) -> None:
    """Put these bodies in the place of all rows; their MACs are kept by number unless `macs` makes new ones."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        old = dict(connection.execute("SELECT seq, mac FROM audit"))
        connection.execute("DELETE FROM audit")
        for seq, body in events.items():
            mac = macs(body) if macs else old.get(seq, "0" * 64)
            connection.execute("INSERT INTO audit(seq, mac, body) VALUES (?, ?, ?)", (seq, mac, body))


def chained(events: Mapping[int, Mapping[str, object]]) -> dict[int, str]:
    """Bodies that follow each other anew, whatever was changed in them."""
    previous, found = "0" * 64, {}
    for seq, stored in sorted(events.items()):
        body = json.dumps({**stored, "seq": seq, "prev": previous}, sort_keys=True, separators=(",", ":"))
        found[seq] = body
        previous = sha256_hex(body)
    return found


def with_key(body: str) -> str:
    return event_mac(body, key=MAC_KEY)


def without_key(body: str) -> str:
    return event_mac(body, key=b"another key of thirty-two bytes.")
