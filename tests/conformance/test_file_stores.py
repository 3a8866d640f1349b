"""What every file store must do."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.ids import FileId
from app.errors import BackendUnavailableError, IntegrityError, InvalidInputError, NotFoundError
from backends.files.base import FileStore
from backends.files.settings import FileSettings
from backends.loading import load
from tests.conformance.conftest import Child
from tests.conformance.implementations import implementations

pytestmark = pytest.mark.parametrize("settings", implementations(FileSettings), indirect=True)
ONE, TWO = FileId("01J00000000000000000000ONE"), FileId("01J00000000000000000000TWO")
Open = Callable[..., FileStore]


@pytest.fixture
def open_store(settings: Any, parts: dict[str, Any]) -> Iterator[Open]:
    opened: list[FileStore] = []

    def open_one(**changed: Any) -> FileStore:
        opened.append(load(FileStore, settings, **{**parts, **changed}))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Open) -> FileStore:
    return open_store()


def stored_paths(data_dir: Path) -> list[Path]:
    return [path for path in (data_dir / "files").rglob("*") if path.is_file()]


@pytest.mark.parametrize("content", [b"", b"short", os.urandom(3_000_000)], ids=["empty", "short", "long"])
def test_a_file_comes_back_byte_for_byte_from_any_object(open_store: Open, content: bytes) -> None:
    first = open_store()
    first.put(ONE, content)
    first.close()
    first.close()
    assert open_store().get(ONE) == content


def test_an_id_written_again_is_replaced(store: FileStore) -> None:
    store.put(ONE, b"first")
    store.put(ONE, b"second")
    assert store.get(ONE) == b"second"
    assert store.find() == [ONE]


def test_ids_are_listed_sorted(store: FileStore) -> None:
    assert store.find() == []
    for id_ in (TWO, FileId("v1.layout"), ONE):
        store.put(id_, b"x")
    assert store.find() == sorted([ONE, TWO, FileId("v1.layout")])


def test_a_deleted_file_is_gone_and_others_stay(store: FileStore, data_dir: Path) -> None:
    store.put(ONE, b"one")
    store.put(TWO, b"two")
    store.delete(ONE)
    store.delete(ONE)
    with pytest.raises(NotFoundError):
        store.get(ONE)
    assert store.find() == [TWO]
    assert len(stored_paths(data_dir)) == 1


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a..", "../x", "a/b", "/etc/passwd", "x\x00", ".hidden", "a" * 200, "ä"]
)
def test_an_id_that_could_leave_the_folder_is_refused(store: FileStore, data_dir: Path, name: str) -> None:
    for call in (
        lambda: store.put(FileId(name), b"x"),
        lambda: store.get(FileId(name)),
        lambda: store.delete(FileId(name)),
    ):
        with pytest.raises(InvalidInputError):
            call()
    assert not (data_dir / "files").exists()


def test_nothing_of_the_content_is_readable_on_disk(store: FileStore, data_dir: Path) -> None:
    store.put(ONE, b"Planted patient name. " * 100)
    (path,) = stored_paths(data_dir)
    assert b"Planted" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_the_same_content_looks_different_each_time(store: FileStore, data_dir: Path) -> None:
    store.put(ONE, b"same")
    first = stored_paths(data_dir)[0].read_bytes()
    store.put(ONE, b"same")
    assert stored_paths(data_dir)[0].read_bytes() != first


@pytest.mark.parametrize("place", [0, 6, -1])
def test_a_changed_file_is_refused(store: FileStore, data_dir: Path, place: int) -> None:
    store.put(ONE, b"content")
    (path,) = stored_paths(data_dir)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="restore it from a backup"):
        store.get(ONE)


@pytest.mark.parametrize("left", [0, 5, 10, 20])
def test_a_shortened_file_is_refused(store: FileStore, data_dir: Path, left: int) -> None:
    store.put(ONE, b"content")
    (path,) = stored_paths(data_dir)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(IntegrityError):
        store.get(ONE)


def test_files_swapped_on_disk_are_refused(store: FileStore, data_dir: Path) -> None:
    store.put(ONE, b"one")
    store.put(TWO, b"two")
    first, second = stored_paths(data_dir)
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    for id_ in (ONE, TWO):
        with pytest.raises(IntegrityError):
            store.get(id_)


def test_another_key_reads_nothing(open_store: Open) -> None:
    open_store().put(ONE, b"content")
    with pytest.raises(IntegrityError):
        open_store(key=bytes(32)).get(ONE)


def test_a_place_that_cannot_be_written_is_said_and_the_old_file_stays(
    store: FileStore, data_dir: Path, open_store: Open
) -> None:
    (data_dir / "blocked").mkdir()
    (data_dir / "blocked" / "files").write_bytes(b"in the way")
    with pytest.raises(BackendUnavailableError, match="could not be stored"):
        open_store(data_dir=data_dir / "blocked").put(ONE, b"content")


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(
    store: FileStore, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(ONE, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(BackendUnavailableError, match="No space left"):
            store.put(ONE, b"new")
    assert store.get(ONE) == b"old"
    assert len(stored_paths(data_dir)) == 1


def test_a_process_killed_while_writing_leaves_the_old_file_or_the_new_one_whole(
    store: FileStore, settings: Any, start_child: Child, data_dir: Path
) -> None:
    size = 4_000_000
    whole = {letter.encode() * size for letter in "old"}
    store.put(ONE, b"o" * size)
    for number, letter in enumerate("ldldldld"):
        child = start_child("write_file", settings, name=ONE, letter=letter, size=size)
        assert child.stdout.readline() == "writing\n"
        time.sleep(0.01 + number * 0.007)
        child.kill()
        child.wait()
        assert store.get(ONE) in whole
        assert store.find() == [ONE]
    store.delete(ONE)
    assert stored_paths(data_dir) == []


def test_what_a_killed_process_left_goes_with_a_later_file(store: FileStore, data_dir: Path) -> None:
    store.put(ONE, b"one")
    folder = stored_paths(data_dir)[0].parent
    old, new = folder / f".{TWO}.{'0' * 16}", folder / f".{TWO}.{'1' * 16}"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    assert store.find() == [ONE]
    store.put(ONE, b"again")
    assert not old.exists()
    assert new.exists()


def test_processes_that_write_one_id_at_once_leave_one_whole_file(
    store: FileStore, settings: Any, start_child: Child
) -> None:
    size = 200_000
    children = [start_child("write_file", settings, name=ONE, letter=letter, size=size) for letter in "ab"]
    for child in children:
        child.stdout.readline()
    end = time.monotonic() + 1.5
    seen = set()
    while time.monotonic() < end:
        try:
            seen.add(store.get(ONE)[:1])
        except NotFoundError:
            continue
    for child in children:
        child.kill()
        child.wait()
    assert seen <= {b"a", b"b"}
    assert len(store.get(ONE)) == size
