"""The row above the drawing: find an entity, filter, drawing or table, expand, clear."""

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from app.domain.documents import DocumentStatus
from app.domain.graph import Assertion, Entity
from app.domain.ids import DocumentId, EntityId
from backends.metadata.base_content import DocumentFilter
from components.entity_shapes import entity_shape
from components.formats import plain
from components.graph_state import CHOICES_OF_MOST, GraphState
from components.session import Session
from components.words import ASSERTION

View = Literal["Drawing", "Table"]
_SUGGESTIONS = 6
_LONGEST = 120
_INDEXED = DocumentFilter(statuses=frozenset({DocumentStatus.INDEXED}), limit=500)


def graph_toolbar(session: Session, state: GraphState) -> View:
    """Changes `state`; returns how the facts are to be shown."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap=15):
            text = _find(state)
            _filters(session, state)
            view = st.segmented_control(
                "Show as",
                ["Drawing", "Table"],
                default="Drawing",
                required=True,
                key=state.key("view"),
                label_visibility="collapsed",
            )
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap=15):
            entity_id = state.picked.id if state.picked.kind == "entity" else ""
            st.button(
                "Expand",
                icon=":material/add_circle:",
                type="tertiary",
                key="graph-expand",
                disabled=not entity_id or entity_id in state.centre,
                on_click=state.expand,
                args=(EntityId(entity_id),),
                help="Show the facts of the chosen entity too; a double click on it does the same.",
            )
            st.button("Clear", type="tertiary", key="graph-clear", on_click=state.clear)
    if text and text not in state.centre.values():
        _suggest(session, state, text)
    return "Table" if view == "Table" else "Drawing"


def _find(state: GraphState) -> str:
    key = state.key("find")
    st.session_state.setdefault(key, next(iter(state.centre.values()), ""))

    def changed() -> None:
        if not st.session_state[key] and state.centre:
            state.clear()

    text = st.text_input(
        "Find an entity",
        key=key,
        type="search",
        live=True,
        icon=":material/search:",
        placeholder="Find an entity",
        label_visibility="collapsed",
        width=260,
        on_change=changed,
    )
    return " ".join((text or "").split())[:_LONGEST]


def _suggest(session: Session, state: GraphState, text: str) -> None:
    found = session.services.graph.search(
        session.actor, workspace_id=session.workspace_id, text=text, limit=_SUGGESTIONS
    )
    if not found:
        st.markdown(f":gray[Nothing in these documents is called “{plain(text)}”.]")
        return
    named = {one.id: one for one in found}
    key = state.key("suggested")

    def chosen() -> None:
        entity = named.get(st.session_state[key])
        st.session_state[key] = None
        if entity is not None:
            state.centre_on(entity.id, entity.name)

    st.pills(
        "Entities of this name",
        list(named),
        format_func=lambda one: _suggestion(named[one]),
        key=key,
        on_change=chosen,
        label_visibility="collapsed",
    )


def _suggestion(entity: Entity) -> str:
    return f"{plain(entity.name)} :gray[{plain(entity_shape(entity.type).word)}]"


def _filters(session: Session, state: GraphState) -> None:
    state.read_filters()
    label = f"Filters · {state.filters}" if state.filters else "Filters"
    with st.popover(label, icon=":material/filter_list:", key="graph-filters"):
        documents = session.services.documents.list(
            session.actor, workspace_id=session.workspace_id, document_filter=_INDEXED
        )
        names = {str(one.id): one.version.name for one in documents.documents}
        state.documents = [DocumentId(one) for one in _choose(state, "documents", "Documents", names)]
        state.types = _choose(
            state, "types", "Types", {one: entity_shape(one).word for one in sorted(state.known_types)}
        )
        state.relations = _choose(state, "relations", "Relations", {one: one for one in sorted(state.known_relations)})
        stated = {one.value: statement.word.text for one, statement in ASSERTION.items()}
        state.assertions = [Assertion(one) for one in _choose(state, "assertions", "How it is stated", stated)]
        _most(state)


def _choose(state: GraphState, name: str, label: str, words: dict[str, str]) -> list[str]:
    key = state.key(name)
    chosen: Sequence[str] = st.session_state.get(key) or getattr(state, name)
    st.session_state[key] = [one for one in chosen if one in words]
    return list(
        st.multiselect(label, list(words), format_func=lambda one: words[one], key=key, placeholder="All", width=320)
    )


def _most(state: GraphState) -> None:
    key = state.key("most")
    st.session_state.setdefault(key, state.most)
    most = st.selectbox("Entities shown at most", CHOICES_OF_MOST, key=key, width=320)
    if most != state.most:
        state.most, state.places = most, {}
