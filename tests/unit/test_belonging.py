"""A data folder and the one database that knows its files."""

from pathlib import Path

import pytest

from app.belonging import require_own_metadata
from app.errors import ConfigurationError


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
