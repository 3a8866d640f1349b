"""The source beside the answer: which of how many, where it stands, and the way to the others."""

import streamlit as st

from app.domain.answers import Citation
from app.services.evidence import EvidenceView
from components.ask_state import AskState
from components.error_card import shows_errors
from components.evidence import place_of, show_evidence
from components.formats import number, plain
from components.identity import refreshed
from components.session import Session

_BESIDE, _WHOLE = 1000, 1600


def source_card(session: Session, state: AskState) -> None:
    citation = state.source
    if citation is None or state.answer is None:
        return
    numbers = [one.n for one in state.answer.citations]
    with st.container(border=True, key="evidence", gap=12), shows_errors("source"):
        view = evidence_of(session, citation)
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", wrap=False):
            with st.container(gap=None):
                place = numbers.index(citation.n)
                st.markdown(f"**Source {number(citation.n)} of {number(len(numbers))}**")
                st.markdown(f":gray[{plain(place_of(view))}]")
            with st.container(horizontal=True, gap="xxsmall", width="content", wrap=False):
                _step(state, numbers, place - 1, "Previous source", "chevron_left")
                _step(state, numbers, place + 1, "Next source", "chevron_right")
                if st.button("", icon=":material/open_in_full:", help="Open the page", key="source-open"):
                    open_page(session, state, citation)
        show_evidence(view, key="source", image=state.page_image(session, view, width=_BESIDE))


def evidence_of(session: Session, citation: Citation) -> EvidenceView:
    return session.services.evidence.evidence(
        session.actor, workspace_id=session.workspace_id, version_id=citation.version_id, span=citation.span
    )


def _step(state: AskState, numbers: list[int], place: int, label: str, icon: str) -> None:
    there = 0 <= place < len(numbers)
    st.button(
        "",
        icon=f":material/{icon}:",
        help=label,
        key=f"source-{icon}",
        disabled=not there,
        on_click=state.show,
        args=(numbers[place] if there else 0,),
    )


def open_page(session: Session, state: AskState, citation: Citation) -> None:
    """The whole page in a drawer."""

    def body() -> None:
        with shows_errors("page"):
            current = refreshed(session)
            view = evidence_of(current, citation)
            st.markdown(f":gray[{plain(place_of(view))}]")
            image = state.page_image(current, view, width=_WHOLE)
            show_evidence(view, key="page-in-drawer", image=image, whole=True)

    st.dialog("Source", width="medium", position="right", icon=":material/description:")(body)()
