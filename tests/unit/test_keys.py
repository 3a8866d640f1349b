"""The installation's secret is made once, kept to its owner, and never replaced in silence."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import pytest

from app.errors import BackendUnavailableError, ConfigurationError, IntegrityError
from app.security.keys import Keys, load_keys


def raw(keys: Keys) -> list[bytes]:
    return [getattr(keys, field.name) for field in fields(keys)]


def test_the_first_start_makes_a_key_for_its_owner_alone_and_the_next_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "secret" / "key"
    first = load_keys(path, may_create=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert raw(load_keys(path, may_create=False)) == raw(first)
    assert [one.name for one in path.parent.iterdir()] == ["key"]


def test_every_use_has_a_key_of_its_own_and_every_installation_other_ones(tmp_path: Path) -> None:
    keys = raw(load_keys(tmp_path / "one", may_create=True))
    assert {len(key) for key in keys} == {32}
    assert len(set(keys)) == len(keys)
    assert not set(keys) & set(raw(load_keys(tmp_path / "two", may_create=True)))
    secret = bytes.fromhex((tmp_path / "one").read_text())
    assert secret not in keys


def test_keys_are_derived_as_ever_so_that_old_data_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(bytes(range(32)).hex())
    path.chmod(0o600)
    keys = load_keys(path, may_create=False)
    assert keys.database.hex() == "00f48810f53488f23d3837785f18e0744e7bc16a74bf483a84d423be0aacdde3"
    assert keys.files.hex() == "0194f12e33e0410509c76c68f8ac9836f8d96fc4ca2e591f5d811349b0b256f0"


def test_data_without_its_key_is_not_given_a_new_one(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="put the key file back"):
        load_keys(tmp_path / "key", may_create=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    load_keys(path, may_create=True)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_keys(path, may_create=True)


@pytest.mark.parametrize("content", ["", "no hex", "00" * 31, "00" * 33])
def test_a_damaged_key_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(IntegrityError, match="damaged"):
        load_keys(path, may_create=True)
    assert path.read_text() == content


def test_processes_that_start_at_once_end_up_with_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = list(pool.map(lambda _: raw(load_keys(tmp_path / "key", may_create=True)), range(16)))
    assert all(one == found[0] for one in found)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendUnavailableError):
        load_keys(tmp_path / "file" / "key", may_create=True)


def test_keys_are_not_shown_when_printed(tmp_path: Path) -> None:
    keys = load_keys(tmp_path / "key", may_create=True)
    assert not any(key.hex() in repr(keys) or repr(key) in repr(keys) for key in raw(keys))
