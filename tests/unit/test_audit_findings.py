"""What verification says, word for word: at which event, how far the log is sound all the same, and where it began."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.domain.audit import GENESIS, AuditFinding
from app.security.audit_chain import Checkpoint, key_id, read_checkpoint, sign_checkpoint
from app.security.audit_log import AuditLog
from app.security.audit_verification_files import _offset_behind
from app.security.grown_file import append_lines, read_lines
from app.security.verified_point import VerifiedPoint
from backends.lock_files import exclusive
from tests.unit.audit_parts import Folder, bodies, chained, change, event, rewrite, with_key

DAY = datetime(2026, 3, 4, 12, tzinfo=UTC)
WRITTEN_ANEW = "one of the events 5 to 8 is not as checkpoint 2 sealed it"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Eight events with a second device, sealed after the fourth and the eighth."""
    made = Folder(tmp_path / "data", device=tmp_path / "second")
    for first in (1, 5):
        made.append(first, first + 3)
        made.seal()
    yield made
    made.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Folder]:
    """Another installation."""
    made = Folder(tmp_path / "other")
    made.append(1, 8)
    yield made
    made.close()


def findings(folder: Folder, **given: Any) -> list[AuditFinding]:
    return list(folder.verify(**given).findings)


def alone(folder: Folder, **given: Any) -> list[AuditFinding]:
    """Without the second device."""
    return findings(folder, second_device=None, **given)


def lines(folder: Folder) -> list[str]:
    return folder.seals.path.read_text().splitlines(keepends=True)


def checkpoint(folder: Folder, place: int) -> Checkpoint:
    return read_checkpoint(lines(folder)[place])


def note(of: Checkpoint) -> VerifiedPoint:
    return VerifiedPoint(of.seq, of.head, of.number, of.hash, DAY)


def key_of(folder: Folder) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex((folder.path / "seal" / "key").read_text()))


def write_anew(folder: Folder, seq: int, **changed: Any) -> None:
    """Who has the MAC key, and not the sealer's, writes the whole chain anew."""
    events = {seq: json.loads(body) for seq, body in bodies(folder.database).items()}
    events[seq] |= changed
    rewrite(folder.database, chained(events), macs=with_key)


def test_events_that_were_changed_moved_or_taken_away(folder: Folder) -> None:
    kept = bodies(folder.database)
    changed = "the event is not as it was written"
    change(folder.database, "UPDATE audit SET body = replace(body, 'ilse', 'omar') WHERE seq = 3")
    assert alone(folder) == [AuditFinding(3, "modified", changed)]
    rewrite(folder.database, {seq: body for seq, body in kept.items() if seq != 3}, macs=with_key)
    assert alone(folder) == [AuditFinding(3, "missing", "the event is not there")]
    rewrite(folder.database, {seq: body for seq, body in kept.items() if seq not in {2, 3}}, macs=with_key)
    assert alone(folder) == [AuditFinding(2, "missing", "events 2 to 3 are not there")]
    swapped = kept | {5: kept[6], 6: kept[5]}
    rewrite(folder.database, swapped, macs=with_key)
    moved = "the event was written with another number"
    assert alone(folder) == [AuditFinding(5, "reordered", moved), AuditFinding(6, "reordered", moved)]
    rewrite(folder.database, {**kept, 9: kept[8].replace('"seq":8', '"seq":9')}, macs=with_key)
    assert alone(folder) == [AuditFinding(9, "inserted", "the event does not follow the one before it")]


def test_the_first_event_follows_nothing(other: Folder) -> None:
    first = json.loads(bodies(other.database)[1]) | {"prev": "f" * 64}
    body = json.dumps(first, sort_keys=True, separators=(",", ":"))
    rewrite(other.database, {1: body}, macs=with_key)
    for incremental in (False, True):
        told = AuditFinding(1, "inserted", "the event does not follow the one before it")
        assert findings(other, incremental=incremental) == [told]


def test_a_hundred_findings_are_enough(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.log._write([event(number) for number in range(120)])
    change(folder.database, "UPDATE audit SET body = replace(body, 'ilse', 'omar')")
    result = folder.verify()
    assert [one.seq for one in result.findings] == list(range(1, 101))
    assert (result.events, result.verified_from, result.verified_to) == (120, 1, 0)
    folder.close()


@pytest.mark.parametrize(
    ("sealed", "told"),
    [
        (9, "the event is not as checkpoint 3 sealed it"),
        (10, "one of the events 9 to 10 is not as checkpoint 3 sealed it"),
    ],
)
def test_a_chain_written_anew_is_told_by_the_checkpoints_behind(folder: Folder, sealed: int, told: str) -> None:
    folder.append(9, sealed)
    folder.seal()
    write_anew(folder, 6, actor="omar")
    assert alone(folder) == [AuditFinding(8, "seal", WRITTEN_ANEW, 4), AuditFinding(sealed, "seal", told, 8)]
    assert folder.verify(second_device=None).verified_to == 4
    differs = AuditFinding(6, "device", "the event differs from its copy on the second device")
    assert findings(folder)[0] == differs


def test_the_first_event_alone_may_be_sealed(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.append(1, 1)
    folder.seal()
    assert folder.verify(incremental=True).events == 1
    assert folder.verify(incremental=True).verified_from == 1
    write_anew(folder, 1, actor="omar")
    assert findings(folder) == [AuditFinding(1, "seal", "the event is not as checkpoint 1 sealed it", 0)]
    folder.close()


def test_a_log_written_and_sealed_anew_is_told_by_what_was_kept_and_what_was_verified(folder: Folder) -> None:
    kept = checkpoint(folder, 1)
    write_anew(folder, 6, actor="omar")
    forged = sign_checkpoint(
        key=key_of(folder), seq=8, head=folder.log.head().hash, at=DAY, before=checkpoint(folder, 0)
    )
    folder.seals.path.write_text(lines(folder)[0] + forged.to_text() + "\n")
    given = AuditFinding(8, "seal", "checkpoint 2 is not the one given", 0)
    signed = f"the events to here are not those of the checkpoint given, which was signed on {kept.at:%Y-%m-%d}"
    assert alone(folder, trusted=kept) == [given, AuditFinding(8, "seal", signed, 0)]
    verified = AuditFinding(8, "seal", "checkpoint 2 is not the one that was verified on 2026-03-04", 0)
    events = AuditFinding(8, "seal", "the events to here are not those that were verified on 2026-03-04", 0)
    assert alone(folder, known=note(kept)) == [verified, events]
    assert alone(folder, incremental=True, known=note(kept)) == [verified, events]
    assert alone(folder) == []


def test_a_checkpoint_given_must_be_signed_by_this_installation(folder: Folder, other: Folder) -> None:
    foreign = AuditFinding(8, "seal", "the checkpoint given was not signed by this installation", 0)
    assert foreign in findings(folder, trusted=other.seal())
    unsigned = replace(checkpoint(folder, 1), signature="00" * 64)
    assert findings(folder, trusted=unsigned) == [foreign]
    both = lines(folder)
    folder.sealer.renew_key()
    renewed = checkpoint(folder, 2)
    folder.seals.path.write_text("".join(both[:1]))
    assert findings(folder, trusted=renewed, second_device=None) == [
        AuditFinding(8, "seal", "checkpoint 3 is not the one given", 0)
    ]


def test_where_only_a_change_of_keys_is_sealed_another_key_is_known_as_such(other: Folder, folder: Folder) -> None:
    other.sealer.renew_key()
    foreign = AuditFinding(8, "seal", "the checkpoint given was not signed by this installation", 0)
    assert foreign in findings(other, trusted=checkpoint(folder, 1))
    assert findings(other, trusted=checkpoint(other, 0)) == []


def test_reading_on_asks_nothing_of_the_checkpoints_before_and_reading_all_does(folder: Folder) -> None:
    known, trusted = note(checkpoint(folder, 1)), checkpoint(folder, 1)
    broken = lines(folder)
    broken[0] = broken[0].replace('"signature":"', '"signature":"00')
    folder.seals.path.write_text("".join(broken))
    told = AuditFinding(4, "seal", "checkpoint 1 is not as it was signed", 0)
    for given in ({"known": known}, {"trusted": trusted}):
        result = folder.verify(incremental=True, **given)
        assert (result.ok, result.verified_from, result.verified_to) == (True, 8, 8)
        assert told in findings(folder, **given)


def test_reading_on_begins_at_the_first_event_where_nothing_was_verified(folder: Folder) -> None:
    nothing = VerifiedPoint(0, GENESIS, 0, GENESIS, DAY)
    for given in ({}, {"known": nothing}):
        result = folder.verify(incremental=True, **given)
        assert (result.ok, result.verified_from, result.events, result.doubt) == (True, 1, 8, "")
    change(folder.database, "UPDATE audit SET body = replace(body, 'ilse', 'omar') WHERE seq = 1")
    assert alone(folder, incremental=True, known=nothing)[0].seq == 1


@pytest.mark.parametrize("broken", ["number", "previous"])
@pytest.mark.parametrize("place", [0, 1])
def test_a_signed_checkpoint_must_have_its_number_and_follow_the_one_before(
    folder: Folder, place: int, broken: str
) -> None:
    signed = checkpoint(folder, place)
    before = checkpoint(folder, 0)
    if broken == "number":
        body = signed.body.replace(f'"number":{signed.number}', f'"number":{signed.number + 1}')
    else:
        body = signed.body.replace(signed.previous, "e" * 64)
    assert body != signed.body
    wrong = replace(signed, body=body, signature=key_of(folder).sign(body.encode()).hex())
    folder.seals.path.write_text("".join(one.to_text() + "\n" for one in ([before, wrong] if place else [wrong])))
    told = f"checkpoint {place + 1} is not as it was signed"
    assert alone(folder) == [AuditFinding(signed.seq, "seal", told, 4 * place)]


def test_copies_of_checkpoints_are_compared(folder: Folder) -> None:
    assert folder.device
    copies = folder.device / "checkpoints.jsonl"
    both, known = lines(folder), note(checkpoint(folder, 1))
    folder.append(9, 9)
    folder.seal()
    for incremental in (False, True):
        folder.seals.path.write_text("".join(both))
        missing = "checkpoint 3, which lies on the second device, is missing here"
        assert findings(folder, known=known, incremental=incremental) == [AuditFinding(9, "seal", missing, 0)]
    another = sign_checkpoint(key=key_of(folder), seq=8, head="a" * 64, at=DAY, before=checkpoint(folder, 0))
    told = "checkpoint 2, which lies on the second device, is another one here"
    for copy, seq in ((another.to_text() + "\n", 8), ("no checkpoint\n", 1)):
        copies.write_text(both[0] + copy)
        assert findings(folder) == [AuditFinding(seq, "seal", told, 0)]


def test_a_second_device_is_looked_at_to_its_end(folder: Folder) -> None:
    assert folder.device
    events = folder.device / "events.jsonl"
    copied = events.read_text()
    assert folder.verify().doubt == ""
    more = AuditFinding(9, "truncated", "the second device holds events that the log lacks")
    events.write_text(copied + copied.splitlines()[-1] + "\n")
    assert findings(folder) == [more]
    folder.append(9, 9)
    events.write_text(copied + copied.splitlines()[-1] + "\n")
    differs = AuditFinding(9, "device", "the event differs from its copy on the second device")
    assert findings(folder) == [differs]
    events.unlink()
    result = folder.verify()
    assert (result.ok, result.findings) == (None, ())
    assert result.doubt == "The second device cannot be read: No such file or directory."


def test_a_second_device_that_breaks_while_it_is_read_leaves_a_doubt(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(path: Path, *, offset: int) -> Iterator[str]:
        for line in read_lines(path, offset=offset):
            yield line
            if path.name == "events.jsonl":
                raise OSError(5, "Input/output error")

    monkeypatch.setattr("app.security.audit_verification_files.read_lines", breaking)
    result = folder.verify()
    assert (result.ok, result.findings) == (None, ())
    assert result.doubt == "The second device cannot be read: Input/output error."


def test_what_is_written_while_the_log_is_read_is_no_finding(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the second device's copy of it is the same."""
    in_step = AuditLog.in_step

    def grown(log: AuditLog) -> Any:
        found = in_step(log)
        folder.append(9, 10)
        return found

    monkeypatch.setattr(AuditLog, "in_step", grown)
    result = folder.verify()
    assert (result.ok, result.events, result.verified_to, result.findings) == (True, 8, 8, ())
    monkeypatch.undo()
    assert folder.device
    events = folder.device / "events.jsonl"
    events.write_text(events.read_text().replace('"d9"', '"d8"'))
    monkeypatch.setattr(AuditLog, "in_step", lambda log: (replace(in_step(log)[0], seq=8), None))
    more = AuditFinding(9, "truncated", "the second device holds events that the log lacks")
    assert findings(folder) == [more]


def test_a_checkpoint_that_cannot_be_read_is_named_by_its_place(folder: Folder) -> None:
    both = lines(folder)
    for place, seq, sound in ((0, 1, 0), (1, 5, 4)):
        folder.seals.path.write_text("".join([*both[:place], "no checkpoint\n", *both[place + 1 :]]))
        told = AuditFinding(seq, "seal", f"checkpoint {place + 1} is not as it was signed", sound)
        assert alone(folder) == [told]
    known = note(read_checkpoint(both[1]))
    folder.seals.path.write_text(both[0] + both[1].replace('"signature":"', '"signature":"00'))
    told = AuditFinding(8, "seal", "checkpoint 2 is not as it was signed", 0)
    assert alone(folder, known=known, incremental=True) == [told]


def test_where_the_log_ends_too_early(folder: Folder) -> None:
    change(folder.database, "DELETE FROM audit WHERE seq > 6")
    told = "the log is known to have had 8 events and ends before it"
    assert alone(folder) == [AuditFinding(7, "truncated", told)]


def test_of_one_event_the_finding_that_is_sure_counts(folder: Folder) -> None:
    change(folder.database, "UPDATE audit SET body = replace(body, 'ilse', 'omar') WHERE seq = 8")
    result = folder.verify(second_device=None)
    assert [(one.kind, one.sound_to) for one in result.findings] == [("modified", None), ("seal", 4)]
    assert (result.ok, result.verified_to, result.sealed_to) == (False, 7, 8)
    assert result.key_id == key_id(checkpoint(folder, 1).key)


def test_nothing_is_said_of_seals_where_there_are_none(other: Folder) -> None:
    result = other.verify()
    assert (result.ok, result.sealed_to, result.key_id) == (None, 0, "")
    assert result.doubt == "No checkpoint seals the log yet: verify again in a minute."


def test_the_newest_of_the_checkpoints_tells_whether_the_sealer_seals(folder: Folder) -> None:
    held, before = key_of(folder), None
    folder.seals.path.unlink()
    rows = list(folder.log.rows())
    for seq, at in ((2, DAY), (4, DAY), (6, datetime.now(UTC))):
        before = sign_checkpoint(key=held, seq=seq, head=rows[seq - 1].hash, at=at, before=before)
        append_lines(folder.seals.path, [before.to_text()])
    with exclusive(folder.path / "up.lock"):
        assert folder.seals.is_expected()
        assert folder.verify(second_device=None).doubt == ""
        folder.seals.path.write_text("".join(lines(folder)[:2]))
        assert "minutes old" in folder.verify(second_device=None).doubt


@pytest.mark.parametrize("first", [1, 5])
def test_lines_are_found_by_their_numbers(tmp_path: Path, first: int) -> None:
    random, pattern, path = Random(first), re.compile(rb" n(\d+);"), tmp_path / "lines"
    texts = {n: f"{'x' * random.choice((0, 1, 2, 30, 200))} n{n};\n".encode() for n in range(first, first + 60)}
    path.write_bytes(b"".join(texts.values()))
    for wanted in range(first + 62):
        behind = b"".join(text for number, text in texts.items() if number > wanted)
        assert path.read_bytes()[_offset_behind(path, wanted, pattern) :] == behind
    texts[first + 20] = b"was cut off\n"
    path.write_bytes(b"".join(texts.values()))
    for wanted in range(first + 62):
        behind = b"".join(text for number, text in texts.items() if number > max(wanted, first + 20))
        assert path.read_bytes()[_offset_behind(path, wanted, pattern) :].endswith(behind)
