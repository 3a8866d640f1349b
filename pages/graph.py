"""The Graph page: find an entity, expand it, open a fact's quote."""

import streamlit as st

from app.domain.access import Permission
from app.domain.graph import GraphCounts
from app.domain.ids import EntityId
from app.services.graph import GraphView
from components.empty_state import empty_state
from components.error_card import shows_errors
from components.fact_card import side_card
from components.formats import number
from components.graph_canvas import graph_canvas
from components.graph_drawing import drawing_data, place
from components.graph_empty import no_facts, no_workspace
from components.graph_export import graph_export
from components.graph_state import GraphState, graph_state
from components.graph_table import graph_table
from components.graph_toolbar import graph_toolbar
from components.identity import refreshed
from components.page_header import page_header
from components.session import Session

_LONGEST_LINE = 48


def page(session: Session) -> None:
    if session.workspace is None or not session.may(Permission.READ):
        no_workspace()
        return
    counts = session.services.graph.counts(session.actor, workspace_id=session.workspace_id)
    if counts.triples == 0:
        no_facts(session)
        return
    _explore(session, counts)


@st.fragment
def _explore(session: Session, counts: GraphCounts) -> None:
    """A click draws this anew and not the whole page."""
    with st.container(gap=20), shows_errors("graph"):
        session = refreshed(session)
        state = graph_state(session.workspace_id)
        header = st.container()
        how = graph_toolbar(session, state)
        view = _read(session, state)
        with header, page_header("Graph", _line(state, view, counts)):
            graph_export(session)
        left, right = st.columns([2, 1], gap=16)
        with left:
            _show(state, view, how)
        with right:
            side_card(session, state, view.subgraph)


def _read(session: Session, state: GraphState) -> GraphView:
    view = session.services.graph.neighbourhood(
        session.actor,
        workspace_id=session.workspace_id,
        entity_ids=list(state.centre),
        document_ids=state.documents,
        relations=state.relations,
        types=state.types,
        assertions=state.assertions,
        limit=state.most * max(1, len(state.centre)),
    )
    state.remember(view.subgraph.entities, view.relations, view.types)
    return view


def _show(state: GraphState, view: GraphView, how: str) -> None:
    shown = view.subgraph
    if not shown.triples:
        empty_state(
            "No fact fits", "Take a filter away, or choose Clear.", key="graph-none", icon=":material/search_off:"
        )
        return
    if how == "Table":
        graph_table(state, shown)
    else:
        if not {one.id for one in shown.entities} <= state.places.keys():
            state.places |= place(shown, fixed=state.places)
        data = drawing_data(
            shown,
            places=state.places,
            centre=state.centre,
            picked=state.picked.id,
            around=_around(state),
            note=_note(view),
        )
        graph_canvas(
            data,
            key=state.key("canvas"),
            on_pick=lambda pick: setattr(state, "picked", pick),
            on_expand=lambda one: state.expand(EntityId(one)),
        )


def _note(view: GraphView) -> str:
    if not view.sampled:
        return ""
    return f"{number(view.entities_in_all)} entities fit; those with the best supported facts are drawn."


def _line(state: GraphState, view: GraphView, counts: GraphCounts) -> str:
    shown = f"{number(len(view.subgraph.entities))} of {number(counts.entities)} entities shown"
    around = _around(state)
    return shown + (around if len(shown + around) <= _LONGEST_LINE else around[: _LONGEST_LINE - len(shown) - 1] + "…")


def _around(state: GraphState) -> str:
    names = list(state.centre.values())
    if not names:
        return ""
    return f", around {names[0]}" if len(names) == 1 else f", around {number(len(names))} entities"
