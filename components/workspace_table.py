"""The table of workspaces."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from app.domain.ids import WorkspaceId
from app.domain.workspaces import Workspace
from components.formats import day

MEMBERS, RENAME, DELETE = "Members", "Rename", "Delete"
KIND = {"clinical": "Clinical", "finance": "Finance", "general": "General"}
_CLICK = "workspaces-actions"


def workspace_table(
    workspaces: Sequence[Workspace],
    *,
    members: Mapping[WorkspaceId, int],
    on_action: Callable[[str, WorkspaceId], None],
) -> None:
    """`members` counts them, where the person may know; `on_action` gets the words of what was chosen."""
    rows = [
        {
            "Name": one.name,
            "Kind": KIND.get(one.ontology, one.ontology),
            "Members": members.get(one.id),
            "Added": day(one.created_at) if one.created_at else "",
            "Actions": [*([MEMBERS] if one.id in members else []), RENAME, DELETE],
        }
        for one in workspaces
    ]

    def clicked() -> None:
        click = st.session_state.get(_CLICK)
        if click is not None and click.row < len(workspaces):
            on_action(click.label, workspaces[click.row].id)

    config = st.column_config
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content",
        row_height=34,
        key="workspaces-table",
        alt="Workspaces with kind, number of members and when they were added",
        column_config={
            "Name": config.TextColumn(width=360),
            "Kind": config.TextColumn(width=130),
            "Members": config.NumberColumn(width=100, format="localized"),
            "Added": config.TextColumn(width=180),
            "Actions": config.ButtonColumn(width=82, type="tertiary", on_click=clicked, key=_CLICK),
        },
    )
