"""The few things that are worth doing next, each with the button that does it."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from components.formats import plain


@dataclass(frozen=True, slots=True)
class Step:
    """`verb` is the button's word; `path` and `query` say where it leads."""

    icon: str
    title: str
    line: str
    verb: str
    path: str
    query: tuple[tuple[str, str], ...] = ()


def next_steps(steps: Sequence[Step], *, most: int = 3) -> Step | None:
    """One card a step; returns the one whose button was pressed."""
    pressed = None
    for index, step in enumerate(steps[:most]):
        with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            with st.container(gap="xxsmall", width="stretch"):
                st.markdown(f":material/{step.icon}: &nbsp;**{plain(step.title)}**")
                st.markdown(f":gray[{plain(step.line)}]")
            if st.button(step.verb, key=f"next-{index}"):
                pressed = step
    return pressed
