"""The question before something goes for good."""

from collections.abc import Callable

import streamlit as st

from components.error_card import shows_errors
from components.formats import plain


def confirm_dialog(
    title: str,
    *,
    key: str,
    verb: str,
    goes: str,
    stays: str,
    act: Callable[[str], None],
    ask_reason: bool = False,
    on_close: Callable[[], None] = lambda: None,
) -> None:
    """Open "TITLE?" with what goes, what stays, that it cannot be undone, Cancel, and a red button with `verb`.

    Call it in the run in which the button was pressed. `act` gets the reason ("" unless `ask_reason`) and the page runs
    anew after it; what it raises is shown in the dialog. `on_close` is called whichever way the dialog closes: for
    pages that keep it open while they refresh.
    """

    def body() -> None:
        with shows_errors(f"confirm {key}"):
            st.markdown(plain(goes))
            st.markdown(f":gray[{plain(stays)}]")
            st.markdown("**This cannot be undone.**")
            reason = st.text_input("Reason", key=f"{key}-reason", max_chars=200) if ask_reason else ""
            with st.container(horizontal=True, horizontal_alignment="right"):
                if st.button("Cancel", key=f"{key}-cancel"):
                    on_close()
                    st.rerun()
                missing = ask_reason and not (reason or "").strip()
                if st.button(verb, key=f"danger-{key}", disabled=missing):
                    act((reason or "").strip())
                    on_close()
                    st.rerun()

    st.dialog(plain(title), width="small", on_dismiss=on_close)(body)()
