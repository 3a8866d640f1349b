"""Where a question is written, how it is answered, and Stop while that goes on."""

import streamlit as st

from app.domain.answers import Answer, Mode
from app.services.questions import LONGEST_QUESTION
from components.ask_state import AskState, ask_next
from components.formats import plain
from components.words import MODE

_BOX = "ask-question"
_HELP = {
    Mode.AUTO: "Auto chooses one of the three and says why.",
    Mode.GRAPH: "Graph query answers with facts and how they connect.",
    Mode.RAG: "RAG searches passages by words and meaning.",
    Mode.GRAPHRAG: "GraphRAG follows the facts to the passages.",
}


def ask_box(state: AskState) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="ask-box"):
        running = state.running is not None
        st.chat_input(
            "Answering…" if running else "Ask about anything in the documents of this workspace",
            key=_BOX,
            max_chars=LONGEST_QUESTION,
            on_submit=_submitted,
            disabled=running,
        )
        if running:
            st.button(
                "Stop",
                key="ask-stop",
                icon=":material/stop_circle:",
                help="What was found so far stays on the page.",
                on_click=state.stop,
            )


def _submitted() -> None:
    text = st.session_state[_BOX]
    if text:
        ask_next(text)


def mode_row(state: AskState) -> None:
    """The mode for the next question, and why Auto took the one it took for the answer on the page."""
    with st.container(horizontal=True, vertical_alignment="center"):
        chosen = st.segmented_control(
            "How to answer",
            list(MODE),
            default=state.mode,
            required=True,
            format_func=MODE.__getitem__,
            key="ask-mode",
            label_visibility="collapsed",
            help="  \n".join(_HELP.values()),
        )
        state.mode = chosen or Mode.AUTO
        reason = reason_line(state.answer, asked=state.asked_mode)
        if reason:
            st.markdown(f":gray[{plain(reason)}]", width="content")


def reason_line(answer: Answer | None, *, asked: Mode) -> str:
    """ "Auto picked GraphRAG: the question connects two names"; empty where the person chose the mode."""
    if answer is None or asked is not Mode.AUTO:
        return ""
    return f"Auto picked {MODE[answer.mode]}: {answer.reason}"
