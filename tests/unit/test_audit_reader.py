"""Reading the audit log: pages, rows in blocks, single places, and files that are not there or not a log."""

import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.audit import AuditEvent, AuditKind, Outcome
from app.errors import BackendUnavailableError
from app.security import audit_reader
from app.security.audit_chain import GENESIS, sha256_hex
from app.security.audit_reader import AuditReader, EventFilter, Head
from tests.unit.audit_parts import Folder, bodies, change, event


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Eight events, the fifth and the sixth of another person."""
    made = Folder(tmp_path / "data")
    made.append(1, 4)
    for number, action in ((5, "documents.get"), (6, "documents.list")):
        made.log.append(event(number, action=action, actor="omar"))
    made.append(7, 8)
    yield made
    made.close()


@pytest.fixture
def reader(folder: Folder) -> Iterator[AuditReader]:
    opened = AuditReader(folder.database)
    yield opened
    opened.close()


def found(reader: AuditReader, **wanted: object) -> tuple[list[int], int]:
    events, total = reader.find(EventFilter(**wanted))  # type: ignore[arg-type]
    return [one.seq for one in events], total


def test_all_conditions_must_hold(reader: AuditReader) -> None:
    assert found(reader) == ([8, 7, 6, 5, 4, 3, 2, 1], 8)
    assert found(reader, actor_id="omar") == ([6, 5], 2)
    assert found(reader, actor_id="omar", actions=("documents.get",)) == ([5], 1)
    assert found(reader, actions=("documents.list", "documents.delete")) == ([6], 1)
    assert found(reader, outcomes=(Outcome.DONE, Outcome.FAILED), actor_id="omar") == ([6, 5], 2)
    assert found(reader, outcomes=(Outcome.REFUSED,)) == ([], 0)


def test_times_are_inclusive(reader: AuditReader) -> None:
    at = [one.at for one in reader.find(EventFilter())[0]][::-1]
    assert len(set(at)) == 8
    assert found(reader, since=at[2], until=at[5]) == ([6, 5, 4, 3], 4)
    assert at[2] is not None
    assert found(reader, since=at[2] + timedelta(microseconds=1), until=at[2]) == ([], 0)


def test_a_page_of_what_fits_and_how_many_fit(reader: AuditReader) -> None:
    assert found(reader, limit=2, offset=1) == ([7, 6], 8)
    assert found(reader, actor_id="ilse", limit=2, offset=3) == ([3, 2], 6)


def test_rows_come_in_order_however_many_blocks_they_fill(
    folder: Folder, reader: AuditReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_reader, "_BLOCK", 3)
    assert [(row.seq, row.body) for row in reader.rows()] == list(bodies(folder.database).items())
    assert [row.seq for row in reader.rows(after=6)] == [7, 8]
    assert list(reader.rows(after=8)) == []


def test_single_places_are_found(folder: Folder, reader: AuditReader) -> None:
    stored = bodies(folder.database)
    assert reader.head() == Head(8, sha256_hex(stored[8]))
    assert reader.hash_at(3) == sha256_hex(stored[3])
    assert reader.hash_at(9) is None
    first = reader.first()
    assert first is not None
    assert (first.seq, first.objects) == (1, ("d1",))


@pytest.mark.parametrize("there", [False, True], ids=["no file", "a file without a log"])
def test_a_log_that_is_not_begun_is_empty(tmp_path: Path, there: bool) -> None:
    path = tmp_path / "audit.db"
    if there:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE other(id INTEGER)")
    reader = AuditReader(path)
    assert reader.head() == Head(0, GENESIS)
    assert reader.find(EventFilter()) == ([], 0)
    assert (list(reader.rows()), reader.hash_at(1), reader.first()) == ([], None, None)
    reader.close()
    assert path.exists() is there


def test_a_log_without_events_has_a_head_of_its_own(folder: Folder, tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE audit(seq INTEGER PRIMARY KEY, mac TEXT, body TEXT)")
    reader = AuditReader(path)
    assert reader.head() == Head(0, GENESIS)
    assert reader.find(EventFilter()) == ([], 0)
    assert reader.first() is None
    reader.close()


def test_the_file_that_lies_there_now_is_read(folder: Folder, reader: AuditReader, tmp_path: Path) -> None:
    assert reader.head().seq == 8
    for path in list(folder.path.glob("audit.db*")):
        path.rename(tmp_path / path.name)
    assert reader.head().seq == 0
    other = Folder(tmp_path / "other")
    other.append(1, 2)
    other.close()
    shutil.copy(other.database, folder.database)
    assert reader.head().seq == 2


def test_a_file_that_was_exchanged_between_two_looks_is_not_read_on(
    folder: Folder, reader: AuditReader, tmp_path: Path
) -> None:
    assert reader.head().seq == 8
    other = Folder(tmp_path / "other")
    other.append(1, 2)
    other.close()
    for path in list(folder.path.glob("audit.db*")):
        path.rename(tmp_path / path.name)
    shutil.copy(other.database, folder.database)
    assert [reader.head().seq for _ in range(2)] == [2, 2]


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    path.write_bytes(b"no database, whatever its name says. " * 100)
    reader = AuditReader(path)
    with pytest.raises(
        BackendUnavailableError, match=r"^The audit log cannot be written or read, so nothing was shown"
    ):
        reader.head()
    path.unlink()
    assert reader.head().seq == 0


def test_threads_share_a_reader_that_was_opened_by_another(reader: AuditReader) -> None:
    reader.head()
    with ThreadPoolExecutor(max_workers=2) as pool:
        assert {head.seq for head in pool.map(lambda _: reader.head(), range(4))} == {8}


def test_what_is_no_event_any_more_is_shown_as_damaged_at_its_place(folder: Folder, reader: AuditReader) -> None:
    change(folder.database, "UPDATE audit SET body = '{}' WHERE seq IN (1, 3)")

    def damaged(seq: int) -> AuditEvent:
        return AuditEvent("audit.damaged", AuditKind.CHANGE, Outcome.FAILED, "unknown", "unknown", seq=seq)

    events, _ = reader.find(EventFilter())
    assert [one for one in events if one.action == "audit.damaged"] == [damaged(3), damaged(1)]
    assert reader.first() == damaged(1)


def test_reading_changes_nothing(folder: Folder, reader: AuditReader) -> None:
    with pytest.raises(BackendUnavailableError), reader._open_for_reading() as connection:
        assert connection is not None
        connection.execute("INSERT INTO audit(seq, mac, body) VALUES (9, '', '')")
    assert reader.head().seq == 8
