"""What a page shows while there is nothing to show: what would be here, and the way to it."""

from typing import Literal

import streamlit as st

from components.formats import plain

Choice = Literal["primary", "second"]


def empty_state(
    title: str, line: str, *, key: str, primary: str = "", second: str = "", icon: str = ":material/inbox:"
) -> Choice | None:
    """A card with a bold sentence, a gray one and up to two buttons; returns which was pressed.

    `primary` and `second` are the buttons' words; leave `primary` away where the person may not do it.
    """
    with st.container(border=True, key=f"empty-{key}", gap=12):
        st.markdown(f"{icon} &nbsp;**{plain(title)}**")
        st.markdown(f":gray[{plain(line)}]")
        if not primary and not second:
            return None
        with st.container(horizontal=True):
            pressed = bool(primary) and st.button(primary, type="primary", key=f"empty-{key}-primary")
            if second and st.button(second, key=f"empty-{key}-second"):
                return "second"
    return "primary" if pressed else None
