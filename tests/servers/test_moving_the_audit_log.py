"""The audit log goes to PostgreSQL and back with the installation, and stays one chain."""

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from app.container import OPERATOR, Services, open_services
from app.domain.audit import Outcome
from app.errors import ConfigurationError, ConflictError, IntegrityError
from app.migrating.moving import opened_moving
from app.seals import seals_of
from app.settings import Settings, load_settings
from backends.metadata.settings import PostgresMetadataSettings
from tests.servers.real_postgres import RealPostgres, metadata_settings, prepare_audit
from tests.unit.audit_parts import change
from tests.unit.test_copying_stores import silent

pytestmark = pytest.mark.server
HERE: dict[str, Any] = {"embeddings": {"kind": "hashing"}, "llm": {"kind": "none"}, "samples": False}
"""Metadata and audit log are what the two have apart."""
THERE = {**HERE, "profile": "cluster"} | {
    name: {"kind": kind} for name, kind in (("graph", "sql"), ("vectors", "sql"), ("queue", "sqlite"), ("cache", "sql"))
}


@pytest.fixture
def metadata(postgres: RealPostgres) -> Iterator[PostgresMetadataSettings]:
    name = postgres.new_database()
    prepare_audit(postgres, name)
    yield metadata_settings(postgres, name)
    postgres.drop(name)


@pytest.fixture
def sides(metadata: PostgresMetadataSettings, tmp_path: Path) -> tuple[Settings, Settings]:
    (tmp_path / "second").mkdir()
    given = {"data_dir": tmp_path / "data", "audit_second_device": tmp_path / "second"}
    sides = load_settings(**HERE, **given), load_settings(**THERE, **given, metadata=metadata)
    with closing(open_services(sides[0])) as services:
        services.workspaces.add(OPERATOR, name="Cardiology")
        services.audit.seal()
    return sides


def move(source: Settings, target: Settings) -> None:
    with opened_moving(source, target) as moving:
        moving.move(OPERATOR, silent)
    seals_of(target).seal()


def bodies(services: Services) -> list[str]:
    return [row.body for row in services.audit._log.rows()]


def use(settings: Settings, *, name: str) -> list[str]:
    """The log at the end, which is sound; what is done leaves events."""
    with closing(open_services(settings)) as services:
        services.workspaces.add(OPERATOR, name=name)
        assert services.audit.seal() is not None
        result = services.audit.verify(OPERATOR)
        assert (result.ok, result.findings, result.doubt) == (True, (), "")
        assert all(check.ok for check in services.health.checks(OPERATOR) if "udit" in check.name)
        return bodies(services)


def test_it_goes_there_and_back_and_there_again_as_one_chain(sides: tuple[Settings, Settings]) -> None:
    here, there = sides
    logs = [use(here, name="Before")]
    for number, (source, target) in enumerate([(here, there), (there, here), (here, there)]):
        move(source, target)
        logs.append(use(target, name=f"After {number}"))
    assert all(longer[: len(shorter)] == shorter for shorter, longer in pairwise(logs))
    assert (there.audit.kind, here.audit.kind) == ("postgres", "sqlite")
    with closing(open_services(there)) as services:
        moves = services.audit.list(OPERATOR, actions=("installation.migrate",)).events[::-1]
        assert [event.outcome for event in moves] == [Outcome.INTENT, Outcome.DONE] * 3
        names = {one.name for one in services.workspaces.list(OPERATOR)}
    assert names == {"Cardiology", "Before", "After 0", "After 1", "After 2"}


def test_a_log_that_was_left_behind_is_not_begun_anew_but_moved_later(sides: tuple[Settings, Settings]) -> None:
    """As in an installation that was moved to the cluster profile when that kept the log in the data folder."""
    here, there = sides
    left = there.model_copy(update={"audit": here.audit})
    move(here, left)
    before = use(left, name="Left")
    with pytest.raises(ConfigurationError, match=r"is empty, .* DAFE_AUDIT__KIND=sqlite, .* dafe migrate"):
        open_services(there)
    with opened_moving(here, there) as moving:
        assert not moving.move(OPERATOR, silent).was_before
    with opened_moving(here, there) as moving:
        assert moving.move(OPERATOR, silent).was_before
    assert use(there, name="After")[: len(before)] == before


def test_what_is_deleted_of_the_old_stores_is_recorded_where_the_log_is_now(sides: tuple[Settings, Settings]) -> None:
    here, there = sides
    move(here, there)
    before = use(there, name="After")
    with opened_moving(here, there) as moving:
        moving.remove_source(OPERATOR)
        assert moving.move(OPERATOR, silent).was_before
    seals_of(there).seal()
    after = use(there, name="Later")
    assert after[: len(before)] == before
    assert sum('"removed":' in body for body in after[len(before) :]) == 2


def test_a_move_that_ends_before_the_switch_is_done_again(
    sides: tuple[Settings, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = sides

    def fail(*_given: object) -> None:
        raise OSError

    with opened_moving(here, there) as moving, pytest.raises(OSError), monkeypatch.context() as patched:
        patched.setattr("app.migrating.moving.give_to", fail)
        moving.move(OPERATOR, silent)
    before = use(here, name="Between")
    move(here, there)
    assert use(there, name="After")[: len(before)] == before


def test_a_move_that_ends_behind_the_switch_goes_on_in_the_new_place(sides: tuple[Settings, Settings]) -> None:
    here, there = sides
    move(here, there)
    with opened_moving(there, here) as moving:
        moving.move(OPERATOR, silent)
    change(here.data_dir / "audit.db", "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    assert here.audit_second_device
    copied = here.audit_second_device / "events.jsonl"
    copied.write_text("".join(copied.read_text().splitlines(keepends=True)[:-1]))
    with opened_moving(there, here) as moving:
        assert moving.move(OPERATOR, silent).was_before
        moving.remove_source(OPERATOR)
    assert sum('"removed":' in body for body in use(here, name="After")) == 2


def test_another_log_there_is_not_written_on(sides: tuple[Settings, Settings], tmp_path: Path) -> None:
    here, there = sides
    other = load_settings(**HERE, data_dir=tmp_path / "other", audit=there.audit)
    with closing(open_services(other)) as services:
        services.workspaces.add(OPERATOR, name="Other")
        held = bodies(services)
    with pytest.raises(ConflictError, match="different audit logs"), opened_moving(here, there):
        pass
    with closing(open_services(other)) as services:
        assert bodies(services)[: len(held)] == held
    use(here, name="Goes on")


def test_a_log_that_was_changed_is_not_moved(sides: tuple[Settings, Settings]) -> None:
    here, there = sides
    change(here.data_dir / "audit.db", "UPDATE audit SET body = replace(body, 'operator', 'somebody') WHERE seq = 1")
    with opened_moving(here, there) as moving, pytest.raises(IntegrityError, match="not found intact"):
        moving.move(OPERATOR, silent)


def test_a_beginning_that_was_changed_there_since_is_found(
    sides: tuple[Settings, Settings], postgres: RealPostgres
) -> None:
    here, there = sides
    move(here, there)
    move(there, here)
    assert isinstance(there.metadata, PostgresMetadataSettings)
    with postgres.connect(there.metadata.database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE dafe_audit.events SET mac = repeat('0', 64) WHERE seq = 1")
    with opened_moving(here, there) as moving, pytest.raises(IntegrityError, match="differs from it"):
        moving.move(OPERATOR, silent)
    use(here, name="Goes on")
