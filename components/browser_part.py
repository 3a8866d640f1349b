"""Pieces of the page that run in the browser: script and style sheet lie beside the Python that feeds them."""

from functools import lru_cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer


@lru_cache(maxsize=16)
def browser_part(name: str) -> ComponentRenderer:
    """Mounts `<name>_view.js` with `<name>_view.css` on a `<div class="part">`; read and registered at first use."""
    folder = Path(__file__).parent
    return st.components.v2.component(
        f"dafe_{name}",
        html='<div class="part"></div>',
        css=(folder / f"{name}_view.css").read_text(encoding="utf-8"),
        js=(folder / f"{name}_view.js").read_text(encoding="utf-8"),
    )
