"""The dialog that says who can see a document: everybody in the workspace, or people on a list."""

from collections import Counter

import streamlit as st

from app.domain.ids import DocumentId, UserId
from app.services.access import DocumentAccess
from components.error_card import shows_errors
from components.formats import counted
from components.identity import refreshed
from components.session import Session

EVERYBODY, LISTED = "Everyone in this workspace", "Only people on a list"
_MEANING = {
    EVERYBODY: "Whoever is or becomes a member of the workspace sees it.",
    LISTED: (
        "You are always on it. To everybody else it is as if the document did not exist: they do not find it, its"
        " facts, or answers from it. New versions keep the list."
    ),
}
_MOST_NAMED = 6


def access_dialog(session: Session, document_id: DocumentId, name: str) -> str | None:
    """What stands in the dialog; returns a sentence for the page when it was saved."""
    with shows_errors("document access"):
        current = refreshed(session)
        scope = {"workspace_id": current.workspace_id, "document_id": document_id}
        access = current.services.access.get(current.actor, **scope)  # type: ignore[arg-type]
        wanted = _choose(access, current.actor.user_id, key=f"access-{document_id}")
        if not st.button("Save", type="primary", key="access-save"):
            return None
        saved = current.services.access.set(current.actor, user_ids=wanted, **scope)  # type: ignore[arg-type]
        if saved.user_ids is None:
            return f"Everyone in this workspace sees {name}."
        others = len(saved.user_ids) - 1
        company = f" and {counted(others, 'other person', 'other people')}" if others else ""
        return f"Only you{company} see {name}."
    return None


def reader_names(access: DocumentAccess) -> str:
    """Those on the list by name, as one line."""
    if access.user_ids is None:
        return EVERYBODY
    names = [name for user_id, name in access.people.items() if user_id in access.user_ids]
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _choose(access: DocumentAccess, me: UserId, *, key: str) -> list[UserId] | None:
    options = [EVERYBODY, LISTED]
    now = EVERYBODY if access.user_ids is None else LISTED
    who = st.segmented_control("Seen by", options, default=now, required=True, key=f"{key}-who") or now
    st.markdown(f":gray[{_MEANING[who]}]")
    if who == EVERYBODY:
        return None
    others = [user_id for user_id in access.people if user_id != me]
    if not others:
        st.markdown("Nobody else is a member of this workspace.")
        return []
    named = Counter(access.people.values())

    def label(user_id: UserId) -> str:
        """Two of the same name are told apart by the end of their ids."""
        name = access.people[user_id]
        return f"{name} (…{user_id[-4:]})" if named[name] > 1 else name

    return st.multiselect(
        "Others on the list",
        others,
        default=[user_id for user_id in others if user_id in (access.user_ids or ())],
        format_func=label,
        placeholder="Choose people",
        key=f"{key}-people",
        width=400,
    )
