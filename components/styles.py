"""The whole style sheet; everything else is the theme and Streamlit's own elements."""

import streamlit as st

CSS = """
.stMainBlockContainer { padding-left: 2.5rem; padding-right: 2.5rem }
.st-key-page { max-width: 1400px }
.st-key-pagetitle h1, .st-key-page h2 { padding-top: 0 }
[class*="st-key-danger-"] button { background: #b93a38; border-color: #b93a38; color: #fff }
[class*="st-key-danger-"] button:hover { background: #9d2c2b; border-color: #9d2c2b; color: #fff }
:is([data-testid="stTextInputRootElement"], .stChatInput > div, .react-aria-ComboBox > div):not(:focus-within) {
  border-color: #7b8993 }
.stButtonGroup button[data-selected="true"][data-variant]:not([data-disabled]) { color: inherit }
.stApp :is(a, button, [role="tab"]):focus-visible { outline: 2px solid #2b8aa1; outline-offset: 2px }
[data-testid="stLayoutWrapper"]:has(> .st-key-evidence) { position: sticky; top: 4rem }
.st-key-sidenav a { min-height: 28px }
.st-key-sidefoot button { justify-content: flex-start }
.st-key-sidefoot button:is(:hover, :active, [aria-expanded="true"]) { color: inherit }
"""


def draw_styles() -> None:
    """Called once by app.main, before anything else is drawn."""
    st.html(f"<style>{CSS}</style>")
