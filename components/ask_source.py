"""The source beside the answer: which of how many, where it stands, and the way to the others."""

from dataclasses import replace

import streamlit as st

from app.domain.answers import Citation
from app.services.evidence import EvidenceView
from components.ask_state import AskState
from components.error_card import shows_errors
from components.evidence import Turn, place_of, show_evidence
from components.formats import plain
from components.identity import refreshed
from components.session import Session

_BESIDE, _WHOLE = 1000, 1600
"""Widths of page images, px."""
_MOST_TEXT = 20_000


def source_card(session: Session, state: AskState) -> None:
    citation = state.source
    if citation is None or state.answer is None:
        return
    with st.container(border=True, key="evidence"), shows_errors("source"):
        view = _beside(session, state, citation)
        image = state.page_image(session, view, width=_BESIDE)
        turn = turn_of(citation.n, [one.n for one in state.answer.citations])
        if show_evidence(view, key="source", image=image, turn=turn, on_step=state.show):
            open_page(session, state, citation)


def _beside(session: Session, state: AskState, citation: Citation) -> EvidenceView:
    """Asked of the service at every redraw, so that a deleted source goes; while the answer grows, once a source."""
    place = (citation.version_id, citation.span)
    if state.running is None or state.view is None or (state.view.version_id, state.view.span) != place:
        state.view = evidence_of(session, citation)
    return state.view


def turn_of(shown: int, numbers: list[int]) -> Turn:
    place = numbers.index(shown)
    return Turn(
        f"Source {place + 1} of {len(numbers)}",
        numbers[place - 1] if place else None,
        numbers[place + 1] if place + 1 < len(numbers) else None,
    )


def evidence_of(session: Session, citation: Citation) -> EvidenceView:
    return session.services.evidence.evidence(
        session.actor, workspace_id=session.workspace_id, version_id=citation.version_id, span=citation.span
    )


def whole_page(session: Session, view: EvidenceView) -> EvidenceView:
    """The quote amid its whole page, as far as a page of text is not endless."""
    page = session.services.evidence.page_text(
        session.actor, workspace_id=session.workspace_id, version_id=view.version_id, page=view.page
    )
    start, end = view.span.start - page.start, view.span.end - page.start
    return replace(view, before=page.text[max(0, start - _MOST_TEXT) : start], after=page.text[end : end + _MOST_TEXT])


def open_page(session: Session, state: AskState, citation: Citation) -> None:
    """The whole page in a drawer."""

    def body() -> None:
        with shows_errors("page"):
            current = refreshed(session)
            view = evidence_of(current, citation)
            st.markdown(f":gray[{plain(place_of(view))}]")
            image = state.page_image(current, view, width=_WHOLE)
            show_evidence(view if image else whole_page(current, view), key="page-in-drawer", image=image)

    st.dialog("Source", width="medium", position="right", icon=":material/description:")(body)()
