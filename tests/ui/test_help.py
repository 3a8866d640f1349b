"""Help: each person sees the guides that concern them; guides name only what exists."""

import re
from collections.abc import Callable, Iterator
from typing import get_args

import pytest
from streamlit.testing.v1 import AppTest

from app.container import Services
from app.domain.access import Role
from app.settings import Settings
from backends.settings import BackendSettings
from pages.help import _FOLDER, GUIDES
from tests.ui.conftest import Person

OpenPage = Callable[..., AppTest]


def texts(page: AppTest) -> str:
    return "\n".join(element.value for element in [*page.title, *page.markdown])


def guides(page: AppTest) -> list[str]:
    return list(page.segmented_control(key="help-guide").options) if page.segmented_control else []


def test_a_clinician_reads_the_users_guide_and_no_other(open_page: OpenPage, clinician: Person) -> None:
    page = open_page("help", clinician)
    assert not page.exception
    assert "Ask a question" in texts(page)
    assert guides(page) == []


def test_officers_and_administrators_have_their_guides_too(
    open_page: OpenPage, services: Services, sign_in: Callable[..., Person]
) -> None:
    assert guides(open_page("help", sign_in("rita", roles=(Role.COMPLIANCE,)))) == ["Using Dafe Graphs", "Compliance"]
    page = open_page("help", sign_in("root", roles=(Role.ADMINISTRATOR,)))
    assert guides(page) == ["Using Dafe Graphs", "Compliance", "Administration"]
    page.segmented_control(key="help-guide").set_value("Administration").run()
    assert not page.exception
    assert "dafe doctor" in texts(page)


def nested() -> Iterator[str]:
    """The settings of every kind of backend, behind the name of the part that they are of."""
    for part, field in Settings.model_fields.items():
        for one in choices(field.annotation):
            if isinstance(one, type) and issubclass(one, BackendSettings):
                yield from (f"{part}__{name}" for name in one.model_fields)


def choices(annotation: object) -> Iterator[object]:
    """What a union is of, and what those unions are of that stand in it."""
    inside = get_args(annotation)
    if inside:
        for one in inside:
            yield from choices(one)
    else:
        yield annotation


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.file)
def test_a_guide_names_only_settings_that_exist_and_loads_nothing(guide: object) -> None:
    text = (_FOLDER / guide.file).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    known = {f"DAFE_{name}".upper() for name in (*Settings.model_fields, *nested())}
    assert set(re.findall(r"DAFE_[A-Z_]+[A-Z]", text)) <= known
    assert not re.search(r"https?:", text)
    assert "![" not in text


def test_headings_of_a_guide_begin_below_the_pages_title() -> None:
    for guide in GUIDES:
        text = (_FOLDER / guide.file).read_text(encoding="utf-8")
        assert not re.search(r"^# ", text, re.MULTILINE)
        assert text.startswith("## ")
