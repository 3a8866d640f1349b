"""The table of people who may sign in."""

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from app.domain.access import User
from app.domain.ids import UserId
from components.formats import moment
from components.words import ROLE, Word

ROLES, NEW_PASSWORD, DISABLE, ENABLE = "Roles", "New password", "Disable", "Enable"
ACTIVE = Word("Active", "check", "✓", "green")
INVITED = Word("Not yet in", "schedule", "○", "gray")
DISABLED = Word("Disabled", "block", "✕", "red")
_WORDS = (ACTIVE, INVITED, DISABLED)
_CLICK = "people-actions"


def people_table(users: Sequence[User], *, own_id: UserId, on_action: Callable[[str, UserId], None]) -> None:
    """`on_action` gets the words of what was chosen before the next run; nobody can disable themselves."""
    rows = [
        {
            "Name": user.name,
            "User name": user.username,
            "Status": [state_word(user).cell],
            "For the installation": ", ".join(ROLE[role] for role in sorted(user.roles)),
            "Last signed in": moment(user.last_sign_in_at) if user.last_sign_in_at else "Never",
            "Actions": [ROLES, NEW_PASSWORD, *([] if user.id == own_id else [ENABLE if user.disabled else DISABLE])],
        }
        for user in users
    ]

    def clicked() -> None:
        click = st.session_state.get(_CLICK)
        if click is not None and click.row < len(users):
            on_action(click.label, users[click.row].id)

    config = st.column_config
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content",
        row_height=34,
        key="people-table",
        alt="People with user name, status, roles for the installation and when they last signed in",
        column_config={
            "Name": config.TextColumn(width=210),
            "User name": config.TextColumn(width=150),
            "Status": config.MultiselectColumn(
                width=110, options=[one.cell for one in _WORDS], color=[one.colour for one in _WORDS]
            ),
            "For the installation": config.TextColumn(width=220),
            "Last signed in": config.TextColumn(width=140),
            "Actions": config.ButtonColumn(width=82, type="tertiary", on_click=clicked, key=_CLICK),
        },
    )


def state_word(user: User) -> Word:
    if user.disabled:
        return DISABLED
    return INVITED if user.last_sign_in_at is None else ACTIVE
