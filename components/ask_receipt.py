"""How an answer came to be: the time each stage took, or when it was made if it was given again."""

import streamlit as st

from app.domain.answers import Answer
from components.ask_state import AskState
from components.formats import clock, plain, seconds
from components.session import Session

_STAGES = {
    "linking": "finding names",
    "searching": "searching",
    "ranking": "ranking",
    "facts": "following facts",
    "answering": "answering",
    "writing": "writing and checking",
}


def receipt(session: Session, state: AskState, answer: Answer) -> None:
    """An answer that was given again can be asked for anew."""
    if not answer.timings:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":small[:gray[{plain(receipt_line(answer))}]]", width="content")
        if answer.kept_at is not None and st.button(
            "Answer anew", type="tertiary", key="ask-anew", help="Search the documents again instead."
        ):
            state.start_anew(session)
            st.rerun()


def receipt_line(answer: Answer) -> str:
    """ "Time by stage: searching 0.2 s, answering 1.1 s"."""
    if answer.kept_at is not None:
        return f"Answered from the cache of {clock(answer.kept_at)} in {seconds(sum(answer.timings.values()))}"
    stages = (f"{_STAGES.get(stage, stage)} {seconds(took)}" for stage, took in answer.timings.items())
    return f"Time by stage: {' · '.join(stages)}"
