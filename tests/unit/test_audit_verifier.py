"""The verifier of an export: one file that needs the public key alone, and says what it cannot tell."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import audit_verifier
from app.security.audit_bundle import write_bundle, write_lines
from app.security.audit_chain import canonical, key_id
from tests.unit.audit_parts import Folder

PROGRAM = Path(audit_verifier.__file__)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Eight events, sealed after the fourth and the eighth."""
    made = Folder(tmp_path / "data")
    for first in (1, 5):
        made.append(first, first + 3)
        made.seal()
    yield made
    made.close()


def rows(folder: Folder) -> list[str]:
    return [row.body for row in folder.log.rows()]


def seals(folder: Folder) -> list[str]:
    return list(folder.seals.lines())


def verify(events: list[str], checkpoints: list[str], **given: Any) -> dict[str, Any]:
    return audit_verifier.verify(events, checkpoints, **given)


def id_of(folder: Folder) -> str:
    last = folder.seals.last()
    assert last is not None
    return key_id(last.key_after)


def test_a_whole_export_is_sound(folder: Folder) -> None:
    result = verify(rows(folder), seals(folder), wanted_key_id=id_of(folder).upper())
    assert (result["ok"], result["events"], result["sealed_to"], result["key_id"]) == (True, 8, 8, id_of(folder))
    assert (result["first_bad"], result["findings"], result["doubt"]) == (None, [], "")


@pytest.mark.parametrize("seq", range(1, 9))
def test_a_changed_event_is_named(folder: Folder, seq: int) -> None:
    events = rows(folder)
    events[seq - 1] = events[seq - 1].replace("ilse", "omar")
    assert verify(events, seals(folder))["first_bad"] == seq
    events = rows(folder)
    stored = json.loads(events[seq - 1]) | {"prev": "f" * 64}
    events[seq - 1] = json.dumps(stored, sort_keys=True, separators=(",", ":"))
    assert verify(events, seals(folder))["first_bad"] == seq


@pytest.mark.parametrize("seq", range(1, 9))
def test_a_missing_event_is_named(folder: Folder, seq: int) -> None:
    events = rows(folder)
    del events[seq - 1]
    result = verify(events, seals(folder))
    assert (result["ok"], result["first_bad"]) == (False, seq)


def test_events_behind_the_last_checkpoint_are_not_vouched_for(folder: Folder) -> None:
    folder.append(9, 10)
    result = verify(rows(folder), seals(folder))
    assert (result["ok"], result["sealed_to"]) == (None, 8)
    assert "9 to 10" in result["doubt"]
    assert verify(rows(folder), [])["ok"] is None


def test_checkpoints_of_another_key_are_not_those_that_were_asked_for(folder: Folder, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other")
    other.append(1, 8)
    other.seal()
    assert verify(rows(other), seals(other))["ok"] is True
    assert verify(rows(other), seals(other), wanted_key_id=id_of(folder))["ok"] is False
    result = verify(rows(folder), seals(folder), kept=seals(other)[0])
    assert (result["ok"], result["first_bad"]) == (False, 8)
    other.close()


def test_a_key_that_was_followed_by_another_one_is_still_known(folder: Folder) -> None:
    first = id_of(folder)
    folder.sealer.renew_key()
    folder.append(9, 9)
    folder.seal()
    assert id_of(folder) != first
    for wanted in (first, id_of(folder)):
        assert verify(rows(folder), seals(folder), wanted_key_id=wanted)["ok"] is True
    lines = seals(folder)
    assert verify(rows(folder), [*lines[:2], *lines[3:]])["ok"] is False


def test_a_checkpoint_that_was_kept_is_looked_for(folder: Folder) -> None:
    kept = seals(folder)[-1]
    assert verify(rows(folder), seals(folder), kept=f"{kept}\n")["ok"] is True
    cut = verify(rows(folder)[:6], seals(folder)[:1], kept=kept)
    assert (cut["ok"], cut["first_bad"]) == (False, 7)
    broken = verify(rows(folder), seals(folder), kept=kept.replace("seq", "sea"))
    assert broken["ok"] is False


def test_the_second_device_is_compared_line_by_line(folder: Folder) -> None:
    copy = rows(folder)
    assert verify(rows(folder), seals(folder), copy=[*copy])["ok"] is True
    changed = [*copy[:5], copy[5].replace("ilse", "omar"), *copy[6:]]
    assert verify(rows(folder), seals(folder), copy=changed)["first_bad"] == 6
    assert verify(rows(folder), seals(folder), copy=copy[:3])["first_bad"] == 4
    assert verify(rows(folder), seals(folder), copy=[*copy, copy[0]])["first_bad"] == 9


def lines_of(texts: list[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def test_an_export_holds_each_file_sign_for_sign(folder: Folder) -> None:
    folder.sealer.renew_key()
    last = folder.seals.last()
    assert last is not None
    public = {"public_key": last.next_key, "key_id": id_of(folder)}
    file = io.BytesIO()
    write_bundle(file, rows=iter(rows(folder)), checkpoints=iter(seals(folder)))
    with zipfile.ZipFile(file) as archive:
        members = {one.filename: archive.read(one) for one in archive.infolist()}
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    assert list(members) == ["events.jsonl", "checkpoints.jsonl", "public-key.json", "verify.py", "README.txt"]
    assert members["events.jsonl"] == lines_of(rows(folder))
    assert members["checkpoints.jsonl"] == lines_of(seals(folder))
    assert members["public-key.json"].decode() == json.dumps(public, indent=2) + "\n"
    assert members["verify.py"] == PROGRAM.read_bytes()
    assert f"verify.py . --key-id {id_of(folder)}\n" in members["README.txt"].decode()
    plain = io.BytesIO()
    write_lines(plain, rows=iter(rows(folder)), checkpoints=iter(seals(folder)))
    assert plain.getvalue() == lines_of([*rows(folder), *seals(folder), canonical(public)])


def test_an_export_without_a_checkpoint_names_no_key(folder: Folder) -> None:
    file, plain = io.BytesIO(), io.BytesIO()
    write_bundle(file, rows=rows(folder), checkpoints=[])
    with zipfile.ZipFile(file) as archive:
        assert json.loads(archive.read("public-key.json")) == {"public_key": "", "key_id": ""}
        assert b"verify.py . --key-id KEY-ID\n" in archive.read("README.txt")
    write_lines(plain, rows=[], checkpoints=[])
    assert plain.getvalue() == b'{"key_id":"","public_key":""}\n'


def test_the_program_ends_with_what_it_found(folder: Folder, tmp_path: Path) -> None:
    with (tmp_path / "export.zip").open("wb") as file:
        write_bundle(file, rows=rows(folder), checkpoints=seals(folder))
    with (tmp_path / "lines").open("wb") as file:
        write_lines(file, rows=rows(folder)[:7], checkpoints=seals(folder))
    with (tmp_path / "unsealed").open("wb") as file:
        write_lines(file, rows=rows(folder), checkpoints=[])
    (tmp_path / "noise").write_bytes(bytes(range(256)))

    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-I", PROGRAM, *arguments]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert "Traceback" not in ended.stderr
        return ended.returncode, ended.stdout + ended.stderr

    code, said = run("export.zip", "--key-id", id_of(folder))
    assert (code, "The log is intact: 8 events, sealed to 8." in said) == (0, True)
    code, said = run("lines")
    assert (code, "The first bad event is 8." in said) == (1, True)
    assert run("unsealed")[0] == 4
    for absent in ("absent", "noise"):
        code, said = run(absent)
        assert (code, "cannot be read" in said) == (2, True)
