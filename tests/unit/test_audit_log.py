"""Any change of the audit log is found at its row, and nothing is shown when it cannot be written."""

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.audit import AuditEvent, AuditKind, AuditVerification, Outcome
from app.errors import BackendUnavailableError, InvalidInputError
from app.security.audit_chain import GENESIS, Checkpoint, event_mac, read_checkpoint, sha256_hex, sign_checkpoint
from app.security.audit_log import AuditLog, EventFilter
from app.security.audit_verification import verify_log

MAC_KEY = bytes(32)
SEAL = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.db"


@pytest.fixture
def log(path: Path) -> Iterator[AuditLog]:
    """Eight events, sealed after the fourth and the eighth."""
    opened = AuditLog(path, mac_key=MAC_KEY)
    for number in range(1, 9):
        opened.append(event(number))
        if number % 4 == 0:
            opened.seal(SEAL)
    yield opened
    opened.close()


def verify(log: AuditLog, **given: object) -> AuditVerification:
    return verify_log(log, mac_key=MAC_KEY, public_key=SEAL.public_key(), **given)  # type: ignore[arg-type]


def found(log: AuditLog, **given: object) -> list[tuple[int, str]]:
    result = verify(log, **given)
    assert (result.ok is False) == bool(result.findings)
    return [(finding.seq, finding.kind) for finding in result.findings]


def change(path: Path, *statements: str, **values: object) -> None:
    """What somebody with the file and without the keys can do."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for trigger in ("audit_keeps", "audit_stays"):
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            connection.execute(statement, values)


def bodies(path: Path) -> dict[int, str]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT seq, body FROM audit ORDER BY seq"))


def test_an_untouched_log_verifies_to_its_end(log: AuditLog) -> None:
    result = verify(log)
    assert (result.ok, result.events, result.verified_to, result.findings) == (True, 8, 8, ())
    rows = list(log.rows())
    assert json.loads(rows[0].body)["prev"] == GENESIS
    assert json.loads(rows[4].body)["prev"] == sha256_hex(rows[3].body)


def test_a_log_without_a_checkpoint_cannot_be_told(path: Path) -> None:
    log = AuditLog(path, mac_key=MAC_KEY)
    assert verify(log).ok is True
    log.append(event(1))
    assert (verify(log).ok, verify(log).events) == (None, 1)
    log.close()


def test_a_modified_event_is_found_at_its_row(log: AuditLog, path: Path) -> None:
    change(path, "UPDATE audit SET body = replace(body, 'ilse', 'omar') WHERE seq = 3")
    assert found(log)[0] == (3, "modified")
    assert verify(log).verified_to == 2


def test_a_deleted_event_is_found_at_its_row(log: AuditLog, path: Path) -> None:
    change(path, "DELETE FROM audit WHERE seq = 3")
    assert found(log)[0] == (3, "missing")


def test_events_in_another_order_are_found(log: AuditLog, path: Path) -> None:
    change(
        path,
        "UPDATE audit SET seq = 1000 WHERE seq = 5",
        "UPDATE audit SET seq = 5 WHERE seq = 6",
        "UPDATE audit SET seq = 6 WHERE seq = 1000",
    )
    assert [one for one in found(log) if one[1] == "reordered"] == [(5, "reordered"), (6, "reordered")]


def test_an_inserted_event_is_found(log: AuditLog, path: Path) -> None:
    change(path, "INSERT INTO audit(seq, mac, body) SELECT 9, mac, body FROM audit WHERE seq = 2")
    assert found(log) == [(9, "reordered")]
    forged = bodies(path)[8].replace('"seq":8', '"seq":9')
    change(path, "UPDATE audit SET body = :body WHERE seq = 9", body=forged)
    assert found(log) == [(9, "modified")]


def test_renumbered_events_are_found(log: AuditLog, path: Path) -> None:
    change(
        path,
        "DELETE FROM audit WHERE seq = 4",
        *(f"UPDATE audit SET seq = {n - 1} WHERE seq = {n}" for n in range(5, 9)),
    )
    assert found(log)[0] == (4, "reordered")
    assert (8, "truncated") in found(log)


def test_a_chain_written_anew_without_the_key_is_found_at_the_first_changed_row(log: AuditLog, path: Path) -> None:
    previous = GENESIS
    for seq, body in bodies(path).items():
        stored = json.loads(body) | {"prev": previous}
        if seq == 5:
            stored["actor"] = "omar"
        anew = json.dumps(stored, sort_keys=True, separators=(",", ":"))
        mac = event_mac(anew, key=b"another key of thirty-two bytes.")
        if seq >= 5:
            change(path, "UPDATE audit SET body = :body, mac = :mac WHERE seq = :seq", body=anew, mac=mac, seq=seq)
        previous = sha256_hex(anew)
    assert [one for one in found(log) if one[1] == "modified"] == [(seq, "modified") for seq in range(5, 9)]
    assert (8, "seal") in found(log)


def test_a_chain_written_anew_with_the_key_breaks_the_signed_checkpoint(log: AuditLog, path: Path) -> None:
    previous = GENESIS
    for seq, body in bodies(path).items():
        stored = json.loads(body) | {"prev": previous} | ({"actor": "omar"} if seq == 2 else {})
        anew = json.dumps(stored, sort_keys=True, separators=(",", ":"))
        mac = event_mac(anew, key=MAC_KEY)
        change(path, "UPDATE audit SET body = :body, mac = :mac WHERE seq = :seq", body=anew, mac=mac, seq=seq)
        previous = sha256_hex(anew)
    assert found(log) == [(4, "seal"), (8, "seal")]


def test_a_cut_end_is_found_by_the_checkpoint_behind_it(log: AuditLog, path: Path) -> None:
    change(path, "DELETE FROM audit WHERE seq > 6")
    assert found(log) == [(8, "truncated")]
    log.append(event(7))
    log.append(event(8))
    assert found(log) == [(8, "seal")]


def test_a_cut_end_without_its_checkpoint_is_found_by_one_kept_elsewhere(log: AuditLog, path: Path) -> None:
    kept = log.checkpoints()[-1].to_text()
    change(path, "DELETE FROM audit WHERE seq > 4", "DELETE FROM checkpoints WHERE number > 1")
    assert found(log) == []
    assert found(log, trusted=read_checkpoint(kept)) == [(8, "truncated")]


def test_a_head_rewritten_in_a_checkpoint_is_found(log: AuditLog, path: Path) -> None:
    change(path, "UPDATE checkpoints SET body = replace(body, '\"seq\":8', '\"seq\":7') WHERE number = 2")
    assert found(log) == [(7, "seal")]
    other = Ed25519PrivateKey.generate()
    forged = sign_checkpoint(number=2, seq=8, head="0" * 64, at=datetime.now(UTC), previous=GENESIS, key=other)
    change(
        path,
        "UPDATE checkpoints SET body = :body, signature = :sign WHERE number = 2",
        body=forged.body,
        sign=forged.signature,
    )
    assert found(log) == [(8, "seal")]
    assert found(log, trusted=forged) == [(8, "seal"), (8, "seal")]


def test_a_missing_checkpoint_in_between_is_found(log: AuditLog, path: Path) -> None:
    change(path, "DELETE FROM checkpoints WHERE number = 1")
    assert found(log) == [(8, "seal")]


@given(seq=st.integers(1, 8), data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_changed_sign_is_found_at_its_row(log: AuditLog, path: Path, seq: int, data: st.DataObject) -> None:
    body = bodies(path)[seq]
    place = data.draw(st.integers(0, len(body) - 1))
    sign = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda one: one != body[place]))
    changed = body[:place] + sign + body[place + 1 :]
    change(path, "UPDATE audit SET body = :body WHERE seq = :seq", body=changed, seq=seq)
    assert found(log)[0] == (seq, "modified")
    assert verify(log).verified_to == seq - 1
    change(path, "UPDATE audit SET body = :body WHERE seq = :seq", body=body, seq=seq)
    assert found(log) == []


@pytest.mark.parametrize("statement", ["UPDATE audit SET mac = ''", "DELETE FROM audit"])
def test_the_file_itself_refuses_changes(log: AuditLog, path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.DatabaseError, match="append only"):
        connection.execute(statement)


def test_a_second_device_holds_a_copy_of_every_event(tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    log = AuditLog(tmp_path / "audit.db", mac_key=MAC_KEY, second_device=copy)
    for number in range(1, 4):
        log.append(event(number))
    log.seal(SEAL)
    assert copy.read_text().splitlines() == [row.body for row in log.rows()]
    assert found(log, second_device=copy) == []
    lines = copy.read_text()
    copy.write_text(lines.replace("d2", "d9"))
    assert found(log, second_device=copy) == [(2, "device")]
    copy.write_text("".join(lines.splitlines(keepends=True)[:2]))
    assert found(log, second_device=copy) == [(3, "device")]
    copy.write_text(lines + lines.splitlines()[-1] + "\n")
    assert found(log, second_device=copy) == [(4, "truncated")]
    log.close()


def test_an_event_that_the_second_device_cannot_take_is_not_in_the_log(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.db", mac_key=MAC_KEY, second_device=tmp_path / "absent" / "copy.jsonl")
    with pytest.raises(BackendUnavailableError, match="nothing was shown or changed"):
        log.append(event(1))
    assert list(log.rows()) == []
    log.close()


def test_a_log_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "a file, not a folder"
    folder.write_text("")
    with pytest.raises(BackendUnavailableError):
        AuditLog(folder / "audit.db", mac_key=MAC_KEY).append(event(1))


def test_a_damaged_file_takes_no_event(log: AuditLog, path: Path) -> None:
    log.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    path.write_bytes(b"no database" * 500)
    with pytest.raises(BackendUnavailableError):
        log.append(event(9))


def test_events_are_found_by_who_what_when_and_how(log: AuditLog) -> None:
    log.append(event(9, action="documents.list", actor="omar"))
    for wanted, expected in (
        (EventFilter(), 9),
        (EventFilter(actor_id="omar"), 1),
        (EventFilter(actions=("documents.list", "documents.get")), 9),
        (EventFilter(actions=("documents.list",)), 1),
        (EventFilter(outcomes=(Outcome.FAILED,)), 0),
        (EventFilter(since=datetime.now(UTC) + timedelta(hours=1)), 0),
        (EventFilter(until=datetime.now(UTC) + timedelta(hours=1)), 9),
    ):
        assert log.find(wanted)[1] == expected
    page, total = log.find(EventFilter(limit=2, offset=1))
    assert ([one.seq for one in page], total) == ([8, 7], 9)
    (newest,), _ = log.find(EventFilter(limit=1))
    assert (newest.objects, newest.details, newest.session_id) == (("d9",), {"page": 9}, None)


def test_threads_and_processes_share_one_chain(path: Path) -> None:
    logs = [AuditLog(path, mac_key=MAC_KEY) for _ in range(3)]
    logs[0].append(event(0))
    with ThreadPoolExecutor(max_workers=6) as pool:
        seqs = list(pool.map(lambda number: logs[number % 3].append(event(number)), range(30)))
    assert sorted(seqs) == list(range(2, 32))
    logs[0].seal(SEAL)
    assert verify(logs[1]).ok is True
    for log in logs:
        log.close()


def test_sealing_twice_makes_one_checkpoint_and_it_can_be_kept_as_a_line(log: AuditLog) -> None:
    newest = log.seal(SEAL)
    assert newest == log.checkpoints()[-1]
    assert len(log.checkpoints()) == 2
    assert isinstance(newest, Checkpoint)
    line = newest.to_text()
    assert "\n" not in line
    assert read_checkpoint(line) == newest
    for broken in ("", "{}", '{"checkpoint": 1, "signature": 2}', "no json"):
        with pytest.raises(InvalidInputError):
            read_checkpoint(broken)


def test_the_file_belongs_to_its_owner_alone(log: AuditLog, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
