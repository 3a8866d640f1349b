"""What the first start makes, and when a later start looks again."""

from pathlib import Path

import pytest

from app.commands.first_start import PASSWORD_FILE, prepare_folder
from app.container import OPERATOR, open_services
from app.settings import Settings, load_settings


def settings_of(folder: Path, *, samples: bool = False) -> Settings:
    return load_settings(data_dir=folder, samples=samples, embeddings={"kind": "hashing"}, llm={"kind": "none"})


def test_a_password_is_given_once(tmp_path: Path) -> None:
    first = prepare_folder(settings_of(tmp_path))
    assert first.password
    assert (tmp_path / PASSWORD_FILE).read_text() == f"{first.password}\n"
    assert prepare_folder(settings_of(tmp_path)).password is None


def test_samples_that_are_wanted_later_are_made_then(tmp_path: Path) -> None:
    prepare_folder(settings_of(tmp_path))
    for _ in range(2):
        prepare_folder(settings_of(tmp_path, samples=True))
    services = open_services(settings_of(tmp_path))
    made = [workspace.name for workspace in services.workspaces.list(OPERATOR)]
    services.close()
    assert len(made) == len(set(made)) == 2


@pytest.mark.parametrize("lost", ["prepared", "dafe.db"])
def test_what_a_folder_lacks_is_made_again(tmp_path: Path, lost: str) -> None:
    """A start that was cut off left no mark that it was the whole; a database may be lost or moved away."""
    prepare_folder(settings_of(tmp_path))
    for path in tmp_path.glob(f"{lost}*"):
        path.unlink()
    again = prepare_folder(settings_of(tmp_path))
    assert (again.password is None) is (lost == "prepared")
    assert (tmp_path / "prepared").exists()
