"""A second device that does not keep up is shown on the Audit log page and on the Health page."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.domain.access import Role
from tests.ui.conftest import Person

OpenPage = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "second"
    folder.mkdir()
    monkeypatch.setenv("DAFE_AUDIT_SECOND_DEVICE", str(folder))
    return folder


@pytest.fixture
def administrator(device: Path, sign_in: Callable[..., Person]) -> Person:
    return sign_in("root", name="Ada Root", roles=(Role.ADMINISTRATOR,))


def cells(page: AppTest) -> str:
    return "\n".join(table.value.to_string(max_colwidth=None) for table in page.table).replace("\\", "")


def test_the_pages_say_whether_the_second_device_keeps_up(
    open_page: OpenPage, administrator: Person, device: Path
) -> None:
    page = open_page("audit", administrator)
    assert not page.exception
    assert not page.warning
    assert "Second audit copy" in cells(open_page("health", administrator))
    device.rename(device.with_name("gone"))
    page = open_page("audit", administrator)
    assert "The second device does not keep up" in page.warning[0].value
    page = open_page("health", administrator)
    assert "Second audit copy does not work" in page.error[0].value
    assert "Not working" in cells(page)
