"""One's own earlier questions in a drawer; opening one shows the answer as it was given."""

import streamlit as st

from app.domain.answers import AskedQuestion
from components.ask_state import open_next
from components.error_card import shows_errors
from components.formats import moment, plain
from components.identity import refreshed
from components.session import Session
from components.words import MODE, answer_word

_MOST_SHOWN = 30


def open_history(session: Session) -> None:
    """Call it in the run in which the button was pressed."""

    def body() -> None:
        with shows_errors("history"):
            current = refreshed(session)
            asked = current.services.questions.history(
                current.actor, workspace_id=current.workspace_id, limit=_MOST_SHOWN
            )
            st.markdown(":gray[Your own questions in this workspace, newest first. Nobody else sees them here.]")
            if not asked:
                st.markdown("You have not asked anything here yet.")
            for question in asked:
                _row(question)

    st.dialog("History", width="small", position="right", icon=":material/history:")(body)()


def _row(question: AskedQuestion) -> None:
    with st.container(border=True, gap="xxsmall"):
        if st.button(
            plain(question.text),
            key=f"history-{question.id}",
            type="tertiary",
            help="Show this answer",
            on_click=open_next,
            args=(question.id,),
        ):
            st.rerun()
        word = answer_word(question.answer)
        st.markdown(f"{word.badge} :gray[{plain(f'{MODE[question.answer.mode]} · {moment(question.asked_at)}')}]")
