"""The Streamlit script: who looks, what they may open, and the page itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from app.container import Services, process_services
from app.domain.access import Permission
from app.measures import drawing
from components.error_card import shows_errors
from components.identity import current_actor
from components.session import Session
from components.sidebar import Link, chosen_workspace, draw_sidebar
from components.styles import draw_styles
from pages import account, ask, audit, documents, graph, health, help, home, users, workspaces

NAME = "Dafe Graphs"
_STATIC = Path(__file__).parent / "static"
_ABOUT = f"**{NAME}** answers questions from your documents and shows where each sentence is written."


@dataclass(frozen=True, slots=True)
class Place:
    """A page, its address, and who finds it in the sidebar; services check rights themselves."""

    path: str
    title: str
    icon: str
    draw: Callable[[Session], None]
    group: str = ""
    needs: Permission | None = None
    listed: bool = True

    def open_to(self, session: Session) -> bool:
        return self.needs is None or session.may(self.needs)


PLACES = (
    Place("home", "Home", "home", home.page),
    Place("ask", "Ask", "forum", ask.page, needs=Permission.ASK),
    Place("graph", "Graph", "hub", graph.page, needs=Permission.READ),
    Place("documents", "Documents", "description", documents.page, needs=Permission.READ),
    Place("audit", "Audit log", "fact_check", audit.page, "Compliance", Permission.AUDIT),
    Place("health", "Health", "monitor_heart", health.page, "Administration", Permission.MANAGE_SYSTEM),
    Place("users", "People and roles", "group", users.page, "Administration", Permission.MANAGE_USERS),
    Place("workspaces", "Workspaces", "folder_shared", workspaces.page, "Administration", Permission.MANAGE_WORKSPACES),
    Place("account", "Account", "account_circle", account.page, listed=False),
    Place("help", "Help", "help", help.page, listed=False),
)


def main() -> None:
    st.set_page_config(
        page_title=NAME,
        page_icon=_STATIC / "favicon.png",
        layout="wide",
        initial_sidebar_state=248,
        menu_items={"About": _ABOUT},
    )
    draw_styles()
    theme = st.context.theme.type or "light"
    st.logo(_STATIC / f"logo-{theme}.svg", size="medium", icon_image=_STATIC / "mark.svg")
    with st.container(key="page", gap=20), shows_errors("page"):
        session = _open_session(process_services(), theme)
        if session.services.sessions.must_change_password(session.actor):
            account.first_password(session)
            return
        _draw_page(session)


def _open_session(services: Services, theme: str) -> Session:
    actor = current_actor(services)
    mine = tuple(one for one in services.workspaces.list(actor) if one.id in actor.memberships)
    return Session(actor, services, mine, chosen_workspace(mine), theme)


def _draw_page(session: Session) -> None:
    found = [(place, _as_page(place, session)) for place in PLACES if place.open_to(session)]
    current = st.navigation([page for _, page in found], position="hidden")
    st.set_page_config(page_title=f"{current.title} · {NAME}")
    draw_sidebar(session, _links(found))
    with drawing(current.url_path or PLACES[0].path):
        current.run()


def _as_page(place: Place, session: Session) -> Page:
    return st.Page(
        partial(place.draw, session),
        title=place.title,
        icon=f":material/{place.icon}:",
        url_path=place.path,
        default=place is PLACES[0],
    )


def _links(found: Sequence[tuple[Place, Page]]) -> list[Link]:
    return [Link(page, place.group) for place, page in found if place.listed]


if __name__ == "__main__":
    main()
