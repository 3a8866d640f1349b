"""The Graph page while there is nothing to draw."""

from app.domain.access import Permission
from components.empty_state import empty_state
from components.navigation import go_to
from components.page_header import page_header
from components.session import Session


def no_workspace() -> None:
    page_header("Graph")
    line = "Ask an administrator to add you to a workspace."
    empty_state("You are in no workspace yet", line, key="graph-workspace", icon=":material/lock:")


def no_facts(session: Session) -> None:
    page_header("Graph", "No facts yet")
    pressed = empty_state(
        "Facts appear when the first document is indexed",
        "Each is drawn as a line between two entities and opens the sentence that states it.",
        key="graph",
        primary="Add documents" if session.may(Permission.WRITE) else "",
        icon=":material/hub:",
    )
    if pressed == "primary":
        go_to("documents")
