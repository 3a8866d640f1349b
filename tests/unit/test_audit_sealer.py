"""Checkpoints are signed by a sealer that signs nothing it cannot stand for, and verified with the public key alone."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.errors import BackendUnavailableError, IntegrityError, InvalidInputError
from app.security.audit_chain import read_checkpoint, sign_checkpoint
from app.security.audit_sealer import Sealer
from app.security.audit_seals import Seals
from app.security.verified_point import VerifiedPoint, VerifiedPoints
from backends.lock_files import exclusive
from tests.unit.audit_parts import MAC_KEY, Folder, bodies, chained, change, event, rewrite, with_key

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Eight events, sealed after the fourth and the eighth."""
    made = Folder(tmp_path / "data", device=tmp_path / "second")
    for first in (1, 5):
        made.append(first, first + 3)
        made.seal()
    yield made
    made.close()


def lines(folder: Folder) -> list[str]:
    return folder.seals.path.read_text().splitlines(keepends=True)


def test_sealing_twice_makes_one_checkpoint_and_it_can_be_kept_as_a_line(folder: Folder) -> None:
    newest = folder.seal()
    assert newest == folder.seals.last()
    assert len(lines(folder)) == 2
    line = newest.to_text()
    assert "\n" not in line
    assert read_checkpoint(line) == newest
    for broken in ("", "{}", '{"checkpoint": 1, "signature": 2}', "no json", '{"checkpoint":"[]","signature":""}'):
        with pytest.raises(InvalidInputError):
            read_checkpoint(broken)


def test_the_sealers_key_is_its_owners_alone_and_in_no_other_file(folder: Folder) -> None:
    key = folder.path / "seal" / "key"
    assert key.stat().st_mode & 0o777 == 0o600
    secret = key.read_text().strip()
    others = [path for path in folder.path.rglob("*") if path.is_file() and path != key]
    assert not [path for path in others if secret.encode() in path.read_bytes()]


def test_silence_is_sealed_too_so_that_it_can_be_told_from_a_stopped_sealer(folder: Folder) -> None:
    first = folder.seal()
    second = folder.sealer.seal(even_if_quiet=True)
    assert second is not None
    assert (second.seq, second.number) == (first.seq, first.number + 1)
    assert folder.verify().ok is True


def test_a_checkpoint_that_is_too_old_leaves_a_doubt_while_a_sealer_should_run(folder: Folder) -> None:
    kept = lines(folder)[0]
    last = read_checkpoint(kept)
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex((folder.path / "seal" / "key").read_text()))
    old = sign_checkpoint(key=key, seq=8, head=folder.log.head().hash, at=last.at - timedelta(minutes=7), before=last)
    for path in (folder.seals.path, Path(str(folder.device)) / "checkpoints.jsonl"):
        path.write_text(kept + old.to_text() + "\n")
    assert folder.verify().ok is True
    with exclusive(folder.path / "seal" / "running.lock"):
        result = folder.verify()
        assert (result.ok, result.findings) == (None, ())
        assert "minutes old" in result.doubt
        assert "minutes old" in folder.seals.problem()


@pytest.mark.parametrize("place", [0, 1])
def test_an_edited_checkpoint_is_found(folder: Folder, place: int) -> None:
    edited = lines(folder)
    edited[place] = edited[place].replace(r"\"seq\":", r"\"seq\":1")
    folder.seals.path.write_text("".join(edited))
    assert folder.found() == [([14, 18][place], "seal")]
    assert folder.verify().verified_to == [0, 4][place]


def test_a_forged_checkpoint_is_found(folder: Folder) -> None:
    first = read_checkpoint(lines(folder)[0])
    other = Ed25519PrivateKey.generate()
    forged = sign_checkpoint(key=other, seq=8, head="0" * 64, at=datetime.now(UTC), before=first)
    folder.seals.path.write_text(lines(folder)[0] + forged.to_text() + "\n")
    assert folder.found() == [(8, "seal")]
    assert "as it was signed" in folder.verify().findings[0].detail


def test_all_checkpoints_signed_anew_with_another_key_are_found_by_what_was_kept(
    folder: Folder, tmp_path: Path
) -> None:
    kept, known = folder.seal(), note_of(folder)
    events = {seq: json.loads(body) for seq, body in bodies(folder.database).items()}
    events[3]["actor"] = "omar"
    rewrite(folder.database, chained(events), macs=with_key)
    shutil.rmtree(folder.path / "seal")
    forger = Sealer(Seals(folder.seals.folder, data_dir=folder.path), folder.open_store())
    forger.seal()
    forger.close()
    assert folder.found()[0] == (3, "device")
    assert folder.found(second_device=None) == []
    assert set(folder.found(second_device=None, trusted=kept)) == {(8, "seal")}
    assert {one[1] for one in folder.found(second_device=None, known=known)} == {"seal"}


def note_of(folder: Folder) -> VerifiedPoint:
    last = folder.seals.last()
    assert last is not None
    return VerifiedPoint(last.seq, last.head, last.number, last.hash, datetime.now(UTC))


def test_a_missing_checkpoint_is_found(folder: Folder) -> None:
    both = lines(folder)
    folder.seals.path.write_text(both[1])
    assert folder.found()[0][1] == "seal"
    folder.seals.path.write_text(both[0])
    assert folder.found() == [(8, "seal")]
    assert "second device" in folder.verify().findings[0].detail
    assert folder.found(second_device=None) == []
    assert folder.found(second_device=None, known=note_of_line(both[1])) == [(8, "seal")]


def note_of_line(line: str) -> VerifiedPoint:
    last = read_checkpoint(line)
    return VerifiedPoint(last.seq, last.head, last.number, last.hash, datetime.now(UTC))


def test_the_sealer_signs_nothing_after_checkpoints_were_taken_away(folder: Folder) -> None:
    folder.append(9, 9)
    both = lines(folder)
    folder.seals.path.write_text(both[0])
    with pytest.raises(IntegrityError, match="taken away"):
        folder.sealer.seal()
    assert "taken away" in folder.seals.problem()
    fresh = Sealer(folder.seals, folder.open_store())
    with pytest.raises(IntegrityError, match="second device holds checkpoint 2"):
        fresh.seal()
    fresh.close()
    assert lines(folder) == both[:1]
    folder.seals.path.write_text("".join(both))
    folder.seal()
    assert folder.seals.problem() == ""


def test_a_first_checkpoint_that_only_the_second_device_holds_is_not_signed_over(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data", device=tmp_path / "second")
    folder.append(1, 1)
    folder.seal()
    folder.seals.path.unlink()
    fresh = Sealer(folder.seals, folder.open_store())
    with pytest.raises(IntegrityError) as refused:
        fresh.seal()
    assert refused.value.message == (
        f"The second device holds checkpoint 1 of the audit log, and {folder.seals.folder} does not, so nothing is"
        " sealed: run dafe audit verify; when the data folder was restored from a backup, give the second device a new"
        " folder."
    )
    fresh.close()
    folder.close()


def test_the_sealer_does_not_sign_a_log_that_contradicts_what_it_signed(folder: Folder) -> None:
    folder.append(9, 10)
    kept = bodies(folder.database)
    events = {seq: json.loads(body) for seq, body in kept.items()}
    events[8]["actor"] = "omar"
    for changed in (chained(events), {seq: body for seq, body in kept.items() if seq != 9}):
        rewrite(folder.database, changed, macs=with_key)
        with pytest.raises(IntegrityError, match="nothing is sealed"):
            folder.sealer.seal()
    change(folder.database, "DELETE FROM audit WHERE seq > 6")
    for sign in (folder.sealer.seal, folder.sealer.renew_key):
        with pytest.raises(IntegrityError, match="ends before event 8"):
            sign()
    assert len(lines(folder)) == 2


@pytest.mark.parametrize("broken", ["number", "link"])
def test_the_sealer_signs_no_event_that_is_out_of_its_place(folder: Folder, broken: str) -> None:
    folder.append(9, 11)
    rows = bodies(folder.database)
    if broken == "number":
        rows[12] = rows.pop(11)
    else:
        rows[10] = json.dumps(json.loads(rows[10]) | {"actor": "omar"}, sort_keys=True, separators=(",", ":"))
    rewrite(folder.database, rows, macs=with_key)
    with pytest.raises(IntegrityError, match=r"not whole at event 1\d, so nothing is sealed"):
        folder.sealer.seal()


def test_sealing_is_due_a_minute_after_an_event_after_a_thousand_and_after_four_quiet_minutes(folder: Folder) -> None:
    assert not folder.sealer.is_due()
    last = folder.seals.last()
    assert last is not None
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex((folder.path / "seal" / "key").read_text()))

    def sealed_before(**ago: float) -> None:
        at = datetime.now(UTC) - timedelta(**ago)
        made = sign_checkpoint(key=key, seq=8, head=last.head, at=at, before=None)
        folder.seals.path.write_text(made.to_text() + "\n")

    sealed_before(minutes=3)
    assert not folder.sealer.is_due()
    sealed_before(minutes=4.1)
    assert folder.sealer.is_due()
    folder.append(9, 9)
    sealed_before(seconds=50)
    assert not folder.sealer.is_due()
    sealed_before(seconds=61)
    assert folder.sealer.is_due()
    sealed_before(seconds=1)
    folder.log._write([event(number) for number in range(10, 1008)])
    assert not folder.sealer.is_due()
    folder.append(1008, 1008)
    assert folder.sealer.is_due()


def test_before_the_first_event_there_is_nothing_to_seal(tmp_path: Path) -> None:
    empty = Folder(tmp_path / "empty")
    assert not empty.sealer.is_due()
    assert empty.sealer.seal() is None
    assert empty.sealer.renew_key() is None
    empty.append(1, 1)
    assert empty.sealer.is_due()
    empty.seal()
    assert not empty.sealer.is_due()
    empty.close()


def test_another_key_is_used_only_where_the_old_one_signed_so(folder: Folder) -> None:
    before = folder.seal()
    changed = folder.sealer.renew_key()
    assert changed is not None
    folder.append(9, 9)
    after = folder.seal()
    assert (changed.key, changed.next_key, after.key) == (before.key, after.key, after.key)
    assert before.key != after.key
    assert folder.verify().ok is True
    old = Ed25519PrivateKey.generate()
    (folder.path / "seal" / "key").write_text(old.private_bytes_raw().hex())
    folder.append(10, 10)
    with pytest.raises(IntegrityError, match="not the one that signed"):
        folder.sealer.seal()
    forged = sign_checkpoint(key=old, seq=10, head=folder.log.head().hash, at=datetime.now(UTC), before=after)
    with folder.seals.path.open("a") as file:
        file.write(forged.to_text() + "\n")
    assert folder.found() == [(10, "seal")]


def test_a_change_of_keys_that_was_cut_off_is_ended(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(5, "cut off")))
        with pytest.raises(BackendUnavailableError):
            folder.sealer.renew_key()
    folder.append(9, 9)
    folder.seal()
    assert folder.verify().ok is True
    assert not (folder.path / "seal" / "next-key").exists()


def test_a_lost_key_is_not_replaced_in_silence(folder: Folder) -> None:
    (folder.path / "seal" / "key").unlink()
    folder.append(9, 9)
    with pytest.raises(IntegrityError, match="put it back"):
        folder.sealer.seal()


def test_a_checkpoint_kept_elsewhere_must_be_one_of_this_log(folder: Folder, tmp_path: Path) -> None:
    kept = folder.seal()
    assert folder.found(trusted=kept) == []
    other = Folder(tmp_path / "other")
    other.append(1, 3)
    assert set(folder.found(trusted=other.seal())) == {(3, "seal")}
    other.close()


def test_incremental_begins_where_it_ended_well_or_at_the_checkpoint_given(folder: Folder, tmp_path: Path) -> None:
    known, first = note_of(folder), read_checkpoint(lines(folder)[0])
    folder.append(9, 12)
    result = folder.verify(incremental=True, known=known)
    assert (result.ok, result.verified_from, result.events, result.verified_to) == (True, 8, 5, 12)
    result = folder.verify(incremental=True, known=known, trusted=first)
    assert (result.ok, result.verified_from, result.events) == (True, 4, 9)
    result = folder.verify(
        incremental=True, known=note_of_line(first.to_text()), trusted=read_checkpoint(lines(folder)[1])
    )
    assert (result.ok, result.verified_from) == (True, 8)
    change(folder.database, "UPDATE audit SET body = replace(body, 'ilse', 'omar') WHERE seq IN (2, 10)")
    assert folder.found(incremental=True, known=known)[0] == (10, "modified")
    assert folder.found(known=known)[0] == (2, "modified")
    change(folder.database, "DELETE FROM audit WHERE seq > 6")
    assert folder.found(incremental=True, known=known)[0] == (8, "truncated")


def test_the_note_of_the_last_verification_carries_a_checksum(tmp_path: Path) -> None:
    notes = VerifiedPoints(tmp_path / "note", key=MAC_KEY)
    assert notes.last() is None
    point = VerifiedPoint(7, "a" * 64, 2, "b" * 64, datetime.now(UTC))
    notes.save(point)
    assert notes.last() == point
    assert (tmp_path / "note").stat().st_mode & 0o777 == 0o600
    text = (tmp_path / "note").read_text()
    for broken in (text.replace("7", "6", 1), "", "{}", '{"body":1,"mac":"é"}'):
        (tmp_path / "note").write_text(broken)
        with pytest.raises(IntegrityError):
            notes.last()


def test_a_folder_that_cannot_be_used_is_named_and_leaves_no_complaint(folder: Folder, tmp_path: Path) -> None:
    assert (folder.path / "seal").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("")
    sealer = Sealer(Seals(tmp_path / "file", data_dir=folder.path), folder.open_store())
    with pytest.raises(
        BackendUnavailableError, match=r"^The audit log cannot be sealed \(File exists\): check the folder .*/file\.$"
    ):
        sealer.seal()
    sealer.close()


def test_a_complaint_stays_until_sealing_works_again(folder: Folder) -> None:
    key = folder.path / "seal" / "key"
    away = key.rename(key.with_name("away"))
    folder.append(9, 9)
    with pytest.raises(IntegrityError) as refused:
        folder.sealer.seal()
    assert refused.value.message == f"The sealer's key {key} is missing, so nothing is sealed: put it back."
    assert folder.seals.complaint() == refused.value.message
    away.rename(key)
    assert folder.seal().seq == 9
    assert folder.seals.complaint() == ""


def test_a_checkpoint_with_a_wrong_signature_is_not_sealed_upon(folder: Folder) -> None:
    both = lines(folder)
    folder.seals.path.write_text(both[0] + both[1].replace('"signature":"', '"signature":"00'))
    sealer = Sealer(folder.seals, folder.open_store())
    with pytest.raises(IntegrityError, match=r"^The last checkpoint of the audit log is not as it was signed, so noth"):
        sealer.seal()
    sealer.close()


def test_a_checkpoint_that_does_not_follow_is_not_sealed_upon(folder: Folder) -> None:
    last = folder.seals.last()
    assert last is not None
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex((folder.path / "seal" / "key").read_text()))
    stray = sign_checkpoint(key=key, seq=8, head=last.head, at=last.at, before=None)
    for line in (stray.to_text(), "no checkpoint"):
        kept = "".join(lines(folder))
        folder.seals.path.write_text(kept + line + "\n")
        with pytest.raises(IntegrityError, match=r"^Checkpoints of the audit log were taken away or changed, so nothi"):
            folder.sealer.seal()
        folder.seals.path.write_text(kept)


def test_what_another_sealer_signed_meanwhile_is_gone_on_from(folder: Folder) -> None:
    another = Sealer(folder.seals, folder.open_store())
    for number in (9, 10):
        folder.append(number, number)
        assert another.seal() == folder.seals.last()
    another.close()
    folder.append(11, 11)
    assert (folder.seal().number, folder.verify().ok) == (5, True)


def test_the_second_device_gets_the_checkpoints_that_it_lacks(folder: Folder) -> None:
    copy = Path(str(folder.device)) / "checkpoints.jsonl"
    copy.write_text(lines(folder)[0])
    folder.seal()
    assert copy.read_text() == folder.seals.path.read_text()
    copy.unlink()
    folder.append(9, 9)
    folder.seal()
    assert copy.read_text() == folder.seals.path.read_text()


def test_without_its_folder_the_second_device_is_left_alone(folder: Folder) -> None:
    device = Path(str(folder.device))
    shutil.rmtree(device)
    folder.append(9, 9)
    assert folder.seal().seq == folder.log.head().seq
    assert not device.exists()
    device.mkdir()
    (device / "checkpoints.jsonl").mkdir()
    folder.append(11, 11)
    assert folder.seal().seq == folder.log.head().seq


def start(folder: Folder) -> subprocess.Popen[bytes]:
    return subprocess.Popen(folder.seals.command(), cwd=ROOT, stderr=subprocess.PIPE)


def wait_until(condition: object, *, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.05)


def test_the_sealer_process_seals_at_its_start_and_end_and_another_takes_over(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    folder.append(1, 3)
    one = start(folder)
    wait_until(lambda: folder.seals.last() is not None and folder.seals.is_running())
    two = start(folder)
    folder.append(4, 4)
    one.send_signal(signal.SIGTERM)
    assert one.wait(timeout=20) == 0
    last = folder.seals.last()
    assert last is not None
    assert last.seq == 4
    wait_until(folder.seals.is_running)
    two.kill()
    two.wait(timeout=20)
    assert not folder.seals.is_running()
    assert folder.verify().ok is True
    assert [process.stderr.read() for process in (one, two) if process.stderr] == [b"", b""]
    for process in (one, two):
        assert process.stderr
        process.stderr.close()
    folder.close()


def test_sealing_once_is_done_by_a_process_whose_sentence_is_kept(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    assert folder.seals.seal() is None
    folder.append(1, 2)
    sealed = folder.seals.seal()
    assert sealed is not None
    assert sealed.seq == 2
    change(folder.database, "DELETE FROM audit WHERE seq > 1")
    with pytest.raises(BackendUnavailableError, match="ends before event 2"):
        folder.seals.seal()
    run = subprocess.run([*folder.seals.command(), "--once"], cwd=ROOT, capture_output=True, check=False)
    assert run.returncode == 1
    folder.close()


def test_the_verifier_of_an_export_needs_no_other_part_of_the_program() -> None:
    code = (
        "import sys, runpy; runpy.run_path('app/audit_verifier.py'); print([n for n in sys.modules if n[:4] == 'app.'])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
