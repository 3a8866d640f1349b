"""One sentence across the page: something is proven, slow or wrong."""

from typing import Literal

import streamlit as st

from components.formats import plain

Kind = Literal["good", "note", "warning", "bad"]
_ICONS = {
    "good": ":material/check_circle:",
    "note": ":material/info:",
    "warning": ":material/warning:",
    "bad": ":material/error:",
}


def banner(kind: Kind, title: str, line: str = "", *, icon: str = "") -> None:
    """`title` in bold, then `line`; both plain text. `icon` such as ":material/verified_user:" replaces the kind's."""
    body = f"**{plain(title)}** {plain(line)}".rstrip()
    draw = {"good": st.success, "note": st.info, "warning": st.warning, "bad": st.error}[kind]
    draw(body, icon=icon or _ICONS[kind])
