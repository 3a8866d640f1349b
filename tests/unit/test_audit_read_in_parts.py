"""A log that is read in parts is told as whole or changed as one that is read at once, wherever the parts meet."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.domain.audit import GENESIS, AuditFinding, AuditVerification
from app.security.verified_point import VerifiedPoint
from tests.unit.audit_parts import Folder, bodies, chained, change, rewrite, with_key

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
SEALED = (3, 6, 9)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Ten events with a second device; the third, sixth and ninth are sealed."""
    made = Folder(tmp_path / "data", device=tmp_path / "second")
    for first, last in ((1, 3), (4, 6), (7, 9)):
        made.append(first, last)
        made.seal()
    made.append(10, 10)
    yield made
    made.close()


def end_of(part: AuditVerification) -> VerifiedPoint:
    return VerifiedPoint(part.verified_to, part.head, part.checkpoint, part.checkpoint_hash, NOW)


def in_two(folder: Folder, meeting: int, **given: Any) -> list[AuditFinding]:
    """Of the parts up to the event `meeting` and from there on; a part with a finding ends it."""
    first = folder.verify(until=meeting, **given)
    if first.findings:
        return list(first.findings)
    return list(folder.verify(begin=end_of(first), **given).findings)


@pytest.mark.parametrize("meeting", range(1, 10))
def test_parts_of_a_whole_log_are_sound_and_know_where_they_end(folder: Folder, meeting: int) -> None:
    rows = list(folder.log.rows())
    checkpoints = {0: GENESIS} | {place + 1: one.hash for place, one in enumerate(folder.checkpoints())}
    first = folder.verify(until=meeting)
    sealed = sum(seq <= meeting for seq in SEALED)
    assert (first.ok, first.events, first.verified_from, first.verified_to) == (True, meeting, 1, meeting)
    assert (first.head, first.doubt) == (rows[meeting - 1].hash, "")
    assert (first.checkpoint, first.checkpoint_hash) == (sealed, checkpoints[sealed])
    assert first.sealed_to == ([0, *SEALED])[sealed]
    second = folder.verify(begin=end_of(first))
    assert (second.ok, second.verified_from, second.events) == (True, meeting, 11 - meeting)
    assert (second.verified_to, second.head) == (10, rows[9].hash)
    assert (second.checkpoint, second.checkpoint_hash, second.sealed_to) == (3, checkpoints[3], 9)
    middle = folder.verify(begin=end_of(first), until=meeting + 1)
    assert (middle.ok, middle.events, middle.verified_to) == (True, 2, meeting + 1)


def test_a_part_may_be_asked_for_beyond_the_end(folder: Folder) -> None:
    assert folder.verify(until=99) == folder.verify(until=10) == folder.verify()


def changed(folder: Folder) -> None:
    change(folder.database, "UPDATE audit SET body = replace(body, 'ilse', 'omar') WHERE seq = 5")


def missing(folder: Folder) -> None:
    rewrite(folder.database, {seq: body for seq, body in bodies(folder.database).items() if seq != 5}, macs=with_key)


def written_anew(folder: Folder) -> None:
    """With the MAC's key, and a second device to match: only the sealed hashes tell."""
    events = {seq: json.loads(body) for seq, body in bodies(folder.database).items()}
    events[5]["actor"] = "omar"
    rewrite(folder.database, chained(events), macs=with_key)
    assert folder.device
    (folder.device / "events.jsonl").write_text("".join(f"{one}\n" for one in bodies(folder.database).values()))


def copied_otherwise(folder: Folder) -> None:
    assert folder.device
    lines = (folder.device / "events.jsonl").read_text().splitlines(keepends=True)
    lines[4] = lines[4].replace("ilse", "omar")
    (folder.device / "events.jsonl").write_text("".join(lines))


@pytest.mark.parametrize("meeting", range(1, 10))
@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (changed, AuditFinding(5, "modified", "the event is not as it was written")),
        (missing, AuditFinding(5, "missing", "the event is not there")),
        (written_anew, AuditFinding(6, "seal", "one of the events 4 to 6 is not as checkpoint 2 sealed it", 3)),
        (copied_otherwise, AuditFinding(5, "device", "the event differs from its copy on the second device")),
    ],
)
def test_what_was_changed_is_found_wherever_the_parts_meet(
    folder: Folder, meeting: int, harm: Callable[[Folder], None], found: AuditFinding
) -> None:
    harm(folder)
    assert found in folder.verify().findings
    assert found in in_two(folder, meeting)


def test_what_is_cut_off_behind_a_part_is_found_by_the_last_one(folder: Folder) -> None:
    first = folder.verify(until=4)
    change(folder.database, "DELETE FROM audit WHERE seq > 5")
    told = "the log is known to have had 9 events and ends before it"
    assert AuditFinding(6, "truncated", told) in folder.verify(begin=end_of(first), second_device=None).findings
    change(folder.database, "DELETE FROM audit WHERE seq > 2")
    known = "the log is known to have had 9 events and ends before it"
    assert AuditFinding(4, "truncated", known) in folder.verify(begin=end_of(first), second_device=None).findings


def test_a_part_whose_end_is_missing_says_so(folder: Folder) -> None:
    change(folder.database, "DELETE FROM audit WHERE seq IN (4, 5)")
    assert folder.verify(until=5, second_device=None).findings == (
        AuditFinding(4, "missing", "events 4 to 5 are not there"),
    )


@pytest.mark.parametrize("meeting", [2, 3, 4])
def test_what_changes_at_the_meeting_between_two_parts_is_found(folder: Folder, meeting: int) -> None:
    first = folder.verify(until=meeting)
    events = {seq: json.loads(body) for seq, body in bodies(folder.database).items()}
    events[meeting]["actor"] = "omar"
    rewrite(folder.database, chained(events), macs=with_key)
    told = AuditFinding(meeting, "seal", "the events to here are not those that were verified on 2026-03-04", 0)
    assert told in folder.verify(begin=end_of(first), second_device=None).findings
    assert told in folder.verify(begin=end_of(first), until=meeting + 1, second_device=None).findings


def test_a_part_reads_no_further_into_the_checkpoints_than_the_first_behind_it(folder: Folder) -> None:
    """A broken one behind that is left to the part that reaches it."""
    assert folder.device
    for path in (folder.seals.path, folder.device / "checkpoints.jsonl"):
        lines = path.read_text().splitlines(keepends=True)
        lines[2] = lines[2].replace('"signature":"', '"signature":"00')
        path.write_text("".join(lines))
    broken = AuditFinding(9, "seal", "checkpoint 3 is not as it was signed", 6)
    for until in (2, 3, 5):
        assert folder.verify(until=until).findings == ()
    for until in (6, 8, 9):
        assert folder.verify(until=until).findings == (broken,)
    first = folder.verify(until=5)
    assert folder.verify(begin=end_of(first), until=5).ok is True
    assert folder.verify(begin=end_of(first)).findings == (broken,)


def test_only_the_last_part_asks_for_the_newest_seal(folder: Folder) -> None:
    assert folder.device
    folder.seals.path.unlink()
    (folder.device / "checkpoints.jsonl").unlink()
    first = folder.verify(until=5)
    assert (first.ok, first.doubt, first.checkpoint, first.checkpoint_hash) == (True, "", 0, GENESIS)
    last = folder.verify(begin=end_of(first))
    assert (last.ok, last.doubt) == (None, "No checkpoint seals the log yet: verify again in a minute.")


def test_a_second_device_that_lacks_events_leaves_a_doubt_in_each_part(folder: Folder) -> None:
    assert folder.device
    events = folder.device / "events.jsonl"
    events.write_text("".join(events.read_text().splitlines(keepends=True)[:3]))
    part = folder.verify(until=5)
    assert (part.ok, part.findings) == (None, ())
    assert part.doubt == "The second device lacks event 4 and those after it."


def point(folder: Folder, number: int, **changed: Any) -> VerifiedPoint:
    one = folder.checkpoints()[number - 1]
    return replace(VerifiedPoint(one.seq, one.head, one.number, one.hash, NOW), **changed)


def test_a_part_asks_for_the_seal_that_the_one_before_it_ended_with(folder: Folder) -> None:
    told = AuditFinding(4, "seal", "checkpoint 1 is not the one that was verified on 2026-03-04", 0)
    begin = replace(end_of(folder.verify(until=4)), checkpoint_hash="f" * 64)
    assert told in folder.verify(begin=begin).findings
    assert told in folder.verify(begin=begin, until=7).findings


def test_a_part_asks_nothing_of_the_seals_before_it(folder: Folder) -> None:
    second = end_of(folder.verify(until=7))
    lines = folder.seals.path.read_text().splitlines(keepends=True)
    folder.seals.path.write_text(lines[0].replace('"signature":"', '"signature":"00') + "".join(lines[1:]))
    assert folder.verify(begin=second).ok is True


def test_a_part_that_begins_before_any_seal_asks_for_all_of_them(folder: Folder) -> None:
    begin, known = end_of(folder.verify(until=2)), point(folder, 3)
    events = {seq: json.loads(body) for seq, body in bodies(folder.database).items()}
    events[3]["actor"] = "omar"
    rewrite(folder.database, chained(events), macs=with_key)
    told = AuditFinding(3, "seal", "one of the events 1 to 3 is not as checkpoint 1 sealed it", 0)
    assert told in folder.verify(begin=begin, known=known, second_device=None).findings


def test_a_part_whose_very_last_event_is_missing_says_so(folder: Folder) -> None:
    change(folder.database, "DELETE FROM audit WHERE seq = 5")
    told = AuditFinding(5, "missing", "the event is not there")
    assert folder.verify(until=5, second_device=None).findings == (told,)


def test_a_part_asks_for_verified_seals_as_far_as_it_reads_them(folder: Folder) -> None:
    assert folder.verify(until=2, known=point(folder, 3)).findings == ()
    for until, number in ((4, 2), (7, 3)):
        told = AuditFinding(
            SEALED[number - 1], "seal", f"checkpoint {number} is not the one that was verified on 2026-03-04", 0
        )
        assert told in folder.verify(until=until, known=point(folder, number, checkpoint_hash="f" * 64)).findings
    known = point(folder, 3)
    folder.seals.path.write_text("".join(folder.seals.path.read_text().splitlines(keepends=True)[:2]))
    told = AuditFinding(9, "seal", "checkpoint 3 is not the one that was verified on 2026-03-04", 0)
    assert folder.verify(until=6, known=known, second_device=None).findings == (told,)
