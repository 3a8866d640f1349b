"""What everybody else reads of the sealer's folder: checkpoints, whether a sealer runs, and what it complains of."""

import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, TypeAdapter

from app.errors import BackendUnavailableError
from app.security import audit_seals
from app.security.audit_chain import read_checkpoint
from app.security.audit_seals import Seals
from backends.audit.settings import AuditSettings, PostgresAuditSettings
from backends.lock_files import exclusive
from tests.unit.audit_parts import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Three events, sealed one by one."""
    made = Folder(tmp_path / "data")
    for number in range(1, 4):
        made.append(number, number)
        made.seal()
    yield made
    made.close()


@pytest.fixture
def seals(tmp_path: Path) -> Seals:
    """Without a sealer so far."""
    return Seals(tmp_path / "seal", data_dir=tmp_path)


def add_line(seals: Seals, line: str) -> None:
    with seals.path.open("a", encoding="ascii") as file:
        file.write(f"{line}\n")


def test_before_the_first_checkpoint_there_is_nothing(seals: Seals) -> None:
    assert (list(seals.lines()), seals.newer(0), seals.last()) == ([], [], None)
    seals.path.mkdir(parents=True)
    assert seals.last() is None


def test_checkpoints_are_read_from_the_end(folder: Folder) -> None:
    stored = folder.seals.path.read_text(encoding="ascii").splitlines()
    assert list(folder.seals.lines()) == stored
    assert [folder.seals.newer(number) for number in range(5)] == [stored, stored[1:], stored[2:], [], []]
    assert folder.seals.last() == read_checkpoint(stored[2])


def test_lines_that_are_no_checkpoints_are_passed_over(folder: Folder) -> None:
    stored = list(folder.seals.lines())
    for noise in ("no checkpoint", "{}"):
        add_line(folder.seals, noise)
    assert folder.seals.last() == read_checkpoint(stored[2])
    assert folder.seals.newer(1) == stored[1:]


def test_where_the_end_of_the_file_is_not_enough_all_of_it_is_read(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = list(folder.seals.lines())
    monkeypatch.setattr("app.security.grown_file._TAIL_BYTES", 2 * len(stored[0]))
    assert [folder.seals.newer(number) for number in range(4)] == [stored, stored[1:], stored[2:], []]


def test_a_sealer_is_expected_where_one_runs_or_should(folder: Folder) -> None:
    assert (folder.seals.is_running(), folder.seals.is_expected()) == (False, False)
    with exclusive(folder.path / "seal" / "running.lock"):
        assert (folder.seals.is_running(), folder.seals.is_expected()) == (True, True)
    with exclusive(folder.path / "up.lock"):
        assert (folder.seals.is_running(), folder.seals.is_expected()) == (False, True)


def test_a_complaint_is_the_problem_and_silence_only_where_a_sealer_should_run(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = "The last checkpoint is 7 minutes old, although the sealer should be running."
    last = folder.seals.last()
    assert last is not None
    clock(monkeypatch, last.at + timedelta(minutes=7))
    assert (folder.seals.problem(), folder.seals.complaint()) == ("", "")
    with exclusive(folder.path / "up.lock"):
        assert folder.seals.problem() == silent
        (folder.path / "seal" / "complaint").write_text(" Größe unbekannt.\n", encoding="utf-8")
        assert folder.seals.problem() == folder.seals.complaint() == "Größe unbekannt."
    assert folder.seals.problem() == "Größe unbekannt."


def clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "datetime":  # type: ignore[override]
            assert tz is UTC
            return now

    monkeypatch.setattr(audit_seals, "datetime", Clock)


def test_a_checkpoint_is_too_old_after_five_minutes(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    last = folder.seals.last()
    assert last is not None
    for seconds, told in ((0, ""), (300, ""), (300.001, "5 minutes old"), (60_000, "1,000 minutes old")):
        clock(monkeypatch, last.at + timedelta(seconds=seconds))
        assert told in Seals.silence(last)
        assert bool(told) == bool(Seals.silence(last))
    assert Seals.silence(None) == "The sealer has not signed a checkpoint yet."


def test_a_sealer_is_started_with_this_log_and_these_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = Seals(Path("seal"), data_dir=Path("data"), second_device=Path("second"))
    command = [sys.executable, "-m", "app.sealer", "--data-dir", f"{tmp_path}/data", "--folder", f"{tmp_path}/seal"]
    assert here.command() == [*command, "--second-device", f"{tmp_path}/second"]
    assert Seals(Path("seal"), data_dir=Path("data")).command() == command


def test_a_sealer_is_told_where_the_log_is_kept_and_no_command_line_shows_a_password() -> None:
    store = PostgresAuditSettings(host="db.example", password=SecretStr("very-secret"))
    seals = Seals(Path("seal"), data_dir=Path("data"), store=store)
    told = TypeAdapter[AuditSettings](AuditSettings).validate_json(seals.environment()["DAFE_AUDIT"])
    assert told == store
    assert "very-secret" not in f"{seals.command()} {seals}"


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (
            "import sys; print('ignored'); print('first', file=sys.stderr); sys.exit('The key is missing.')",
            r"^The key is missing\.$",
        ),
        ("import sys; sys.exit(1)", r"^The sealer of the audit log failed\.$"),
        ("import time; time.sleep(60)", r"^The sealer of the audit log did not answer: see the log\.$"),
    ],
)
def test_a_sealer_that_fails_says_why_in_its_last_sentence(
    seals: Seals, monkeypatch: pytest.MonkeyPatch, program: str, told: str
) -> None:
    """A process of its own in the sealer's place: what it is told and says is what counts."""
    monkeypatch.setattr(audit_seals, "_PATIENCE_SECONDS", 1)
    run_instead(monkeypatch, lambda: [sys.executable, "-c", program])
    with pytest.raises(BackendUnavailableError, match=told):
        seals.run("--once")


def test_a_sealer_that_cannot_be_started_did_not_answer(seals: Seals, monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, lambda: ["/no/such/program"])
    with pytest.raises(BackendUnavailableError, match="did not answer"):
        seals.run("--once")


def test_a_sealer_is_told_what_to_do_and_runs_where_the_program_lies(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = tmp_path / "said"
    program = "import os, sys; told = os.environ['DAFE_AUDIT'], os.environ['PATH']"
    program += "; open(sys.argv[1], 'w').write(' '.join([os.getcwd(), *sys.argv[2:], *told]))"
    run_instead(monkeypatch, lambda: [sys.executable, "-c", program, str(said)])
    assert folder.seals.seal() == folder.seals.last()
    told = f'{{"kind": "sqlite"}} {os.environ["PATH"]}'
    assert said.read_text() == f"{Path(audit_seals.__file__).parents[2]} --once {told}"


def run_instead(monkeypatch: pytest.MonkeyPatch, command: Callable[[], list[str]]) -> None:
    monkeypatch.setattr(Seals, "command", lambda _: command())


def test_a_sealer_gets_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is started in another folder."""
    monkeypatch.chdir(tmp_path)
    store = PostgresAuditSettings(ca_bundle=Path("ca.pem"))
    given = Seals(tmp_path, data_dir=tmp_path, store=store).environment()[audit_seals.STORE_VARIABLE]
    read: AuditSettings = TypeAdapter(AuditSettings).validate_json(given)
    assert read == store.model_copy(update={"ca_bundle": tmp_path / "ca.pem"})
