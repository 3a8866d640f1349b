"""What a move switches and what it deletes; the stores of the target have an identity as those on servers have."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.belonging import give_to, note_begun
from app.container import OPERATOR
from app.domain.workspaces import Workspace
from app.errors import ConflictError
from app.installation import open_log
from app.migrating.moving import Moving
from app.seals import seals_of
from app.security.auditor import Auditor
from app.security.keys import load_keys
from app.services.audit import AuditService
from app.services.audit_checks import AuditChecks
from backends.cache.settings import SqlCacheSettings
from backends.sql.engine import Database
from tests.conformance.implementations import DATABASE_KEY
from tests.conformance.records import HERE, NOW, OTHER
from tests.conformance.test_metadata_stores import session
from tests.unit.test_copying_stores import index, open_side, silent


@pytest.fixture
def moving(tmp_path: Path) -> Iterator[Moving]:
    """From the data folder to a server, nothing moved yet."""
    with ExitStack() as stack:
        source, target = (open_side(tmp_path / (one or "data"), stack, identity=one) for one in ("", "served"))
        keys = load_keys(source.settings.key_path, may_create=True)
        auditor, seals = Auditor(log := open_log(source.settings, keys, stack)), seals_of(source.settings)
        with auditor.change(OPERATOR, "workspaces.add"):
            source.metadata.workspaces.add(Workspace(HERE, "Here", "clinical", datetime.now(UTC)))
        index(source, "v1", "A stroke, a bleeding.")
        (tmp_path / "data" / "prepared").touch()
        checks = AuditChecks(log=log, keys=keys, seals=seals, folder=tmp_path / "data", metadata=source.metadata)
        audit = AuditService(log=log, seals=seals, checks=checks, auditor=auditor, metadata=source.metadata)
        yield Moving(source, target, auditor, audit, seals)


def back(moving: Moving) -> Moving:
    """Told from the same data folder, which holds the uploads in both."""
    settings = moving.target.settings.model_copy(update={"data_dir": moving.source.settings.data_dir})
    return replace(moving, source=replace(moving.target, settings=settings), target=moving.source)


def test_a_database_that_was_never_moved_from_the_folder_is_not_emptied(moving: Moving) -> None:
    """A backup of the folder, as it was before the move, with the settings of the installation that is used."""
    folder = moving.source.settings.data_dir
    moving.move(OPERATOR, silent)
    give_to(folder, "")
    (folder / "metadata-ids-begun").unlink()
    with pytest.raises(ConflictError, match="never moved from this data folder: nothing was deleted"):
        back(moving).remove_source(OPERATOR)
    assert [one.id for one in moving.target.metadata.workspaces.find()] == [HERE]
    note_begun(folder, "served")  # A copy that was broken off.
    assert back(moving).remove_source(OPERATOR) == 1
    assert moving.target.metadata.workspaces.find() == []


def test_the_old_stores_are_kept_while_the_new_ones_lack_what_their_documents_need(moving: Moving) -> None:
    moving.move(OPERATOR, silent)
    moving.target.vectors.delete_workspace(HERE)
    with pytest.raises(ConflictError, match="lack vectors that their documents need: nothing was deleted"):
        moving.remove_source(OPERATOR)
    assert [one.id for one in moving.source.metadata.workspaces.find()] == [HERE]


def test_what_the_target_kept_of_an_earlier_time_goes_before_the_switch(moving: Moving) -> None:
    moving.move(OPERATOR, silent)
    old = moving.source.metadata
    old.sessions.add(session("s1"), token_sha256="t1")
    old.users.add_failure("k", at=NOW, window_seconds=60)
    old.workspaces.add(Workspace(OTHER, "Deleted since", "clinical", NOW))
    index(moving.source, "v2", "Warfarin and amiodarone. " * 2000, workspace_id=OTHER)
    scopes = (f"{HERE}/answers", f"{OTHER}/d2", "models")
    settings = moving.source.settings.model_copy(update={"cache": SqlCacheSettings(layer_mb=1)})
    target = replace(moving.source, settings=settings)
    for scope in scopes:
        target.cache.put("answer/k", b"kept", scope=scope)
    replace(back(moving), target=target).move(OPERATOR, silent)
    assert [one.id for one in old.workspaces.find()] == [HERE]
    assert old.sessions.find() == []
    assert old.users.count_failures("k", at=NOW, window_seconds=60) == 0
    assert [target.cache.get("answer/k", scope=scope) for scope in scopes] == [None] * 3
    with closing(Database(settings.data_dir / "dafe.db", key=DATABASE_KEY)) as database, database.read() as connection:
        assert connection.execute(sa.text("PRAGMA freelist_count")).scalar_one() == 0
