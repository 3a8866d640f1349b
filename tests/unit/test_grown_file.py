"""Files that only grow: whole lines, whatever was cut off, found by number without reading all."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.security.audit_verification_files import _SEQ, _offset_behind
from app.security.grown_file import append_lines, last_lines, read_lines
from backends.lock_files import exclusive, is_held

LINES = st.lists(st.text("abc{}", min_size=1, max_size=30), min_size=1, max_size=8, unique=True)


@given(lines=LINES, cut=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_line_that_was_cut_off_at_any_place_is_written_anew_and_comes_once(
    tmp_path: Path, lines: list[str], cut: st.DataObject
) -> None:
    path = tmp_path / "grown"
    path.unlink(missing_ok=True)
    numbered = [f"{number}{line}" for number, line in enumerate(lines)]
    append_lines(path, numbered)
    place = cut.draw(st.integers(0, len(numbered) - 1))
    whole = "".join(f"{line}\n" for line in numbered[:place])
    path.write_text(whole + numbered[place][: cut.draw(st.integers(0, len(numbered[place]) - 1))])
    assert list(read_lines(path)) == numbered[:place]
    append_lines(path, numbered[place:])
    assert list(read_lines(path)) == numbered
    assert last_lines(path)[0] == numbered[-1]


def test_a_line_written_twice_comes_twice(tmp_path: Path) -> None:
    append_lines(tmp_path / "grown", ["one", "one", "two"])
    assert list(read_lines(tmp_path / "grown")) == ["one", "one", "two"]


def test_a_file_that_is_not_there_has_no_last_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "absent") == []
    with pytest.raises(FileNotFoundError):
        append_lines(tmp_path / "absent" / "grown", ["one"])


def test_the_end_of_a_long_file_holds_whole_lines_only(tmp_path: Path) -> None:
    append_lines(tmp_path / "grown", [f"{number:05}" * 100 for number in range(2_000)])
    found = last_lines(tmp_path / "grown")
    assert len(found) > 500
    assert all(len(line) == 500 for line in found)
    assert (tmp_path / "grown").stat().st_mode & 0o777 == 0o600


@given(count=st.integers(1, 60), behind=st.integers(0, 70))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_lines_behind_a_number_are_found_without_reading_those_before(
    tmp_path: Path, count: int, behind: int
) -> None:
    path = tmp_path / "numbered"
    path.unlink(missing_ok=True)
    lines = [f'{{"pad":"{"x" * (number * 7 % 23)}","seq":{number},"session":null}}' for number in range(1, count + 1)]
    append_lines(path, lines)
    assert list(read_lines(path, offset=_offset_behind(path, behind, _SEQ))) == lines[behind:]


def test_a_lock_is_held_until_its_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    with exclusive(path):
        assert is_held(path)
        with pytest.raises(BlockingIOError), exclusive(path, wait=False):
            pass
    assert not is_held(path)
