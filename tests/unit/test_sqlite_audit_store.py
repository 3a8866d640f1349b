"""The audit log's file: looking at it changes nothing, and files that are not there, not a log, or exchanged."""

import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from app.domain.audit import GENESIS
from app.errors import BackendUnavailableError
from backends.audit.base import EventFilter, Head
from backends.audit.sqlite import SqliteAuditStore
from tests.audit_stores import store_in
from tests.unit.audit_parts import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Eight events."""
    made = Folder(tmp_path / "data")
    made.append(1, 8)
    yield made
    made.close()


@pytest.fixture
def reader(folder: Folder) -> Iterator[SqliteAuditStore]:
    opened = store_in(folder.path)
    yield opened
    opened.close()


@pytest.mark.parametrize("there", [False, True], ids=["no file", "a file without a log"])
def test_a_log_that_is_not_begun_is_empty(tmp_path: Path, there: bool) -> None:
    path = tmp_path / "audit.db"
    if there:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE other(id INTEGER)")
    reader = store_in(tmp_path)
    assert reader.head() == Head(0, GENESIS)
    assert reader.find(EventFilter()) == ([], 0)
    assert (list(reader.rows()), reader.get(1)) == ([], None)
    reader.close()
    assert path.exists() is there


def test_a_log_without_events_has_a_head_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE audit(seq INTEGER PRIMARY KEY, mac TEXT, body TEXT)")
    reader = store_in(tmp_path)
    assert reader.head() == Head(0, GENESIS)
    assert reader.find(EventFilter()) == ([], 0)
    assert list(reader.rows()) == []
    reader.close()


def test_the_file_that_lies_there_now_is_read(folder: Folder, reader: SqliteAuditStore, tmp_path: Path) -> None:
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
    folder: Folder, reader: SqliteAuditStore, tmp_path: Path
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
    reader = store_in(tmp_path)
    with pytest.raises(
        BackendUnavailableError, match=r"^The audit log cannot be written or read, so nothing was shown"
    ):
        reader.head()
    path.unlink()
    assert reader.head().seq == 0


def test_threads_share_a_reader_that_was_opened_by_another(reader: SqliteAuditStore) -> None:
    reader.head()
    with ThreadPoolExecutor(max_workers=2) as pool:
        assert {head.seq for head in pool.map(lambda _: reader.head(), range(4))} == {8}


def test_reading_changes_nothing(folder: Folder, reader: SqliteAuditStore) -> None:
    with pytest.raises(BackendUnavailableError), reader._open_for_reading() as connection:
        assert connection is not None
        connection.execute("INSERT INTO audit(seq, mac, body) VALUES (9, '', '')")
    assert reader.head().seq == 8
