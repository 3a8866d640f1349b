"""The table of audit events."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from app.domain.audit import AuditEvent
from components.audit_words import DONE, action_words, details, outcome_word, where, who
from components.formats import log_moment
from components.words import OUTCOME

_COLOURS = {word.cell: word.colour for word in (*OUTCOME.values(), DONE)}


def audit_table(events: Sequence[AuditEvent], *, people: Mapping[str, str], workspaces: Mapping[str, str]) -> None:
    """Newest first, as they come. `people` and `workspaces` are names by id."""
    frame = pd.DataFrame(
        {
            "When": [log_moment(one.at) if one.at else "" for one in events],
            "Who": [who(one, people) for one in events],
            "What": [action_words(one.action) for one in events],
            "Result": [[outcome_word(one).cell] for one in events],
            "Details": [details(one, workspaces) for one in events],
            "From": [where(one) for one in events],
            "Number": [one.seq for one in events],
        }
    )
    config = st.column_config
    st.dataframe(
        frame,
        hide_index=True,
        height="content",
        row_height=34,
        alt="Audit events: when, who, what, result, details, from where, number in the log",
        column_config={
            "When": config.TextColumn(width=132),
            "Who": config.TextColumn(width=130),
            "What": config.TextColumn(width=168),
            "Result": config.MultiselectColumn(width=104, options=list(_COLOURS), color=list(_COLOURS.values())),
            "Details": config.TextColumn(width=210),
            "From": config.TextColumn(width=134),
            "Number": config.NumberColumn(width=76, help="Its place in the chain"),
        },
    )
