"""An installation moved to PostgreSQL, Neo4j, Redis and a Qdrant server and back: whole, or not at all."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from app.container import OPERATOR, Services
from app.domain.access import Role
from app.domain.answers import Mode
from app.domain.documents import DocumentStatus
from app.domain.ids import UserId, WorkspaceId
from app.errors import ConfigurationError, ConflictError, IntegrityError
from app.migrating.moving import Moving, opened_moving
from app.migrating.sides import settings_of_both
from app.services.documents import SameName
from app.settings import Profile
from backends.metadata.base_content import DocumentFilter
from backends.sql.engine import Database
from tests.api.conftest import PASSWORD, add_person
from tests.security.running import ROOT, running
from tests.servers.clusters import Chosen, variables
from tests.servers.days import QUESTION, services_of
from tests.servers.real_postgres import RealPostgres
from tests.servers.requiring import require
from tests.services.letters import ASPIRIN, REPLACED, WARFARIN, add, status_of, upload
from tests.working import work_off

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.model, pytest.mark.timeout(600)]
SAMPLES = ROOT / "app" / "samples" / "hospital"
FILES = ("discharge_letter_carrick_2026-06-16.docx", "lab_results_2026-06.csv", "formulary_metformin_contrast.html")
EMBEDDED, CLUSTER = Profile.EMBEDDED, Profile.CLUSTER


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "data"
    make(folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A data folder of its own, of the embedded profile."""
    return Path(shutil.copytree(made, tmp_path / "data"))


def make(folder: Path) -> None:
    """People, two workspaces, samples, a document kept to one person, a second version, and one that waits."""
    with closing(services_of(folder)) as services:
        ann, bob = (UserId(add_person(services, name, roles=(Role.ADMINISTRATOR,))) for name in ("ann", "bob"))
        spaces = [services.workspaces.add(OPERATOR, name=name, ontology="clinical").id for name in ("Heart", "Straße")]
        for workspace_id in spaces:
            for user_id in (ann, bob):
                services.workspaces.set_member(
                    OPERATOR, workspace_id=workspace_id, user_id=user_id, role=Role.CLINICIAN
                )
        kept = add(services, spaces[0], "kept.txt", ASPIRIN)
        add(services, spaces[0], "letter.txt", WARFARIN)
        for name in FILES:
            add(services, spaces[1], name, (SAMPLES / name).read_bytes())
        work_off(services)
        services.access.set(actor(services, "ann"), workspace_id=spaces[0], document_id=kept.id, user_ids=[ann])
        upload(services, spaces[0], "letter.txt", REPLACED, same_name=SameName.NEW_VERSION)
        work_off(services)
        list(services.questions.ask(actor(services, "ann"), workspace_id=spaces[0], text=QUESTION))
        add(services, spaces[1], "waiting.txt", WARFARIN)


def actor(services: Services, username: str) -> Any:
    signed_in = services.sessions.sign_in(username=username, password=PASSWORD, address="127.0.0.1", agent="")
    return services.sessions.actor_for(signed_in.token, address="127.0.0.1")


def seen(services: Services) -> list[object]:
    """What people see in all workspaces, with its ids: who signs in, documents, facts, answers, history, jobs."""
    told: list[object] = []
    for username in ("ann", "bob"):
        person = actor(services, username)
        told += [person.user_id, person.roles, person.memberships]
        for workspace in (one for one in services.workspaces.list(person) if one.id in person.memberships):
            here: dict[str, Any] = {"workspace_id": workspace.id}
            told += [workspace, *listed(services, person, workspace.id)]
            told += [(one.user.id, one.user.username, one.role) for one in services.workspaces.members(person, **here)]
            told += [services.graph.export(person, **here, format=name) for name in ("csv", "jsonld")]
            told += [services.graph.search(person, **here, text="warfarin"), services.jobs.list(person, **here)]
            told += services.questions.history(person, **here)
    for workspace in services.workspaces.list(OPERATOR):
        for mode in (Mode.GRAPH, Mode.RAG, Mode.GRAPHRAG):
            *_, answer = services.questions.ask(OPERATOR, workspace_id=workspace.id, text=QUESTION, mode=mode)
            told += [answer.mode, answer.sentences, answer.citations, answer.triples]
    return told


def listed(services: Services, person: Any, workspace_id: WorkspaceId) -> list[Any]:
    found = services.documents.list(person, workspace_id=workspace_id, document_filter=DocumentFilter())
    return list(found.documents)


def migrate(folder: Path, cluster: Chosen, *options: str) -> "subprocess.Popen[str]":
    given = {"DATA_DIR": str(folder), "EMBEDDINGS__KIND": "hashing", "LLM__KIND": "none", **variables(cluster)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DAFE_")}
    environment |= {f"DAFE_{name}": value for name, value in given.items()}
    command = [str(Path(sys.executable).with_name("dafe")), "migrate", *options, "--json"]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )


def migrated(folder: Path, cluster: Chosen, *options: str) -> dict[str, Any]:
    process = migrate(folder, cluster, *options)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    found: dict[str, Any] = json.loads(output)
    return found


THERE, BACK = ("--from", "embedded", "--to", "cluster"), ("--from", "cluster", "--to", "embedded")


def open_embedded(folder: Path) -> Services:
    return services_of(folder)


def open_cluster(folder: Path, cluster: Chosen) -> Services:
    return services_of(folder, profile="cluster", **cluster)


def test_it_is_moved_there_and_back_with_everything_in_it(cluster: Chosen, folder: Path) -> None:
    with closing(open_embedded(folder)) as services:
        before = seen(services)
    moved = migrated(folder, cluster, *THERE)
    expected = {"users": 2, "workspaces": 2, "documents": 6, "questions": 7, "access_lists": 1, "memberships": 4}
    assert moved["counts"].items() >= expected.items()
    assert all(moved["counts"][kind] > 0 for kind in ("passages", "entities", "mentions", "triples", "evidence"))
    assert moved["counts"]["vectors"] == moved["counts"]["passages"]
    assert migrated(folder, cluster, *THERE)["moved_before"]
    with pytest.raises(ConfigurationError, match="belongs to another database"):
        open_embedded(folder)
    with closing(open_cluster(folder, cluster)) as services:
        assert seen(services) == before
        assert services.audit.verify(OPERATOR).ok
        events = services.audit.list(OPERATOR, actions=("installation.migrate",)).events
        assert [event.outcome for event in events] == ["done", "intent"]
        assert events[0].details.items() >= {"from": "embedded", "to": "cluster", **moved["counts"]}.items()
        (waiting,) = [one for one in all_documents(services) if one.name == "waiting.txt"]
        work_off(services)
        assert status_of(services, waiting) is DocumentStatus.INDEXED
        gone = next(one for one in all_documents(services) if one.name == FILES[1])
        services.documents.delete(OPERATOR, workspace_id=gone.workspace_id, document_id=gone.id)
        space = services.workspaces.add(OPERATOR, name="New", ontology="general").id
        add(services, space, "new.txt", WARFARIN)
        work_off(services)
        before = seen(services)
    moved_back = migrated(folder, cluster, *BACK)
    assert (moved_back["counts"]["workspaces"], moved_back["counts"]["documents"]) == (3, 6)
    with closing(open_embedded(folder)) as services:
        assert seen(services) == before
        assert FILES[1] not in {one.name for one in all_documents(services)}


def all_documents(services: Services) -> list[Any]:
    spaces = services.workspaces.list(OPERATOR)
    return [one for space in spaces for one in listed(services, OPERATOR, space.id)]


@pytest.mark.parametrize("after", [1, 5, 12])
def test_a_run_that_is_killed_is_done_again_and_completes(cluster: Chosen, folder: Path, after: int) -> None:
    """`after` so many lines of progress; of eight while copying and eight while comparing."""
    process = migrate(folder, cluster, *THERE)
    assert process.stderr is not None
    for _ in range(after):
        assert process.stderr.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    with closing(open_embedded(folder)) as services:  # In use again, and changed.
        gone = next(one for one in all_documents(services) if one.name == FILES[0])
        services.documents.delete(OPERATOR, workspace_id=gone.workspace_id, document_id=gone.id)
        upload(services, gone.workspace_id, FILES[1], REPLACED, same_name=SameName.NEW_VERSION)
        work_off(services)
        before = seen(services)
    migrated(folder, cluster, *THERE)
    with closing(open_cluster(folder, cluster)) as services:
        assert seen(services) == before


Change = Callable[[Moving, RealPostgres, str], None]


def change_name(_moving: Moving, postgres: RealPostgres, database: str) -> None:
    postgres.execute("UPDATE users SET name = 'Somebody else' WHERE username = 'ann'", database=database)


def lose_reader(_moving: Moving, postgres: RealPostgres, database: str) -> None:
    postgres.execute("DELETE FROM access_readers", database=database)


def change_word(_moving: Moving, postgres: RealPostgres, database: str) -> None:
    one = "SELECT chunk_number, stem FROM chunk_stems LIMIT 1"
    postgres.execute(
        f"UPDATE chunk_stems SET count = count + 1 WHERE (chunk_number, stem) = ({one})", database=database
    )


def turn_vector(moving: Moving, _postgres: RealPostgres, _database: str) -> None:
    stores = moving.target
    place = place_of(moving)
    ids, rows = stores.vectors.get([place[2]], workspace_id=place[0], permitted=frozenset({place[1]}))
    turned = np.roll(rows, 1, axis=1)
    stores.vectors.upsert(ids, turned, workspace_id=place[0], version_id=place[1])


def lose_facts(moving: Moving, _postgres: RealPostgres, _database: str) -> None:
    workspace_id, version_id, _ = place_of(moving)
    moving.target.graph.delete_versions([version_id], workspace_id=workspace_id)


def place_of(moving: Moving) -> Any:
    metadata = moving.target.metadata
    for workspace in metadata.workspaces.find():
        for version_id in metadata.documents.find_visible(workspace_id=workspace.id, reader=None):
            for chunk in metadata.chunks.find(version_id, workspace_id=workspace.id):
                return workspace.id, version_id, chunk.id
    raise LookupError


CHANGES = {
    "users": change_name,
    "access readers": lose_reader,
    "passages": change_word,
    "vectors": turn_vector,
    "facts": lose_facts,
}


def test_a_copy_that_differs_is_found_before_anything_is_switched(
    cluster: Chosen, folder: Path, postgres: RealPostgres
) -> None:
    for what, change in CHANGES.items():
        with opened_moving(*both(folder, cluster)) as moving:
            spoil = partial(spoiled, moving, change, postgres, cluster["metadata"]["database"])
            with pytest.raises(IntegrityError, match=f"differs from the original in its {what}: nothing was switched"):
                moving.move(OPERATOR, spoil)
            with pytest.raises(ConflictError, match="is being moved"):
                open_embedded(folder)
    with pytest.raises(ConfigurationError, match="has one already"):
        open_cluster(folder, cluster)
    with closing(open_embedded(folder)) as services:
        before = seen(services)
    migrated(folder, cluster, *THERE)
    with closing(open_cluster(folder, cluster)) as services:
        assert seen(services) == before


def spoiled(
    moving: Moving, change: Change, postgres: RealPostgres, database: str, stage: str, done: int, _total: int
) -> None:
    """When all is copied and nothing compared yet."""
    if (stage, done) == ("check", 0):
        change(moving, postgres, database)


def both(folder: Path, cluster: Chosen) -> Any:
    given = {**cluster, "embeddings": {"kind": "hashing"}, "llm": {"kind": "none"}}
    return settings_of_both(EMBEDDED, CLUSTER, data_dir=folder, **given)


def test_nothing_is_moved_while_the_program_runs(cluster: Chosen, tmp_path: Path) -> None:
    with running(tmp_path, lambda services: add_person(services, "ann") and None):
        process = migrate(tmp_path / "data", cluster, *THERE)
        _, said = process.communicate(timeout=60)
        sentence = "A process of Dafe Graphs is running with this data folder: stop it first.\n"
        assert (process.returncode, said) == (1, sentence)
    migrated(tmp_path / "data", cluster, *THERE)


def test_a_database_that_holds_another_installation_is_refused(cluster: Chosen, folder: Path, tmp_path: Path) -> None:
    """Not even one of the same key: a copy of the data folder that lives its own life."""
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    migrated(folder, cluster, *THERE)
    process = migrate(other, cluster, *THERE)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, "name an empty database" in said) == (1, True)
    with closing(open_embedded(other)) as services:
        assert seen(services)


def test_what_the_old_stores_hold_is_deleted_when_that_is_asked_for_after_the_move(
    cluster: Chosen, folder: Path
) -> None:
    early = migrate(folder, cluster, *THERE, "--remove-source")
    _, said = early.communicate(timeout=60)
    assert (early.returncode, said) == (
        1,
        "The installation was not moved yet: move it first, without --remove-source.\n",
    )
    migrated(folder, cluster, *THERE)
    with closing(open_cluster(folder, cluster)) as services:
        before = seen(services)
        key = services.keys.database
    held = rows_of(folder, key)
    assert held["vectors"] > 0 and held["mentions"] > 0 and held["chunk_stems"] > 0
    assert migrated(folder, cluster, *THERE, "--remove-source") == {"removed": {"workspaces": 2}}
    left = {name: number for name, number in rows_of(folder, key).items() if number}
    assert left.keys() <= {"alembic_version", "queue", "queue_turns", "queue_workers", "vector_removals"}
    with closing(open_cluster(folder, cluster)) as services:
        assert seen(services) == before
    migrated(folder, cluster, *BACK)
    assert migrated(folder, cluster, *BACK, "--remove-source") == {"removed": {"workspaces": 2}}
    with closing(open_embedded(folder)) as services:
        assert seen(services) == before


def rows_of(folder: Path, key: bytes) -> dict[str, int]:
    with closing(Database(folder / "dafe.db", key=key)) as database, database.read() as connection:
        return {
            name: connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in sa.inspect(connection).get_table_names()
        }


def test_stores_of_one_database_are_moved_too(folder: Path) -> None:
    """The profile workstation keeps nothing but vectors elsewhere: in its own Chroma."""
    if find_spec("chromadb") is None:
        require("chroma", "install the extra chroma")
    with closing(open_embedded(folder)) as services:
        before, key = seen(services), services.keys.database
    there, back = ("--from", "embedded", "--to", "workstation"), ("--from", "workstation", "--to", "embedded")
    early = migrate(folder, {}, *there, "--remove-source")
    _, said = early.communicate(timeout=120)
    assert (early.returncode, "lack vectors" in said) == (1, True), said
    moved = migrated(folder, {}, *there)
    assert moved["counts"] == {"vectors": rows_of(folder, key)["vectors"]}
    with closing(services_of(folder, profile="workstation")) as services:
        assert seen(services) == before
    assert migrated(folder, {}, *there, "--remove-source") == {"removed": {"workspaces": 2}}
    assert rows_of(folder, key)["vectors"] == 0
    with closing(services_of(folder, profile="workstation")) as services:
        assert seen(services) == before
    migrated(folder, {}, *back)
    with closing(open_embedded(folder)) as services:
        assert seen(services) == before
