"""What the Ask page shows before the first question: three to begin with, or the way to the first document."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from app.domain.access import Permission
from app.domain.graph import Entity
from components.ask_state import ask_next
from components.empty_state import empty_state
from components.formats import plain
from components.navigation import go_to
from components.session import Session

_EXAMPLES = 3
_LOOKED_AT = 30
_NOT_ASKED_ABOUT = frozenset({"Topic", "Date", "Number"})


def examples(session: Session) -> None:
    entities = session.services.graph.search(
        session.actor, workspace_id=session.workspace_id, text="", limit=_LOOKED_AT
    )
    questions = example_questions(entities)
    with st.container(border=True, key="ask-examples", gap=12):
        st.markdown(":material/forum: &nbsp;**Every sentence of an answer opens the place it comes from**")
        st.markdown(":gray[What the documents do not say is not answered. You can begin with one of these:]")
        for place, text in enumerate(questions):
            st.button(plain(text), key=f"example-{place}", on_click=ask_next, args=(text,))


def example_questions(entities: Sequence[Entity]) -> list[str]:
    """About what is mentioned most, one of each type before a second of any."""
    of_type: Counter[str] = Counter()
    turns = []
    for entity in entities:
        if entity.type in _NOT_ASKED_ABOUT:
            continue
        turns.append((of_type[entity.type], entity.name))
        of_type[entity.type] += 1
    turns.sort(key=lambda turn: turn[0])
    return [f"What is said about {name}?" for _turn, name in turns[:_EXAMPLES]]


def no_documents(session: Session) -> None:
    may_add = session.may(Permission.WRITE)
    pressed = empty_state(
        "There are no documents to ask yet",
        "Answers come from the documents of this workspace and from nothing else."
        + ("" if may_add else " Ask somebody who may add documents."),
        key="ask",
        primary="Add documents" if may_add else "",
        icon=":material/description:",
    )
    if pressed == "primary":
        go_to("documents")
