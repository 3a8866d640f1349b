"""The same facts as a table: for people who do not use the drawing, and for reading many."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app.domain.graph import Subgraph, Triple
from components.graph_canvas import Pick
from components.graph_state import GraphState
from components.words import ASSERTION

_ROWS = 50
_OPEN = "Open"


def graph_table(state: GraphState, shown: Subgraph) -> None:
    """Fifty facts a page; Open shows one in the card."""
    pages = max(1, -(-len(shown.triples) // _ROWS))
    holder = st.container()
    page = st.pagination(pages, key=state.key("page")) if pages > 1 else 1
    facts = shown.triples[(page - 1) * _ROWS : page * _ROWS]
    key = state.key("open")

    def opened() -> None:
        click = st.session_state[key]
        if click is not None and 0 <= click["row"] < len(facts):
            state.picked = Pick("fact", facts[click["row"]].id)

    holder.dataframe(
        _frame(facts, {one.id: one.name for one in shown.entities}),
        hide_index=True,
        height="content",
        row_height=34,
        alt="The facts of the drawing: subject, relation, object, how it is stated, number of sentences",
        column_config={
            "Subject": st.column_config.TextColumn(width=150),
            "Relation": st.column_config.TextColumn(width=130),
            "Object": st.column_config.TextColumn(width=150),
            "Stated": st.column_config.MultiselectColumn(
                width=100,
                options=[one.word.cell for one in ASSERTION.values()],
                color=[one.word.colour for one in ASSERTION.values()],
            ),
            "Actions": st.column_config.ButtonColumn("Actions", width=70, type="tertiary", on_click=opened, key=key),
        },
    )


def _frame(facts: Sequence[Triple], names: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Subject": [names[one.subject_id] for one in facts],
            "Relation": [f"{ASSERTION[one.assertion].prefix}{one.relation}" for one in facts],
            "Object": [names[one.object_id] for one in facts],
            "Stated": [[ASSERTION[one.assertion].word.cell] for one in facts],
            "Actions": [[_OPEN] for _ in facts],
        }
    )
