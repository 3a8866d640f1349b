"""The answer with its sources beside it; redrawn by itself while it grows and when a source is opened."""

import streamlit as st

from app.domain.access import Permission
from app.domain.answers import Answer, Mode
from app.errors import ForbiddenError
from components.answer import show_answer, supported
from components.ask_receipt import receipt
from components.ask_refusal import refusal
from components.ask_source import source_card
from components.ask_state import AskState
from components.banner import banner
from components.error_card import error_card, shows_errors
from components.formats import counted, plain, seconds
from components.identity import refreshed
from components.page_header import section
from components.path_graph import show_path
from components.session import Session
from components.words import MODE

_EVERY_SECONDS = 0.3
_QUOTED = "Quoted side by side; no language model took part."
_FACTS = "Facts and their sources; no language model took part."


def answer_area(session: Session, state: AskState) -> None:
    """A fragment: a chip or the next step of a growing answer redraws this and nothing else."""
    drawn_running = state.running is not None

    def body() -> None:
        with shows_errors("ask"):
            state.follow()
            if drawn_running and state.running is None:
                st.rerun()
            current = refreshed(session)
            if not current.may(Permission.ASK):
                state.forget()
                raise ForbiddenError("You may not ask in this workspace any more: ask its administrator for access.")
            _draw(current, state)

    st.fragment(body, run_every=_EVERY_SECONDS if drawn_running else None)()


def _draw(session: Session, state: AskState) -> None:
    answer = state.answer
    if state.error is not None:
        section(state.question)
        error_card(state.error.message, title="The question was not answered")
    elif answer is not None and answer.refused:
        refusal(session, state, answer)
    else:
        left, right = st.columns(2, gap=32)
        with left:
            _answer_column(session, state, answer)
        with right:
            if answer is not None and answer.citations:
                source_card(session, state)
            elif state.running is not None:
                st.skeleton(height=400)


def _answer_column(session: Session, state: AskState, answer: Answer | None) -> None:
    section(state.question)
    if answer is None or not (answer.sentences or answer.quoted or answer.finished or state.stopped):
        _waiting(state)
        return
    _meta_row(state, answer)
    if answer.notice:
        banner("warning", answer.notice)
    st.markdown(f":gray[{plain(band_line(answer))}]")
    show_answer(answer, key="answer", shown=state.shown, on_open=state.show, stopped=state.stopped)
    if answer.triples and (answer.finished or state.stopped):
        section("How the facts connect")
        show_path(answer.triples, key="path")
    receipt(session, state, answer)


def _waiting(state: AskState) -> None:
    if state.stopped:
        st.badge("Stopped", icon=":material/stop_circle:", color="gray")
        st.markdown(":gray[Stopped before anything was found. Ask again when you like.]")
        return
    st.badge("Searching the documents", icon=":material/sync:", color="blue")
    st.skeleton(height=160)


def _meta_row(state: AskState, answer: Answer) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if state.stopped:
            st.badge("Stopped", icon=":material/stop_circle:", color="gray", help="What was found by then is shown.")
        elif not answer.finished:
            st.badge("Answering", icon=":material/sync:", color="blue")
        else:
            good, of = supported(answer)
            st.badge(
                f"{good} of {counted(of, 'fact' if answer.mode is Mode.GRAPH else 'sentence')} supported",
                icon=":material/check_circle:" if good else ":material/warning:",
                color="green" if good else "orange",
            )
        st.markdown(f":gray[{plain(meta_line(answer))}]", width="content")


def meta_line(answer: Answer) -> str:
    """ "GraphRAG · 7 sources · 3.2 s"."""
    parts = [MODE[answer.mode], counted(len(answer.citations), "source")]
    if answer.timings:
        parts.append(seconds(sum(answer.timings.values())))
    return " · ".join(parts)


def band_line(answer: Answer) -> str:
    """Who answered: a model, or nobody but the documents."""
    if answer.model:
        return f"Written by {answer.model}; every sentence was checked against its sources."
    return _FACTS if answer.mode is Mode.GRAPH else _QUOTED
