"""The theme that pages are sent is Streamlit's own, and is made once."""

from collections.abc import Iterator
from typing import Any

import pytest
from streamlit import config
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

from app.asgi import streamlit_options, write_theme_once
from app.container import Services

SECTIONS = ["theme", *(f"theme.{one.value}" for one in config.CustomThemeCategories)]


@pytest.fixture
def read(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The parts of the theme that were read from the options, which are those of the application."""
    options, asked = streamlit_options(services), []

    def in_section(section: str) -> dict[str, Any]:
        asked.append(section)
        names = {name: name.removeprefix(f"{section}.") for name in options if name.startswith(f"{section}.")}
        return {short: options[name] for name, short in names.items() if "." not in short}

    monkeypatch.setattr(config, "get_options_for_section", in_section)
    monkeypatch.setattr(app_session, "_populate_theme_msg", app_session._populate_theme_msg)
    return asked


def whole() -> CustomThemeConfig:
    """As Streamlit puts the parts together for each run of a page."""
    message = CustomThemeConfig()
    places = [message, message.sidebar, message.light, message.dark, message.light.sidebar, message.dark.sidebar]
    for place, section in zip(places, SECTIONS_IN_PLACES, strict=True):
        app_session._populate_theme_msg(place, section)
    return message


SECTIONS_IN_PLACES = "theme theme.sidebar theme.light theme.dark theme.light.sidebar theme.dark.sidebar".split()


def test_each_part_of_the_theme_is_read_once_and_every_page_gets_the_same(read: list[str]) -> None:
    wanted = whole()
    assert wanted.light.sidebar.background_color and wanted.font_faces and wanted.heading_font_sizes
    assert sorted(read) == sorted(SECTIONS)
    read.clear()
    write_theme_once()
    for _ in range(3):
        assert whole() == wanted
    assert sorted(read) == sorted(SECTIONS)


def test_a_page_changes_nothing_for_the_next(read: list[str]) -> None:
    write_theme_once()
    first = whole()
    wanted = CustomThemeConfig.FromString(first.SerializeToString())
    first.primary_color = "#ff0000"
    first.font_faces.add()
    assert whole() == wanted
    assert read
