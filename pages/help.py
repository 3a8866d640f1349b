"""The Help page: the guides that ship with the program."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from app.domain.access import Permission
from components.page_header import page_header
from components.session import Session

_FOLDER = Path(__file__).parent.parent / "app" / "help"


@dataclass(frozen=True, slots=True)
class Guide:
    """`needs` is one of the permissions that make a reader of this guide; none means everybody."""

    title: str
    file: str
    needs: frozenset[Permission] = frozenset()


GUIDES = (
    Guide("Using Dafe Graphs", "user.md"),
    Guide("Compliance", "compliance.md", frozenset({Permission.AUDIT})),
    Guide(
        "Administration",
        "administrator.md",
        frozenset({Permission.MANAGE_USERS, Permission.MANAGE_WORKSPACES, Permission.MANAGE_SYSTEM}),
    ),
)


def page(session: Session) -> None:
    page_header("Help", "Kept on this server, like everything else")
    guides = {one.title: one for one in GUIDES if not one.needs or any(session.may(need) for need in one.needs)}
    chosen = next(iter(guides))
    if len(guides) > 1:
        chosen = st.segmented_control(
            "Guide", list(guides), default=chosen, required=True, key="help-guide", label_visibility="collapsed"
        )
    with st.container(width=760, key="help-text"):
        st.markdown((_FOLDER / guides[chosen].file).read_text(encoding="utf-8"))
