"""The drawing of a graph, with its legend and zoom buttons."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from components.browser_part import browser_part


@dataclass(frozen=True, slots=True)
class Pick:
    """What was clicked; "nothing" is the empty page, with an empty id."""

    kind: Literal["entity", "fact", "nothing"]
    id: str


def graph_canvas(
    data: dict[str, Any], *, key: str, on_pick: Callable[[Pick], None], on_expand: Callable[[str], None]
) -> None:
    """`data` from `components.graph_drawing`; the callbacks run before the page or fragment is drawn anew."""

    def picked() -> None:
        value = _sent(key, "pick")
        if value.get("kind") in {"entity", "fact", "nothing"}:
            on_pick(Pick(value["kind"], str(value.get("id", ""))))

    def expanded() -> None:
        value = _sent(key, "expand")
        if value.get("id"):
            on_expand(str(value["id"]))

    browser_part("graph_canvas")(key=key, data=data, height="content", on_pick_change=picked, on_expand_change=expanded)


def _sent(key: str, name: str) -> dict[str, Any]:
    """What the browser sent with this event; it may be anything."""
    value = st.session_state[key].get(name)
    return value if isinstance(value, dict) else {}
