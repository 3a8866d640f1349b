"""What people see when the documents do not say it: where was searched, what was not found, and what came closest."""

import streamlit as st

from app.domain.access import Permission
from app.domain.answers import Answer, AnswerTriple, Citation
from components.ask_receipt import receipt
from components.ask_source import open_page
from components.ask_state import AskState
from components.banner import banner
from components.evidence import named_place
from components.formats import counted, number, plain
from components.navigation import go_to
from components.page_header import section
from components.session import Session
from components.stating import stating_data


def refusal(session: Session, state: AskState, answer: Answer) -> None:
    left, right = st.columns(2, gap=32)
    with left:
        section(state.question)
        with st.container(border=True, key="not-in-documents"):
            st.markdown(":material/search_off: &nbsp;**Not in the documents**")
            st.markdown(plain(searched_line(answer.searched_documents)))
            if answer.notice:
                banner("warning", answer.notice)
            st.markdown(f":gray[{plain(found_line(answer))}]")
            if session.may(Permission.WRITE) and st.button(
                "Add documents", type="tertiary", icon=":material/upload:", key="refused-add"
            ):
                go_to("documents")
        if answer.kept_at is not None:
            receipt(session, state, answer)
    with right:
        if answer.nearest:
            section("Closest passages")
            st.markdown(":gray[Shown so that you can judge; not used as an answer.]")
            for citation in answer.nearest:
                _closest(session, state, citation, answer.nearest_triples)


def _closest(session: Session, state: AskState, citation: Citation, facts: tuple[AnswerTriple, ...]) -> None:
    with st.container(border=True, gap="xxsmall", key=f"closest-{citation.n}"):
        st.markdown(plain(citation.quote))
        for fact in facts:
            if fact.citation == citation.n:
                relation = stating_data(fact.assertion, fact.relation)["relation"]
                st.markdown(f":gray[{plain(f'{fact.subject} — {relation} → {fact.object}')}]")
        with st.container(horizontal=True, vertical_alignment="center", wrap=False):
            st.markdown(f":gray[{plain(named_place(citation.document, citation.page))}]")
            if st.button("Open the page", type="tertiary", key=f"closest-open-{citation.n}"):
                open_page(session, state, citation)


def searched_line(searched_documents: int) -> str:
    if searched_documents == 0:
        return "No document you may open is indexed yet, so there was nothing to search. Nothing was guessed."
    if searched_documents == 1:
        return "The one document you may open does not state this. Nothing was guessed."
    return f"None of the {number(searched_documents)} documents you may open states this. Nothing was guessed."


def found_line(answer: Answer) -> str:
    """What of the question occurs in the documents and what does not."""
    if answer.unknown_entities:
        return f"Searched for: {' · '.join(f'{name} (not found)' for name in answer.unknown_entities)}"
    if answer.nearest:
        found = counted(len(answer.nearest), "passage comes", "passages come")
        return f"{found} close, but none says what is asked."
    return "No passage comes close to what is asked."
