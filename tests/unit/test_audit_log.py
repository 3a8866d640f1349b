"""Any change of the audit log is found at its row, and nothing is shown when it cannot be written."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from threading import Event, Thread
from time import sleep
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.audit import GENESIS, AuditEvent, AuditKind, Outcome, sha256_hex
from app.errors import BackendUnavailableError
from app.security.audit_log import AuditLog
from app.security.group_commit import GroupCommit
from app.security.grown_file import append_lines
from app.security.second_device import DeviceState, SecondDevice
from backends.audit.base import EventFilter, StoredEvent
from tests.audit_stores import store_in
from tests.unit.audit_parts import MAC_KEY, Folder, bodies, chained, change, event, rewrite, with_key, without_key


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Eight events, sealed after the fourth and the eighth."""
    made = Folder(tmp_path / "data")
    for first in (1, 5):
        made.append(first, first + 3)
        made.seal()
    yield made
    made.close()


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[Folder]:
    """Six events with a second device, sealed after the fourth."""
    made = Folder(tmp_path / "data", device=tmp_path / "second")
    made.append(1, 4)
    made.seal()
    made.append(5, 6)
    yield made
    made.close()


def test_an_untouched_log_verifies_to_its_end(folder: Folder) -> None:
    result = folder.verify()
    assert (result.ok, result.events, result.verified_to, result.sealed_to) == (True, 8, 8, 8)
    assert (result.findings, result.doubt) == ((), "")
    rows = list(folder.log.rows())
    assert json.loads(rows[0].body)["prev"] == GENESIS
    assert json.loads(rows[4].body)["prev"] == sha256_hex(rows[3].body)


def test_a_log_without_a_checkpoint_cannot_be_told(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert folder.verify().ok is True
    folder.append(1, 1)
    result = folder.verify()
    assert (result.ok, result.events) == (None, 1)
    assert "No checkpoint" in result.doubt
    folder.close()


def test_a_modified_event_is_found_at_its_row_and_only_there(folder: Folder) -> None:
    change(folder.database, "UPDATE audit SET body = replace(body, 'ilse', 'omar') WHERE seq = 3")
    assert folder.found() == [(3, "modified")]
    assert folder.verify().verified_to == 2


def test_a_deleted_event_is_found_at_its_row(folder: Folder) -> None:
    change(folder.database, "DELETE FROM audit WHERE seq = 3")
    assert folder.found()[0] == (3, "missing")


def test_events_in_another_order_are_found(folder: Folder) -> None:
    change(
        folder.database,
        "UPDATE audit SET seq = 1000 WHERE seq = 5",
        "UPDATE audit SET seq = 5 WHERE seq = 6",
        "UPDATE audit SET seq = 6 WHERE seq = 1000",
    )
    assert folder.found() == [(5, "reordered"), (6, "reordered")]


def test_an_inserted_event_is_found(folder: Folder) -> None:
    change(folder.database, "INSERT INTO audit(seq, mac, body) SELECT 9, mac, body FROM audit WHERE seq = 2")
    assert folder.found() == [(9, "reordered")]
    forged = bodies(folder.database)[8].replace('"seq":8', '"seq":9')
    change(folder.database, "UPDATE audit SET body = :body WHERE seq = 9", body=forged)
    assert folder.found() == [(9, "modified")]
    rewrite(folder.database, {**bodies(folder.database)}, macs=with_key)
    assert folder.found() == [(9, "inserted")]


def test_renumbered_events_are_found(folder: Folder) -> None:
    change(
        folder.database,
        "DELETE FROM audit WHERE seq = 4",
        *(f"UPDATE audit SET seq = {n - 1} WHERE seq = {n}" for n in range(5, 9)),
    )
    assert folder.found()[0] == (4, "reordered")
    assert (8, "truncated") in folder.found()


def test_a_chain_written_anew_without_the_key_is_found_at_the_first_changed_row(folder: Folder) -> None:
    events = {seq: json.loads(body) for seq, body in bodies(folder.database).items()}
    events[5]["actor"] = "omar"
    old = bodies(folder.database)
    anew = {seq: body if seq >= 5 else old[seq] for seq, body in chained(events).items()}
    rewrite(folder.database, anew, macs=lambda body: (with_key if body in old.values() else without_key)(body))
    assert folder.found()[0] == (5, "modified")
    assert (8, "seal") in folder.found()


def test_a_chain_written_anew_with_the_key_breaks_the_signed_checkpoint(folder: Folder) -> None:
    events = {seq: json.loads(body) for seq, body in bodies(folder.database).items()}
    events[6]["actor"] = "omar"
    rewrite(folder.database, chained(events), macs=with_key)
    result = folder.verify()
    assert [(one.seq, one.kind) for one in result.findings] == [(8, "seal")]
    assert "one of the events 5 to 8" in result.findings[0].detail
    assert result.verified_to == 4


def test_a_chain_written_anew_with_the_key_is_found_at_its_row_by_the_second_device(copied: Folder) -> None:
    events = {seq: json.loads(body) for seq, body in bodies(copied.database).items()}
    events[6]["actor"] = "omar"
    rewrite(copied.database, chained(events), macs=with_key)
    assert copied.found() == [(6, "device")]
    assert copied.found(second_device=None) == []


def test_a_cut_end_is_found_by_the_checkpoint_behind_it(folder: Folder) -> None:
    change(folder.database, "DELETE FROM audit WHERE seq > 6")
    assert folder.found() == [(7, "truncated")]
    again = AuditLog(folder.open_store(), mac_key=MAC_KEY)
    for number in (7, 8):
        again.append(event(number + 100))
    again.close()
    assert folder.found() == [(8, "seal")]


def test_a_cut_end_behind_the_last_checkpoint_is_found_by_the_second_device(copied: Folder) -> None:
    change(copied.database, "DELETE FROM audit WHERE seq > 5")
    assert copied.found() == [(6, "truncated")]
    assert copied.found(second_device=None) == []


@given(seq=st.integers(1, 8), data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_changed_sign_is_found_at_its_row(folder: Folder, seq: int, data: st.DataObject) -> None:
    body = bodies(folder.database)[seq]
    place = data.draw(st.integers(0, len(body) - 1))
    sign = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda one: one != body[place]))
    changed = body[:place] + sign + body[place + 1 :]
    change(folder.database, "UPDATE audit SET body = :body WHERE seq = :seq", body=changed, seq=seq)
    result = folder.verify()
    change(folder.database, "UPDATE audit SET body = :body WHERE seq = :seq", body=body, seq=seq)
    assert (result.findings[0].seq, result.findings[0].kind) == (seq, "modified")
    assert result.verified_to == seq - 1
    assert folder.found() == []


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET mac = ''", "DELETE FROM audit", "INSERT INTO audit SELECT 20, mac, body FROM audit LIMIT 1"],
)
def test_the_file_itself_refuses_changes(folder: Folder, statement: str) -> None:
    with closing(sqlite3.connect(folder.database)) as connection:  # noqa: SIM117
        with pytest.raises(sqlite3.DatabaseError, match="append only"):
            connection.execute(statement)


def test_the_second_device_holds_every_event_and_every_checkpoint(copied: Folder) -> None:
    assert copied.device
    events, checkpoints = copied.device / "events.jsonl", copied.device / "checkpoints.jsonl"
    assert events.read_text().splitlines() == [row.body for row in copied.log.rows()]
    assert checkpoints.read_text() == copied.seals.path.read_text()
    assert copied.verify().ok is True
    lines = events.read_text()
    events.write_text(lines.replace("d2", "d9"))
    assert copied.found() == [(2, "device")]
    events.write_text(lines + lines.splitlines()[-1] + "\n")
    assert copied.found() == [(7, "truncated")]


def test_a_second_device_that_lacks_events_leaves_a_doubt(copied: Folder) -> None:
    assert copied.device
    events = copied.device / "events.jsonl"
    events.write_text("".join(events.read_text().splitlines(keepends=True)[:3]))
    result = copied.verify()
    assert (result.ok, result.findings) == (None, ())
    assert "lacks event 4" in result.doubt
    _, state = copied.log.in_step()
    assert state is not None
    assert (state.ok, state.behind) == (False, 3)


def test_a_second_device_that_failed_is_caught_up_and_both_are_recorded(copied: Folder) -> None:
    assert copied.device
    away = copied.device.with_name("away")
    copied.device.rename(away)
    copied.append(7, 9)
    head, state = copied.log.in_step()
    assert state is not None
    assert (head.seq, state.ok) == (10, False)
    away.rename(copied.device)
    copied.append(10, 10)
    assert copied.verify().ok is True
    assert copied.log.in_step()[1].ok
    seen = [(one.action, one.outcome) for one in copied.log.find(EventFilter(actions=("audit.second_device",)))[0]]
    assert seen == [("audit.second_device", Outcome.DONE), ("audit.second_device", Outcome.FAILED)]


def test_a_line_that_was_cut_off_on_the_second_device_is_written_anew_behind_it(copied: Folder) -> None:
    assert copied.device
    events = copied.device / "events.jsonl"
    lines = events.read_text().splitlines(keepends=True)
    events.write_text("".join(lines[:5]) + lines[5][:40])
    copied.append(7, 7)
    assert events.read_text().splitlines()[5] == lines[5][:40]
    assert copied.verify().ok is True


def test_with_a_required_second_device_nothing_proceeds_without_it(tmp_path: Path) -> None:
    device = tmp_path / "second"
    log = AuditLog(store_in(tmp_path), mac_key=MAC_KEY, second_device=device, second_device_required=True)
    with pytest.raises(BackendUnavailableError, match="second device"):
        log.append(event(1))
    device.mkdir()
    log.append(event(2))
    copies = [json.loads(line) for line in (device / "events.jsonl").read_text().splitlines()]
    assert [one["seq"] for one in copies] == [1, 2, 3, 4]
    log.close()


def test_a_second_device_with_another_log_is_left_as_it_is(copied: Folder, tmp_path: Path) -> None:
    assert copied.device
    before = (copied.device / "events.jsonl").read_bytes()
    other = AuditLog(store_in(tmp_path), mac_key=MAC_KEY, second_device=copied.device)
    other.append(event(1))
    assert (copied.device / "events.jsonl").read_bytes() == before
    _, state = other.in_step()
    assert state is not None
    assert "other events" in state.detail
    other.close()


def test_a_long_way_is_caught_up_in_steps(copied: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert copied.device
    monkeypatch.setattr("app.security.second_device._MOST_AT_ONCE", 2)
    shutil.move(copied.device / "events.jsonl", copied.device / "gone")
    copied.append(7, 7)
    assert copied.log.in_step()[1].behind
    copied.append(8, 14)
    assert copied.log.in_step()[1].ok
    assert copied.verify().ok is True


def test_who_hung_while_writing_to_the_second_device_writes_no_event_a_second_time(
    copied: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log itself is free meanwhile, as where the server took it from a process that hung."""
    assert copied.device
    hangs, goes_on = Event(), Event()
    rows = list(copied.log.rows())
    (copied.device / "events.jsonl").write_text("".join(f"{row.body}\n" for row in rows[:-1]), encoding="ascii")

    def hang(path: Path, lines: list[str]) -> None:
        hangs.set()
        assert goes_on.wait(20)
        append_lines(path, lines)

    with ThreadPoolExecutor(1) as pool, monkeypatch.context() as patched:
        patched.setattr("app.security.second_device.append_lines", hang)
        patched.setattr("app.security.second_device._PATIENCE_SECONDS", 0.1)
        hanging = pool.submit(SecondDevice(copied.device).write, rows[-1:], earlier=lambda _: ())
        assert hangs.wait(20)
        patched.setattr("app.security.second_device.append_lines", append_lines)
        copied.append(len(rows) + 1, len(rows) + 1)
        goes_on.set()
        assert hanging.result() == 0
    copied.append(len(rows) + 2, len(rows) + 2)
    written = (copied.device / "events.jsonl").read_text(encoding="ascii").splitlines()
    assert written == [row.body for row in copied.log.rows()]
    assert SecondDevice(copied.device).write(rows[-1:], earlier=lambda _: ()) == 0


@pytest.mark.parametrize("sign", ["é", "\n"])
def test_an_event_that_is_no_line_of_ascii_is_said_of_the_second_device_and_stops_nothing(
    copied: Folder, sign: str
) -> None:
    assert copied.device
    before = (copied.device / "events.jsonl").read_bytes()
    store = store_in(copied.path)
    head = store.head()
    body = f'{{"prev":"{head.hash}",{sign}"seq":{head.seq + 1}}}'.replace("é", '"é":1,')
    with store.alone() as tail:
        tail.append([StoredEvent(head.seq + 1, with_key(body), body)])
    store.close()
    copied.log.append(event(1))
    newest = copied.log.find(EventFilter(actions=("audit.second_device",)))[0][0]
    assert newest.outcome is Outcome.FAILED
    assert (copied.device / "events.jsonl").read_bytes() == before


@pytest.mark.parametrize("name", ["audit_verification.read_checkpoints", "audit_verification_files._lines_from"])
def test_what_is_sealed_while_the_log_is_verified_is_no_finding(
    copied: Folder, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def busy(read: Callable[..., Any]) -> Callable[..., Any]:
        """Something is written and sealed each time before it is read, and after it."""

        def reading(*given: Any, **named: Any) -> Any:
            copied.append(1, 1)
            copied.seal()
            found = read(*given, **named)
            copied.append(1, 1)
            copied.seal()
            return found

        return reading

    module, _, function = name.partition(".")
    read = getattr(import_module(f"app.security.{module}"), function)
    monkeypatch.setattr(f"app.security.{name}", busy(read))
    assert copied.found() == []


def test_a_log_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "a file, not a folder"
    folder.write_text("")
    with pytest.raises(BackendUnavailableError, match="nothing was shown or changed"):
        AuditLog(store_in(folder), mac_key=MAC_KEY).append(event(1))


def test_a_damaged_file_takes_no_event(folder: Folder) -> None:
    folder.close()
    with closing(sqlite3.connect(folder.database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    folder.database.write_bytes(b"no database" * 500)
    with pytest.raises(BackendUnavailableError):
        folder.log.append(event(9))


@pytest.mark.parametrize("how", ["cut", "changed", "deleted", "exchanged"])
def test_a_log_that_loses_events_under_a_running_process_takes_no_more_of_it(
    folder: Folder, tmp_path: Path, how: str
) -> None:
    if how == "cut":
        change(folder.database, "DELETE FROM audit WHERE seq > 6")
    elif how == "changed":
        change(folder.database, "UPDATE audit SET body = replace(body, 'ilse', 'omar') WHERE seq = 8")
    else:
        for path in folder.path.glob("audit.db*"):
            path.unlink()
    if how == "exchanged":
        other = Folder(tmp_path / "other")
        other.append(1, 12)
        other.close()
        shutil.copy(other.database, folder.database)
    with pytest.raises(BackendUnavailableError, match="gone or changed"):
        folder.log.append(event(9))


def test_events_are_found_by_who_what_when_and_how(folder: Folder) -> None:
    log = folder.log
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


def test_threads_and_processes_share_one_chain(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    logs = [folder.log, *(AuditLog(folder.open_store(), mac_key=MAC_KEY) for _ in range(2))]
    logs[0].append(event(0))
    with ThreadPoolExecutor(max_workers=6) as pool:
        seqs = list(pool.map(lambda number: logs[number % 3].append(event(number)), range(30)))
    assert sorted(seqs) == list(range(2, 32))
    folder.seal()
    assert folder.verify().ok is True
    for log in logs:
        log.close()
    folder.close()


def test_an_event_that_is_no_json_fails_alone(folder: Folder) -> None:
    with pytest.raises((TypeError, ValueError)):
        folder.log.append(replace(event(9), details={"page": float("nan")}))
    assert folder.log.append(event(9)) == 9


def test_what_waits_together_is_written_together_and_an_error_reaches_all() -> None:
    begun, go_on = Event(), Event()
    batches: list[list[int]] = []

    def write(items: list[int]) -> list[int]:
        batches.append(list(items))
        begun.set()
        assert go_on.wait(10)
        if 13 in items:
            raise BackendUnavailableError("Not now.")
        return [item * 2 for item in items]

    commit = GroupCommit(write, patience_seconds=10, too_late="Too late.")
    with ThreadPoolExecutor(max_workers=8) as pool:
        first = pool.submit(commit.add, 0)
        assert begun.wait(10)
        others = [pool.submit(commit.add, number) for number in range(1, 6)]
        while commit._waiting.qsize() < 5:
            sleep(0.01)
        go_on.set()
        assert first.result() == 0
        assert sorted(one.result() for one in others) == [2, 4, 6, 8, 10]
    assert [len(batch) for batch in batches] == [1, 5]
    with pytest.raises(BackendUnavailableError, match="Not now"):
        commit.add(13)
    commit.close()
    assert commit.add(4) == 8
    commit.close()


def wait_for(commit: GroupCommit[int, int]) -> None:
    with pytest.raises(BackendUnavailableError):
        commit.add(1)


def test_who_waited_too_long_is_told_and_what_nobody_waits_for_is_not_written() -> None:
    begun, go_on = Event(), Event()
    written: list[int] = []

    def write(items: list[int]) -> list[int]:
        begun.set()
        assert go_on.wait(10)
        written.extend(items)
        return list(items)

    commit = GroupCommit(write, patience_seconds=0.2, too_late="Too late.")
    one = Thread(target=wait_for, args=(commit,))
    one.start()
    assert begun.wait(10)
    with pytest.raises(BackendUnavailableError, match="Too late"):
        commit.add(2)
    one.join()
    go_on.set()
    assert commit.add(3) == 3
    commit.close()
    assert written == [1, 3]


def test_an_event_that_was_damaged_is_shown_as_such_and_hides_no_other(folder: Folder) -> None:
    change(folder.database, "UPDATE audit SET body = 'no event' WHERE seq IN (1, 3)")
    events, total = folder.log.find(EventFilter())
    assert total == len(events) == 8
    assert [one.seq for one in events if one.action == "audit.damaged"] == [3, 1]
    assert folder.log.find(EventFilter(actor_id="ilse"))[1] == 6
    damaged = AuditEvent("audit.damaged", AuditKind.CHANGE, Outcome.FAILED, "unknown", "unknown", seq=1)
    assert folder.log.first() == events[-1] == damaged


def test_before_the_first_event_there_is_none(tmp_path: Path) -> None:
    log = AuditLog(store_in(tmp_path), mac_key=MAC_KEY)
    assert log.first() is None
    log.close()


def test_a_log_that_was_moved_is_written_where_it_is_now(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "moved").mkdir()
    moved = store_in(tmp_path / "moved")
    with moved.alone() as tail:
        tail.append(list(folder.log.rows()))
    folder.log.move_to(moved)
    assert folder.log.append(event(9)) == 9
    assert (moved.head().seq, len(bodies(folder.database))) == (9, 8)


def test_the_file_is_its_owners_alone_and_the_program_itself_cannot_take_events_away(folder: Folder) -> None:
    assert folder.database.stat().st_mode & 0o777 == 0o600
    store = store_in(folder.path)
    connection = store._writer.get()
    for statement in ("DELETE FROM audit", "UPDATE audit SET mac = ''", "DROP TABLE audit", "DROP TRIGGER audit_stays"):
        with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
            connection.execute(statement)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA trusted_schema").fetchone() == (0,)
    assert store._writer.get() is connection
    store.close()
    folder.close()
    folder.close()


def test_a_log_that_was_moved_away_is_not_written_on(folder: Folder) -> None:
    fresh = AuditLog(folder.open_store(), mac_key=MAC_KEY)
    fresh.append(event(9))
    for path in list(folder.path.glob("audit.db*")):
        path.rename(folder.path.parent / path.name)
    with pytest.raises(
        BackendUnavailableError, match=r"^Events that were in the audit log are gone or changed, so noth"
    ):
        fresh.append(event(10))
    fresh.close()
    assert len(bodies(folder.path.parent / "audit.db")) == 9
    another = AuditLog(folder.open_store(), mac_key=MAC_KEY)
    assert another.append(event(1)) == 1
    another.close()


def test_each_event_has_its_number_its_time_and_its_mac(folder: Folder) -> None:
    before = datetime.now(UTC)
    assert folder.log.append(event(9)) == 9
    (row,) = folder.log.rows(after=8)
    assert row.mac == with_key(row.body)
    (newest,), _ = folder.log.find(EventFilter(limit=1))
    assert newest.at is not None
    assert before <= newest.at <= datetime.now(UTC)
    assert replace(newest, at=None) == replace(event(9), seq=9)


def test_what_happens_to_the_second_device_is_said_and_recorded(copied: Folder, tmp_path: Path) -> None:
    (tmp_path / "second" / "events.jsonl").unlink()
    (tmp_path / "second" / "events.jsonl").mkdir()
    copied.append(7, 8)
    (tmp_path / "second" / "events.jsonl").rmdir()
    copied.append(10, 11)
    events = [one for one in copied.log.find(EventFilter())[0] if one.action == "audit.second_device"][::-1]
    assert [replace(one, at=None, seq=0) for one in events] == [
        AuditEvent("audit.second_device", AuditKind.CHANGE, outcome, "system", "system")
        for outcome in (Outcome.FAILED, Outcome.DONE)
    ]
    assert [one.seq for one in events] == [8, 11]
    assert copied.log.in_step()[1] == DeviceState(True, 0, "The second device holds every event.")


def test_a_required_second_device_says_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "events.jsonl").mkdir()
    log = AuditLog(store_in(tmp_path), mac_key=MAC_KEY, second_device=tmp_path / "second", second_device_required=True)
    told = (
        r"^The second device of the audit log cannot be written \(Is a directory\)\. Until it can, nothing is shown or"
    )
    with pytest.raises(BackendUnavailableError, match=told):
        log.append(event(1))
    log.close()


def test_a_required_second_device_that_is_caught_up_says_how_much_it_lacks(
    copied: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert copied.device
    monkeypatch.setattr("app.security.second_device._MOST_AT_ONCE", 2)
    (copied.device / "events.jsonl").unlink()
    log = AuditLog(store_in(copied.path), mac_key=MAC_KEY, second_device=copied.device, second_device_required=True)
    told = "The second device lacks 4 events and is being caught up. Until it can, nothing is shown or changed."
    with pytest.raises(BackendUnavailableError) as refused:
        log.append(event(7))
    assert refused.value.message == told
    log.close()


def test_a_required_second_device_says_that_the_log_holds_no_event(copied: Folder) -> None:
    store = store_in(copied.path)
    body = f'{{"prev":"{store.head().hash}","é":1,"seq":7}}'
    with store.alone() as tail:
        tail.append([StoredEvent(7, with_key(body), body)])
    log = AuditLog(store, mac_key=MAC_KEY, second_device=copied.device, second_device_required=True)
    told = "The second device of the audit log cannot be written: the log holds what is no event."
    with pytest.raises(BackendUnavailableError) as refused:
        log.append(event(1))
    assert refused.value.message == f"{told} Until it can, nothing is shown or changed."
    log.close()


def test_the_program_s_own_log_says_when_the_second_device_fails_and_works_again(
    copied: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    assert copied.device
    away = copied.device.with_name("away")
    with caplog.at_level("INFO"):
        copied.device.rename(away)
        copied.append(7, 8)
        away.rename(copied.device)
        copied.append(9, 10)
    assert [record.getMessage() for record in caplog.records if record.name.endswith("audit")] == [
        "The second device of the audit log cannot be written (No such file or directory).",
        "the second device of the audit log is written again",
    ]


def test_who_waits_too_long_for_the_log_is_told_so(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.security.audit_log.BUSY_SECONDS", 0.2)
    held = store_in(folder.path)
    log = AuditLog(store_in(folder.path), mac_key=MAC_KEY)
    with held.alone(), pytest.raises(BackendUnavailableError) as refused:
        log.append(event(9))
    assert refused.value.message == held.unavailable
    log.close()
    held.close()


def test_a_required_second_device_that_holds_another_log_says_so(copied: Folder, tmp_path: Path) -> None:
    log = AuditLog(store_in(tmp_path), mac_key=MAC_KEY, second_device=copied.device, second_device_required=True)
    told = "^The second device holds other events than the log, .* Until it can, nothing is shown or changed.$"
    with pytest.raises(BackendUnavailableError, match=told):
        log.append(event(1))
    log.close()
