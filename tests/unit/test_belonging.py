"""A data folder and the one database that knows its files."""

import os
import subprocess
from pathlib import Path

import pytest

from app.belonging import (
    belongs_to,
    give_to,
    in_use,
    moving,
    note_begun,
    refuse_while_moved,
    require_own_metadata,
    was_begun,
)
from app.errors import ConfigurationError, ConflictError


def test_a_folder_stays_with_the_database_that_it_was_first_used_with(tmp_path: Path) -> None:
    for _ in range(2):
        require_own_metadata(tmp_path, "one")
    for other in ("another", ""):
        with pytest.raises(ConfigurationError, match="belongs to another database"):
            require_own_metadata(tmp_path, other)


@pytest.mark.parametrize("used", ["prepared", "files"])
def test_a_folder_used_with_its_own_database_is_kept_from_servers(tmp_path: Path, used: str) -> None:
    (tmp_path / used).mkdir()
    require_own_metadata(tmp_path, "")
    with pytest.raises(ConfigurationError, match="belongs to another database"):
        require_own_metadata(tmp_path, "one")


def test_a_note_that_was_cut_off_keeps_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "metadata-id.new").write_text("")
    require_own_metadata(tmp_path, "one")
    assert (tmp_path / "metadata-id").read_text() == "one\n"


def test_a_folder_that_was_given_to_another_database_belongs_to_that_alone(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    for owner, other in (("one", ""), ("", "one"), ("two", "one")):
        give_to(tmp_path, owner)
        require_own_metadata(tmp_path, owner)
        assert (belongs_to(tmp_path, owner), belongs_to(tmp_path, other)) == (True, False)
        with pytest.raises(ConfigurationError, match="belongs to another database"):
            require_own_metadata(tmp_path, other)


def test_databases_that_a_folder_was_copied_to_are_remembered(tmp_path: Path) -> None:
    assert was_begun(tmp_path, "")
    for identity in ("one", "two", "one", ""):
        note_begun(tmp_path, identity)
    assert [was_begun(tmp_path, one) for one in ("one", "two", "three")] == [True, True, False]


def test_a_note_is_on_disk_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []

    def sync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").resolve().name)

    monkeypatch.setattr(os, "fsync", sync)
    give_to(tmp_path, "one")
    assert synced == ["metadata-id.new", tmp_path.name]


def test_a_folder_in_use_is_not_moved(tmp_path: Path) -> None:
    for _ in range(2):
        with in_use(tmp_path), in_use(tmp_path):  # As two processes have it.
            refuse_while_moved(tmp_path)
            with (
                pytest.raises(ConflictError, match="is running with this data folder: stop it"),
                moving(tmp_path),
            ):
                pass
        with moving(tmp_path):
            with pytest.raises(ConflictError, match="is being moved to other stores"), in_use(tmp_path):
                pass
            with pytest.raises(ConflictError, match="being moved already"), moving(tmp_path):
                pass


def test_programs_that_are_started_do_not_hold_the_folder(tmp_path: Path) -> None:
    with in_use(tmp_path):
        child = subprocess.Popen(["/bin/cat"], close_fds=False, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(b"runs\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"runs\n"
    try:
        with moving(tmp_path):
            pass
    finally:
        child.communicate()


def test_a_folder_is_moved_by_one_at_a_time_and_used_by_nobody_meanwhile(tmp_path: Path) -> None:
    refuse_while_moved(tmp_path)
    with moving(tmp_path):
        with pytest.raises(ConflictError, match="being moved"), moving(tmp_path):
            pass
        with pytest.raises(ConflictError, match="is being moved to other stores"):
            refuse_while_moved(tmp_path)
    refuse_while_moved(tmp_path)
    with moving(tmp_path):
        pass
