"""One journey through a running installation, full of canaries and failures; writes down what anybody was shown.

python -m tests.security.journey FOLDER [--isolated] [--browser] [--profile workstation]

FOLDER afterwards holds journey.json, `log` with every line of `dafe up` and its children, and the data folder.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import sqlalchemy as sa

from app.container import OPERATOR, Services, open_services
from app.domain.access import Role
from app.domain.ids import WorkspaceId
from app.security.keys import load_keys
from app.services.documents import Upload
from app.settings import Settings, load_settings
from backends.sql.engine import Database
from backends.sql.tables_derived import queue
from tests.security.canaries import DISPLAY_NAME, FILE, LETTER, PASSWORD, PERSON, QUESTION, USERNAME, WORKSPACE
from tests.security.journey_rest import RestClient, fail_at_it, knock_at_the_gate, use_it
from tests.security.tracing import listening_sockets, raise_loopback

ROOT = Path(__file__).parents[2]
_READY_SECONDS = 240.0
_ROLES = (Role.ADMINISTRATOR, Role.COMPLIANCE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--isolated", action="store_true", help="this process has a network of its own")
    parser.add_argument("--browser", action="store_true")
    parser.add_argument("--profile", default="embedded")
    options = parser.parse_args()
    if options.isolated:
        raise_loopback()
    os.environ |= {"DAFE_DATA_DIR": str(options.folder / "data"), "DAFE_PROFILE": options.profile}
    os.environ |= {"DAFE_LLM__KIND": "none", "DAFE_SAMPLES": "false", "DAFE_PORT": str(_free_port())}
    settings = load_settings()
    seen = travel(settings, options.folder, browser=options.browser, isolated=options.isolated)
    (options.folder / "journey.json").write_text(json.dumps(seen), encoding="utf-8")


def travel(settings: Settings, folder: Path, *, browser: bool, isolated: bool) -> dict[str, Any]:
    workspace_id, payloads = _prepare(settings)
    client = RestClient(settings.port, workspace_id)
    seen: dict[str, Any] = {"payloads": payloads, "sockets": [], "urls": [], "console": [], "cards": []}
    with running(folder / "log"), _sockets(seen) if isolated else _nothing():
        use_it(client)
        if browser:
            from tests.security.journey_pages import visit_pages

            seen |= visit_pages(settings.port, folder, break_inside=lambda: _broken_table(settings))
        fail_at_it(client)
        knock_at_the_gate(client)
        seen["failures"] = _fail_inside(settings, client)
    return seen | {"errors": client.errors, "succeeded": client.succeeded} | _left(settings, workspace_id)


@contextmanager
def running(log: Path) -> Iterator[None]:
    """`dafe up` from when it is ready until it has ended by Ctrl-C."""
    with log.open("wb") as output:
        command = [Path(sys.executable).with_name("dafe"), "up"]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT)
        try:
            until = time.monotonic() + _READY_SECONDS
            while "Stop with Ctrl-C" not in log.read_text():
                assert process.poll() is None and time.monotonic() < until, log.read_text()
                time.sleep(0.1)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=90)
    assert code == 0, log.read_text()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _prepare(settings: Settings) -> tuple[WorkspaceId, list[str]]:
    """A person and a workspace named by canaries, and a file queued before a worker runs: what does the queue hold?"""
    services = open_services(settings)
    try:
        workspace = services.workspaces.add(OPERATOR, name=WORKSPACE, ontology="clinical")
        added = services.users.add(OPERATOR, username=USERNAME, name=DISPLAY_NAME, roles=_ROLES)
        signed = services.sessions.sign_in(username=USERNAME, password=added.password, address="127.0.0.1", agent="")
        actor = services.sessions.actor_for(signed.token, address="127.0.0.1")
        services.users.change_own_password(actor, old=added.password, new=PASSWORD)
        member = {"workspace_id": workspace.id, "user_id": added.user.id, "role": Role.CLINICIAN}
        services.workspaces.set_member(OPERATOR, **member)
        first = Upload(f"{FILE}-first.txt", f"Queued.\n\n{LETTER}".encode())
        services.documents.upload(services.sessions.actor_for(signed.token, address=""), **_files(workspace.id, first))
    finally:
        services.close()
    with _database(settings) as database, database.read() as connection:
        return workspace.id, [bytes(body).decode() for body in connection.execute(sa.select(queue.c.body)).scalars()]


def _files(workspace_id: WorkspaceId, *files: Upload) -> dict[str, Any]:
    return {"workspace_id": workspace_id, "files": files}


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    keys = load_keys(settings.key_path, may_create=False)
    database = Database(settings.data_dir / "dafe.db", key=keys.database)
    try:
        yield database
    finally:
        database.close()


def _change(settings: Settings, *statements: str) -> None:
    with _database(settings) as database, database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@contextmanager
def _broken_table(settings: Settings) -> Iterator[None]:
    """A value that nothing can read, so that the error quotes it."""
    _change(settings, f"UPDATE questions SET mode = '{PERSON}'")
    yield
    _change(settings, "UPDATE questions SET mode = 'rag'")


def _fail_inside(settings: Settings, client: RestClient) -> list[dict[str, Any]]:
    """The answers while a table is away, a value is unreadable, stored files are damaged, the audit log cannot be
    written and the database is locked."""
    question = {"json": {"text": f"Has {PERSON} a {QUESTION}?", "mode": "rag"}}
    failed = len(client.errors)
    _change(settings, "ALTER TABLE questions RENAME TO questions_away")
    client.inside("POST", "/questions", **question)
    streamed = client.inside("POST", "/questions", **question, headers={"accept": "text/event-stream"})
    _change(settings, "ALTER TABLE questions_away RENAME TO questions")
    with _broken_table(settings):
        client.inside("GET", "/questions")
    for path in settings.data_dir.glob("files/**/*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-8])
    for document in client.documents():
        client.inside("POST", f"/documents/{document['id']}/retry")
    client.wait_until_worked_off()
    lock = settings.data_dir / "audit.lock"
    lock.unlink()
    lock.mkdir()
    client.inside("GET", "/documents")
    client.send(
        "POST",
        "/session/sign-in",
        folder="",
        data={"username": "somebody", "password": PASSWORD},
        headers={"origin": f"http://127.0.0.1:{client.port}"},
    )
    lock.rmdir()
    with _database(settings) as database, database.write():
        client.inside("POST", "/documents", files={"files": (f"{FILE}-locked.txt", f"Locked.\n\n{LETTER}")})
    answers = [one for one in client.errors[failed:] if one["status"] >= 500]
    return [*answers, {"request": "POST …/questions as a stream", "status": 200, "body": streamed.text}]


def _left(settings: Settings, workspace_id: WorkspaceId) -> dict[str, Any]:
    services = open_services(settings)
    try:
        jobs = services.jobs.list(OPERATOR, workspace_id=workspace_id, limit=1_000)
        return {
            "events": [repr(event) for event in _events(services)],
            "job_errors": [job.error for job in jobs if job.error],
            "job_kinds": sorted({job.kind.value for job in jobs}),
        }
    finally:
        services.close()


def _events(services: Services) -> Iterator[object]:
    page, most = 1, 500
    while events := services.audit.list(OPERATOR, page=page, page_size=most).events:
        yield from events
        page += 1


@contextmanager
def _sockets(seen: dict[str, Any]) -> Iterator[None]:
    """Look at what listens, again and again."""
    found: set[tuple[str, str, int]] = set()
    stop = Event()

    def look() -> None:
        while not stop.wait(0.5):
            found.update(listening_sockets())

    thread = Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        seen["sockets"] = sorted(found)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


if __name__ == "__main__":
    main()
