"""Pages run by Streamlit's AppTest over real services in a temporary data folder."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from app.container import OPERATOR, Services, process_services
from app.domain.access import Actor, Role
from app.domain.jobs import JobState
from app.domain.workspaces import Workspace
from app.settings import process_settings
from components.identity import SESSION_HEADER

MAIN = Path(__file__).parents[2] / "app" / "main.py"
PASSWORD = "Correct-horse-battery-9"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in: `session_id` is what the gate would write into the handshake."""

    actor: Actor
    username: str
    session_id: str
    first_password: str
    """The one that was generated; PASSWORD took its place, unless it must still be changed."""


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The services that app.main finds: real ones, the embedder hashing."""
    monkeypatch.setenv("DAFE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DAFE_EMBEDDINGS__KIND", "hashing")
    process_settings.cache_clear()
    process_services.cache_clear()
    opened = process_services()
    yield opened
    opened.close()
    process_services.cache_clear()
    process_settings.cache_clear()


@pytest.fixture
def workspace(services: Services) -> Workspace:
    return services.workspaces.add(OPERATOR, name="Northfield Cardiology", ontology="clinical")


@pytest.fixture
def sign_in(services: Services) -> Callable[..., Person]:
    """sign_in("ilse", workspace=…, role=…, roles=…): add a person, give roles, open a session."""

    def add(
        username: str,
        *,
        name: str = "",
        workspace: Workspace | None = None,
        role: Role = Role.CLINICIAN,
        roles: tuple[Role, ...] = (),
        must_change_password: bool = False,
    ) -> Person:
        first = services.users.add(OPERATOR, username=username, name=name or username.title(), roles=roles)
        if workspace is not None:
            services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=first.user.id, role=role)
        signed = services.sessions.sign_in(
            username=username, password=first.password, address="127.0.0.1", agent="tests"
        )
        actor = services.sessions.actor_for_session(signed.session.id)
        if not must_change_password:
            services.users.change_own_password(actor, old=first.password, new=PASSWORD)
        return Person(actor, username, signed.session.id, first.password)

    return add


@pytest.fixture
def clinician(sign_in: Callable[..., Person], workspace: Workspace) -> Person:
    return sign_in("ilse", name="Dr Ilse Marrow", workspace=workspace)


@pytest.fixture
def open_page(services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """open_page("documents", person, add="1"): app.main as the browser would get it at that address, run once.

    AppTest has no handshake, so its headers and address are given here, at Streamlit's edge; nothing of ours is
    replaced.
    """
    headers: dict[str, str] = {}
    monkeypatch.setattr(type(st.context), "headers", property(lambda _self: headers))
    monkeypatch.setattr(type(st.context), "ip_address", property(lambda _self: "127.0.0.1"))

    def open_at(path: str = "", person: Person | None = None, **query: str) -> AppTest:
        headers.clear()
        if person is not None:
            headers[SESSION_HEADER] = person.session_id
        page = AppTest.from_file(str(MAIN), default_timeout=30)
        page._page_hash = calc_hash(path) if path else ""  # its switch_page knows pages by file, ours are functions
        for name, value in query.items():
            page.query_params[name] = value
        return page.run()

    return open_at


@pytest.fixture
def index_everything(services: Services) -> Callable[[], None]:
    """Run a worker in a thread until no job is left."""

    def run() -> None:
        stop = Event()
        indexing = services.make_indexing()
        thread = Thread(target=indexing.serve, kwargs={"stop": stop}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 120
        open_states = (JobState.WAITING, JobState.RUNNING, JobState.STOPPING)
        while time.monotonic() < deadline:
            spaces = services.workspaces.list(OPERATOR)
            if not any(services.jobs.list(OPERATOR, workspace_id=one.id, states=open_states) for one in spaces):
                break
            time.sleep(0.1)
        stop.set()
        thread.join(timeout=30)

    return run
