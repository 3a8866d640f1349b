"""The Neo4j graph store when something is wrong: settings, certificate, schema, server, or other writers."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.graph import Contribution, GraphCounts
from app.domain.ids import EntityId, VersionId, WorkspaceId
from app.errors import BackendUnavailableError, ConfigurationError, InvalidInputError
from backends.graph.base import GraphStore
from backends.graph.settings import Neo4jGraphSettings
from backends.loading import load
from tests.conformance.graphs import contribution, entity, evidence, mention, triple
from tests.servers.certificates import Authority

pytestmark = pytest.mark.server
HERE, V1, V2 = WorkspaceId("here"), VersionId("v1"), VersionId("v2")
SCOPE: dict[str, Any] = {"workspace_id": HERE, "permitted": frozenset({V1, V2})}
Open = Callable[..., GraphStore]


@pytest.fixture
def open_store(neo4j_server: Any) -> Iterator[Open]:
    opened: list[GraphStore] = []

    def open_one(**changed: Any) -> GraphStore:
        opened.append(load(GraphStore, neo4j_server.settings(**changed)))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


def refusal(store: GraphStore, *, within: float = 5.0) -> ConfigurationError:
    """What a write is told, which would wait for a server that is away: a mistake in the settings is told at once."""
    begun = time.monotonic()
    with pytest.raises(ConfigurationError) as told:
        store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    assert time.monotonic() - begun < within
    return told.value


def test_a_wrong_password_is_told_and_not_shown(open_store: Open) -> None:
    error = refusal(open_store(password="not-the-password"))
    assert "refused the user or the password" in error.message
    assert "not-the-password" not in f"{error!r} {error.details} {error.__cause__!r}"


def test_a_database_that_is_not_there_is_told(open_store: Open) -> None:
    assert "no such database" in refusal(open_store(database="elsewhere")).message


def test_an_authority_that_did_not_sign_is_not_trusted(open_store: Open, tmp_path: Path) -> None:
    assert "certificate" in refusal(open_store(ca_bundle=Authority(tmp_path).bundle)).message


def test_the_systems_authorities_do_not_trust_ours(open_store: Open) -> None:
    assert "certificate" in refusal(open_store(ca_bundle=None)).message


def test_a_certificate_of_another_name_is_refused(open_store: Open, tmp_path: Path) -> None:
    """Signed by the authority that is trusted, but for another machine."""
    authority = Authority(tmp_path)
    context = authority.server_context("graph.example")

    def answer(listening: socket.socket) -> None:
        with closing(listening.accept()[0]) as accepted, suppress(OSError):
            context.wrap_socket(accepted, server_side=True).close()

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        answering = Thread(target=answer, args=(listening,))
        answering.start()
        url = f"bolt+s://127.0.0.1:{listening.getsockname()[1]}"
        assert "certificate" in refusal(open_store(url=url, ca_bundle=authority.bundle)).message
        answering.join()


def test_a_bundle_that_cannot_be_read_is_told(open_store: Open, tmp_path: Path) -> None:
    assert "ca_bundle" in refusal(open_store(ca_bundle=tmp_path / "none.pem")).message
    (tmp_path / "text.pem").write_text("no certificate")
    assert "ca_bundle" in refusal(open_store(ca_bundle=tmp_path / "text.pem")).message


def test_the_server_does_not_speak_without_encryption(open_store: Open, neo4j_server: Any) -> None:
    with pytest.raises(BackendUnavailableError, match="did not answer"):
        open_store(url=f"bolt://localhost:{neo4j_server.port}").count(**SCOPE)


def test_routing_addresses_work_on_the_single_server(open_store: Open, neo4j_server: Any) -> None:
    store = open_store(url=f"neo4j+s://localhost:{neo4j_server.port}")
    store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    assert store.count(**SCOPE) == GraphCounts(2, 1, 1)


@pytest.mark.parametrize(
    "url",
    [
        "bolt://graph.example:7687",
        "neo4j://10.0.0.1",
        "bolt+ssc://graph.example",
        "neo4j+ssc://localhost",
        "http://localhost:7474",
        "bolt+s://neo4j:secret@graph.example",
        "bolt+s://graph.example/other",
        "neo4j+s://graph.example?policy=x",
        "bolt+s://",
        "graph.example",
    ],
)
def test_addresses_that_are_unsafe_or_no_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Neo4jGraphSettings(url=url)


def test_a_server_that_is_away_is_told_at_once_and_found_when_it_is_back(neo4j_server: Any, open_store: Open) -> None:
    store = open_store()
    neo4j_server.kill()
    begun = time.monotonic()
    with pytest.raises(BackendUnavailableError, match="did not answer"):
        store.count(**SCOPE)
    assert time.monotonic() - begun < 5
    neo4j_server.start()
    assert store.count(**SCOPE) == GraphCounts(0, 0, 0)


def test_a_write_waits_for_the_server_as_long_as_the_settings_say(neo4j_server: Any, open_store: Open) -> None:
    patient, hasty = open_store(), open_store(retry_seconds=0)
    for store in (patient, hasty):
        store.count(**SCOPE)
    neo4j_server.kill()
    added = contribution(chunk="c1", version="v1")
    with pytest.raises(BackendUnavailableError):
        hasty.add(added, workspace_id=HERE)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(patient.add, added, workspace_id=HERE)
        neo4j_server.start()
        waiting.result()
    assert patient.count(**SCOPE) == GraphCounts(2, 1, 1)


def test_a_commit_whose_answer_was_lost_is_done_again_and_counts_once(
    open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neo4j import Transaction
    from neo4j.exceptions import IncompleteCommit

    store = open_store()
    store.count(**SCOPE)
    commit, commits = Transaction.commit, []

    def lose_the_first_answer(transaction: Any) -> None:
        commit(transaction)
        commits.append(transaction)
        if len(commits) == 1:
            raise IncompleteCommit("connection lost")

    monkeypatch.setattr(Transaction, "commit", lose_the_first_answer)
    store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    assert len(commits) == 2
    assert store.count(**SCOPE) == GraphCounts(2, 1, 1)


def test_a_port_where_nobody_answers_ends_after_its_time(open_store: Open) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        begun = time.monotonic()
        with pytest.raises(BackendUnavailableError):
            open_store(url=f"bolt://127.0.0.1:{port}", connect_seconds=1).count(**SCOPE)
        assert time.monotonic() - begun < 10


def test_a_schema_of_a_newer_program_is_refused(neo4j_server: Any, open_store: Open) -> None:
    open_store().count(**SCOPE)
    with closing(neo4j_server.driver()) as driver:
        driver.execute_query("MATCH (s:GraphSchema) SET s.version = s.version + 1")
        try:
            assert "newer Dafe Graphs" in refusal(open_store()).message
        finally:
            driver.execute_query("MATCH (s:GraphSchema) SET s.version = s.version - 1")


def test_a_migration_that_was_interrupted_is_completed(neo4j_server: Any, open_store: Open) -> None:
    open_store().count(**SCOPE)

    def made(driver: Any) -> set[str]:
        records = driver.execute_query("SHOW INDEXES YIELD name, state WHERE state = 'ONLINE' RETURN name").records
        return {record["name"] for record in records}

    with closing(neo4j_server.driver()) as driver:
        whole = made(driver)
        driver.execute_query("MATCH (s:GraphSchema) DELETE s")
        driver.execute_query("DROP INDEX name_text")
        stores = [open_store() for _ in range(3)]
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(lambda store: store.count(**SCOPE), stores)) == [GraphCounts(0, 0, 0)] * 3
        assert made(driver) == whole
        versions = driver.execute_query("MATCH (s:GraphSchema) RETURN s.version").records
        assert [record[0] for record in versions] == [1]


def test_the_server_refuses_to_write_in_a_read(open_store: Open) -> None:
    store: Any = open_store()
    with pytest.raises(BackendUnavailableError) as told:
        store._connection.read(lambda transaction: transaction.run("CREATE (:Entity)").consume())
    assert told.value.details == {"code": "Neo.ClientError.Statement.AccessMode"}
    assert store.count(**SCOPE) == GraphCounts(0, 0, 0)


def test_a_question_that_takes_too_long_is_ended_by_the_server(neo4j_server: Any, open_store: Open) -> None:
    open_store().count(**SCOPE)
    store: Any = open_store(timeout_seconds=1)
    slow = "UNWIND range(1, 1000000000) AS a WITH a WHERE a % 7 = 8 RETURN count(a)"
    begun = time.monotonic()
    with pytest.raises(BackendUnavailableError, match="timeout_seconds"):
        store._connection.read(lambda transaction: transaction.run(slow).consume())
    assert time.monotonic() - begun < 30
    assert store.count(**SCOPE) == GraphCounts(0, 0, 0)


def test_a_fact_about_nobody_is_refused_whole(open_store: Open) -> None:
    store = open_store()
    known, unknown = entity("Apixaban"), entity("Nobody")
    fact = triple(known, "inhibit", unknown, [evidence(version="v1", chunk="c1")])
    with pytest.raises(InvalidInputError):
        store.add(Contribution((known,), (mention(known, chunk="c1", version="v1"),), (fact,)), workspace_id=HERE)
    assert store.count(**SCOPE) == GraphCounts(0, 0, 0)


def test_a_large_contribution_is_one_transaction(open_store: Open) -> None:
    store = open_store()
    many = [entity(f"Entity {number}") for number in range(2500)]
    mentions = tuple(mention(one, chunk="c1", version="v1") for one in many)
    store.add(Contribution(tuple(many), mentions, ()), workspace_id=HERE)
    assert store.count(**SCOPE) == GraphCounts(2500, 0, 0)
    lost = (*mentions[:2000], mention(entity("Nobody"), chunk="c2", version="v2"))
    with pytest.raises(InvalidInputError):
        store.add(Contribution(tuple(entity(f"More {number}") for number in range(1500)), lost, ()), workspace_id=HERE)
    assert store.find_entities(**SCOPE, text="more") == []


def opposite(first: str, second: str, number: int, version: VersionId) -> Contribution:
    """Names its two entities in the other order than the other writer does."""
    return contribution(chunk=f"{version}{number:03}", version=version, subject=first, object_=second, relation=first)


def test_writers_that_wait_for_each_other_lose_and_double_nothing(
    neo4j_server: Any, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the common order of their rows they run into deadlocks, which are what this test is about; on a busy
    machine they may have to try for a while."""
    monkeypatch.setattr("backends.graph.neo4j._by", lambda rows, *_names: rows)
    deadlocks = noted_deadlocks(monkeypatch)
    store = open_store()

    def write(start: int, version: VersionId, first: str, second: str) -> None:
        for number in range(start, start + 60):
            store.add(opposite(first, second, number, version), workspace_id=HERE)

    written = 0
    with ThreadPoolExecutor(4) as pool:
        pairs = [(V1, "Alpha", "Beta"), (V2, "Beta", "Alpha")]
        while not deadlocks and written < 600:
            futures = [pool.submit(write, written, *pair) for pair in pairs for _ in range(2)]
            assert [future.result() for future in futures] == [None] * 4
            written += 60
    assert store.count(**SCOPE) == GraphCounts(entities=2, triples=2, evidence=2 * written)
    assert [one.mentions for one in store.find_entities(**SCOPE)] == [2 * written] * 2
    with closing(neo4j_server.driver()) as driver:
        rows = driver.execute_query("MATCH (n) WHERE NOT n:GraphSchema RETURN labels(n)[0], count(*)").records
        assert {row[0]: row[1] for row in rows} == {"Entity": 2, "Name": 4, "Chunk": 2 * written}
        rows = driver.execute_query("MATCH ()-[r]->() RETURN type(r), count(*)").records
        assert {row[0]: row[1] for row in rows} == {"OF": 4, "MENTIONS": 4 * written, "STATES": 2 * written}
    assert deadlocks, "the writers never met"


def noted_deadlocks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    from backends.graph import neo4j_connection

    found: list[str] = []
    may_repeat = neo4j_connection._may_repeat

    def note(error: Exception) -> bool:
        if "DeadlockDetected" in str(getattr(error, "code", "")):
            found.append(type(error).__name__)
        return may_repeat(error)

    monkeypatch.setattr(neo4j_connection, "_may_repeat", note)
    return found


def test_an_entity_is_not_lost_to_a_removal_at_the_same_time(open_store: Open, neo4j_server: Any) -> None:
    """One version of it is removed again and again while others that name it come."""
    store = open_store()
    stop = Event()

    def remove() -> None:
        while not stop.is_set():
            store.add(contribution(chunk="gone", version="v2"), workspace_id=HERE)
            store.delete_versions([V2], workspace_id=HERE)

    with ThreadPoolExecutor(1) as pool:
        removing = pool.submit(remove)
        try:
            for number in range(60):
                store.add(contribution(chunk=f"c{number:03}", version="v1"), workspace_id=HERE)
                if number % 3 == 0:
                    store.delete_versions([V1], workspace_id=HERE)
                    store.add(contribution(chunk=f"c{number:03}", version="v1"), workspace_id=HERE)
        finally:
            stop.set()
        removing.result()
    kept = {"workspace_id": HERE, "permitted": frozenset({V1})}
    assert store.count(**kept) == GraphCounts(entities=2, triples=1, evidence=3)
    assert [one.mentions for one in store.find_entities(**kept)] == [3, 3]
    assert [one.aliases for one in store.find_entities(**kept)] == [(), ()]


def test_nothing_is_left_behind(neo4j_server: Any, open_store: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches of three, so that every removal takes several."""
    monkeypatch.setattr("backends.graph.neo4j._REMOVED_TOGETHER", 3)
    store = open_store()
    for number in range(10):
        added = contribution(chunk=f"c{number}", version="v1", subject=f"Drug {number}", aliases=(f"D{number}",))
        store.add(added, workspace_id=HERE)
        store.add(added, workspace_id=WorkspaceId("other"))
    unseen = entity("Never mentioned")
    store.add(Contribution((unseen,), (), ()), workspace_id=HERE)
    store.delete_versions([V1], workspace_id=HERE)
    with closing(neo4j_server.driver()) as driver:

        def left(workspace: str) -> list[Any]:
            query = "MATCH (n {workspace_id: $w}) RETURN n UNION ALL MATCH ()-[n {workspace_id: $w}]->() RETURN n"
            return driver.execute_query(query, w=workspace).records

        assert [record["n"]["id"] for record in left(HERE)] == [unseen.id]
        store.delete_workspace(HERE)
        assert left(HERE) == []
        assert len(left("other")) == 11 + 21 + 10 + 21 + 20 + 10
        store.delete_workspace(WorkspaceId("other"))
        assert driver.execute_query("MATCH (n) WHERE NOT n:GraphSchema RETURN n").records == []


@pytest.mark.slow
def test_a_server_killed_amid_writes_loses_and_doubles_nothing(neo4j_server: Any, open_store: Open) -> None:
    store = open_store()
    store.count(**SCOPE)
    written: list[str] = []
    stop = Event()

    def write(version: VersionId) -> None:
        number = 0
        while not stop.is_set():
            store.add(contribution(chunk=f"{version}{number:05}", version=version), workspace_id=HERE)
            written.append(f"{version}{number:05}")
            number += 1

    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(write, version) for version in (V1, V2)]
        for _ in range(3):
            before = len(written)
            until = time.monotonic() + 60
            while len(written) < before + 20 and time.monotonic() < until:
                time.sleep(0.05)
            assert len(written) >= before + 20, "the writers did not go on"
            neo4j_server.kill()
            neo4j_server.start()
        stop.set()
        assert [one.result() for one in writing] == [None, None]
    assert store.count(**SCOPE) == GraphCounts(entities=2, triples=1, evidence=len(written))
    assert sorted({one.chunk_id for one in store.find_mentions(**SCOPE)}) == sorted(written)
    assert [one.mentions for one in store.find_entities(**SCOPE)] == [len(written)] * 2
    assert store.find_entities(**SCOPE, ids=[EntityId("e-apixaban")])[0].name == "Apixaban"


@pytest.mark.slow
@pytest.mark.parametrize("connected", [True, False])
def test_a_server_that_stops_answering_is_given_up(neo4j_server: Any, open_store: Open, connected: bool) -> None:
    """Its connections stay open and nothing comes: half-open TCP, a machine that hangs."""
    store = open_store(timeout_seconds=3, connect_seconds=3)
    if connected:
        store.count(**SCOPE)
    os.kill(neo4j_server.process.pid, signal.SIGSTOP)
    begun = time.monotonic()
    try:
        with pytest.raises(BackendUnavailableError):
            store.count(**SCOPE)
        assert time.monotonic() - begun < 30
    finally:
        os.kill(neo4j_server.process.pid, signal.SIGCONT)
    assert store.count(**SCOPE) == GraphCounts(0, 0, 0)


@pytest.mark.slow
def test_a_server_that_answers_a_byte_a_second_is_given_up(neo4j_server: Any, open_store: Open) -> None:
    store = open_store(timeout_seconds=30)
    store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    with slowed(neo4j_server.port) as (port, slow):
        far = open_store(url=f"bolt+s://localhost:{port}", timeout_seconds=3)
        assert far.count(**SCOPE) == GraphCounts(2, 1, 1)
        slow.set()
        begun = time.monotonic()
        with pytest.raises(BackendUnavailableError):
            far.find_mentions(**SCOPE)
        assert time.monotonic() - begun < 30
    assert store.count(**SCOPE) == GraphCounts(2, 1, 1)


@contextmanager
def slowed(port: int) -> Iterator[tuple[int, Event]]:
    """A way to the server on which, once the event is set, what it answers comes one byte a second."""
    slow, sockets = Event(), []

    def pass_on(source: socket.socket, target: socket.socket, *, answers: bool) -> None:
        with suppress(OSError):
            while received := source.recv(65536):
                if not (answers and slow.is_set()):
                    target.sendall(received)
                    continue
                for byte in received:
                    time.sleep(1)
                    target.sendall(bytes([byte]))

    def accept() -> None:
        with suppress(OSError):
            while True:
                near = listening.accept()[0]
                far = socket.create_connection(("127.0.0.1", port))
                sockets.extend((near, far))
                Thread(target=pass_on, args=(near, far), kwargs={"answers": False}, daemon=True).start()
                Thread(target=pass_on, args=(far, near), kwargs={"answers": True}, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = Thread(target=accept)
        accepting.start()
        try:
            yield listening.getsockname()[1], slow
        finally:
            for one in (listening, *sockets):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
            accepting.join()
