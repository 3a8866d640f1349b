"""What somebody can do to the files of an audit log, with and without its keys, and which row is the first bad one."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app import audit_verifier
from app.container import OPERATOR, Services, open_services
from app.domain.audit import AuditVerification, sha256_hex
from app.errors import NotFoundError
from app.security.audit_chain import event_mac, read_checkpoint, sign_checkpoint
from app.security.audit_log import AuditLog
from app.security.audit_seals import Seals
from app.security.audit_verification import verify_log
from app.security.keys import load_keys
from app.security.second_device import SecondDevice
from app.settings import load_settings
from tests.audit_stores import store_in

EVENTS_A_CHECKPOINT = 60
CHECKPOINTS = 4
TAIL = 40
"""Events behind the last checkpoint."""


def settings_of(folder: Path, **more: object) -> dict[str, object]:
    return {
        "data_dir": folder / "data",
        "audit_second_device": folder / "second",
        "embeddings": {"kind": "hashing"},
        "llm": {"kind": "none"},
        **more,
    }


def make_log(folder: Path) -> None:
    """A log of some hundred events of real calls, sealed four times, with a tail that is not sealed yet."""
    (folder / "second").mkdir(parents=True)
    services = open_services(load_settings(**settings_of(folder)))
    try:
        for part in range(CHECKPOINTS + 1):
            wanted = part * EVENTS_A_CHECKPOINT + (EVENTS_A_CHECKPOINT if part < CHECKPOINTS else TAIL)
            _act(services, wanted)
            if part < CHECKPOINTS:
                services.audit.seal()
    finally:
        services.close()


def _act(services: Services, events: int) -> None:
    number = 0
    while services.audit.status(OPERATOR).events < events:
        number += 1
        workspace = services.workspaces.add(OPERATOR, name=f"Ward {datetime.now(UTC).timestamp()} {number}")
        services.workspaces.members(OPERATOR, workspace_id=workspace.id)
        services.graph.search(OPERATOR, workspace_id=workspace.id, text="x")
        services.audit.list(OPERATOR, page=number)
        try:
            services.workspaces.rename(OPERATOR, workspace_id="absent", name="x")  # type: ignore[arg-type]
        except NotFoundError:
            continue


@dataclass(frozen=True, slots=True)
class Target:
    """A copy of the files that may be changed at will; `mac_key` is what a thief of the log's key has."""

    folder: Path
    mac_key: bytes

    @property
    def database(self) -> Path:
        return self.folder / "data" / "audit.db"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "data" / "seal" / "checkpoints.jsonl"

    @property
    def rows(self) -> dict[int, tuple[str, str]]:
        with closing(sqlite3.connect(self.database)) as connection:
            found = connection.execute("SELECT seq, mac, body FROM audit ORDER BY seq").fetchall()
        return {seq: (mac, body) for seq, mac, body in found}

    @property
    def sealed_to(self) -> int:
        return read_checkpoint(self.checkpoints.read_text().splitlines()[-1]).seq

    def write(self, rows: Mapping[int, tuple[str, str]]) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            for trigger in ("audit_keeps", "audit_stays", "audit_follows"):
                connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
            connection.execute("DELETE FROM audit")
            values = [(seq, mac, body) for seq, (mac, body) in rows.items()]
            connection.executemany("INSERT INTO audit(seq, mac, body) VALUES (?, ?, ?)", values)

    def mac(self, body: str) -> str:
        return event_mac(body, key=self.mac_key)


def copy_of(template: Path, folder: Path) -> Target:
    shutil.copytree(template, folder)
    return Target(folder, load_keys(folder / "data" / "key", may_create=False).audit_mac)


def verify(target: Target, *, with_device: bool) -> AuditVerification:
    data = target.database.parent
    seals = Seals(target.checkpoints.parent, data_dir=data, second_device=target.folder / "second")
    log = AuditLog(store_in(data), mac_key=target.mac_key)
    device = SecondDevice(target.folder / "second") if with_device else None
    try:
        return verify_log(log, mac_key=target.mac_key, seals=seals, second_device=device)
    finally:
        log.close()


def verify_with_the_public_key_alone(target: Target) -> int | None:
    """The first bad event that a third party names who has nothing but the lines of an export."""
    bodies = [body for _, body in target.rows.values()]
    lines = target.checkpoints.read_text().splitlines()
    first_bad: int | None = audit_verifier.verify(bodies, lines)["first_bad"]
    return first_bad


def _chained(target: Target, bodies: list[str], *, start: int, mac: Callable[[str], str]) -> dict[int, tuple[str, str]]:
    """Rows in this order; from `start` on numbered and linked anew, each with a new MAC."""
    old, rows, previous = target.rows, {}, ""
    for seq, body in enumerate(bodies, start=1):
        if seq < start:
            rows[seq] = old[seq]
        else:
            anew = {**json.loads(body), "seq": seq} | ({"prev": previous} if previous else {})
            linked = json.dumps(anew, sort_keys=True, separators=(",", ":"))
            rows[seq] = mac(linked), linked
        previous = sha256_hex(rows[seq][1])
    return rows


def _changed(body: str, random: Random) -> str:
    return json.dumps({**json.loads(body), "actor": f"somebody-else-{random.random()}"})


def modify(target: Target, random: Random) -> int:
    rows = target.rows
    seq = random.choice(list(rows))
    mac, body = rows[seq]
    place = random.randrange(len(body))
    body = body[:place] + random.choice([one for one in "abc019{},:" if one != body[place]]) + body[place + 1 :]
    target.write({**rows, seq: (mac, body)})
    return seq


def delete(target: Target, random: Random) -> int:
    rows = target.rows
    seq = random.randrange(1, len(rows))
    target.write({place: row for place, row in rows.items() if place != seq})
    return seq


def delete_and_renumber(target: Target, random: Random) -> int:
    rows = target.rows
    seq = random.randrange(1, len(rows))
    left = [row for place, row in rows.items() if place != seq]
    target.write(dict(enumerate(left, start=1)))
    return seq


def reorder(target: Target, random: Random) -> int:
    rows = target.rows
    one, two = sorted(random.sample(list(rows), 2))
    target.write({**rows, one: rows[two], two: rows[one]})
    return one


def insert(target: Target, random: Random) -> int:
    rows = list(target.rows.values())
    seq = random.randrange(1, len(rows))
    rows.insert(seq - 1, random.choice([row for place, row in enumerate(rows, start=1) if place != seq]))
    target.write(dict(enumerate(rows, start=1)))
    return seq


def renumber(target: Target, random: Random) -> int:
    rows, gap = target.rows, random.randrange(1, 20)
    seq = random.choice(list(rows))
    target.write({place + (gap if place >= seq else 0): row for place, row in rows.items()})
    return seq


def chain_anew_without_the_key(target: Target, random: Random) -> int:
    bodies = [body for _, body in target.rows.values()]
    seq = random.randrange(1, len(bodies) + 1)
    bodies[seq - 1] = _changed(bodies[seq - 1], random)
    key = random.randbytes(32)
    target.write(_chained(target, bodies, start=seq, mac=lambda body: event_mac(body, key=key)))
    return seq


def chain_anew_with_the_key(target: Target, random: Random) -> int:
    """In the sealed part: an event changed, taken away, put in or exchanged, everything behind it linked anew."""
    return _forge(target, random, random.randrange(2, target.sealed_to))


def rewrite_the_head_with_the_key(target: Target, random: Random) -> int:
    """The same behind the last checkpoint, where no signature reaches."""
    return _forge(target, random, random.randrange(target.sealed_to + 1, len(target.rows)))


def _forge(target: Target, random: Random, seq: int) -> int:
    bodies = [body for _, body in target.rows.values()]
    how = random.randrange(4)
    if how == 0:
        bodies[seq - 1] = _changed(bodies[seq - 1], random)
    elif how == 1:
        del bodies[seq - 1]
    elif how == 2:
        bodies.insert(seq - 1, _changed(random.choice(bodies), random))
    else:
        bodies[seq - 1], bodies[seq] = bodies[seq], bodies[seq - 1]
    target.write(_chained(target, bodies, start=seq, mac=target.mac))
    return seq


def truncate_before_a_checkpoint(target: Target, random: Random) -> int:
    rows = target.rows
    last = random.randrange(0, target.sealed_to)
    target.write({seq: row for seq, row in rows.items() if seq <= last})
    return last + 1


def truncate_behind_the_last_checkpoint(target: Target, random: Random) -> int:
    rows = target.rows
    last = random.randrange(target.sealed_to, len(rows))
    target.write({seq: row for seq, row in rows.items() if seq <= last})
    return last + 1


def roll_back_with_checkpoints(target: Target, random: Random) -> int:
    """Log and file of checkpoints as they truly were at an earlier time."""
    lines = target.checkpoints.read_text().splitlines(keepends=True)
    kept = random.randrange(1, len(lines))
    sealed = read_checkpoint(lines[kept - 1]).seq
    after = read_checkpoint(lines[kept]).seq
    last = random.randrange(sealed, after)
    target.checkpoints.write_text("".join(lines[:kept]))
    target.write({seq: row for seq, row in target.rows.items() if seq <= last})
    return last + 1


def edit_a_checkpoint(target: Target, random: Random) -> int:
    """Found at the first event that it no longer vouches for."""
    lines = target.checkpoints.read_text().splitlines(keepends=True)
    place = random.randrange(len(lines))
    stored = json.loads(lines[place])
    if random.random() < 0.5:
        signs = stored["signature"]
        stored["signature"] = signs[:-1] + ("0" if signs[-1] != "0" else "1")
    else:
        stored["checkpoint"] = stored["checkpoint"].replace('"head":"', '"head":"0', 1)
    lines[place] = json.dumps(stored, sort_keys=True, separators=(",", ":")) + "\n"
    target.checkpoints.write_text("".join(lines))
    return read_checkpoint(lines[place]).seq


def sign_a_checkpoint_with_another_key(target: Target, random: Random) -> int:
    lines = target.checkpoints.read_text().splitlines()
    place = random.randrange(1, len(lines))
    old = read_checkpoint(lines[place])
    forged = sign_checkpoint(
        key=Ed25519PrivateKey.generate(),
        seq=old.seq,
        head=sha256_hex("x"),
        at=old.at,
        before=read_checkpoint(lines[place - 1]),
    )
    lines[place] = forged.to_text()
    target.checkpoints.write_text("\n".join(lines) + "\n")
    return old.seq


@dataclass(frozen=True, slots=True)
class Attack:
    """`alone`: found without the second device, and whether at the exact row."""

    apply: Callable[[Target, Random], int]
    alone: bool = True
    alone_exact: bool = True
    public: bool | None = True
    """Found with the public key alone, where it concerns sealed events; None where nothing of it is in an export."""

    @property
    def name(self) -> str:
        return self.apply.__name__.replace("_", " ")


ATTACKS = (
    Attack(modify),
    Attack(delete),
    Attack(delete_and_renumber),
    Attack(reorder),
    Attack(insert),
    Attack(renumber, public=None),
    Attack(chain_anew_without_the_key),
    Attack(chain_anew_with_the_key, alone_exact=False),
    Attack(rewrite_the_head_with_the_key, alone=False, public=False),
    Attack(truncate_before_a_checkpoint),
    Attack(truncate_behind_the_last_checkpoint, alone=False, public=False),
    Attack(roll_back_with_checkpoints, alone=False, public=False),
    Attack(edit_a_checkpoint),
    Attack(sign_a_checkpoint_with_another_key),
)
