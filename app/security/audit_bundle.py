"""The export of the audit log: events, checkpoints and public key, with the program that verifies them anywhere."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile

from app.security.audit_chain import canonical, key_id, read_checkpoint

EVENTS, CHECKPOINTS, PUBLIC_KEY, VERIFIER, READ_ME = (
    "events.jsonl",
    "checkpoints.jsonl",
    "public-key.json",
    "verify.py",
    "README.txt",
)
_VERIFIER_PATH = Path(__file__).parents[1] / "audit_verifier.py"
_READ_ME_TEXT = """\
Export of an audit log of Dafe Graphs.

events.jsonl       every event as it was written, one JSON object a line; each names the hash of the one before it
checkpoints.jsonl  signed statements (Ed25519) of what the log was at a time; each names the hash of the one before it
public-key.json    the public key of the last checkpoint and its short name, the key id
verify.py          verifies all this without network and without Dafe Graphs; it needs Python 3.11 and cryptography

    python verify.py . --key-id {key_id}

Compare the key id with the one you were given by the people who run the log ("dafe audit status" prints it), not with
the one in this folder. Exit code 0: sound, 1: changed, 4: it cannot be told.
"""


def write_lines(file: IO[bytes], *, rows: Iterable[str], checkpoints: Iterable[str]) -> None:
    """One JSON object a line: the events, the checkpoints, and at last the public key."""
    sealed = list(checkpoints)
    for line in (*rows, *sealed, canonical(_public_key(sealed))):
        file.write(f"{line}\n".encode("ascii"))


def write_bundle(file: IO[bytes], *, rows: Iterable[str], checkpoints: Iterable[str]) -> None:
    """A ZIP archive of one folder's files, with the verifier."""
    sealed = list(checkpoints)
    public = _public_key(sealed)
    with ZipFile(file, "w", compression=ZIP_DEFLATED) as archive:
        _add_lines(archive, EVENTS, rows)
        _add_lines(archive, CHECKPOINTS, iter(sealed))
        archive.writestr(PUBLIC_KEY, json.dumps(public, indent=2) + "\n")
        archive.writestr(VERIFIER, _VERIFIER_PATH.read_text(encoding="utf-8"))
        archive.writestr(READ_ME, _READ_ME_TEXT.format(key_id=public["key_id"] or "KEY-ID"))


def _add_lines(archive: ZipFile, name: str, lines: Iterable[str] | Iterator[str]) -> None:
    with archive.open(name, "w", force_zip64=True) as member:
        for line in lines:
            member.write(f"{line}\n".encode("ascii"))


def _public_key(checkpoints: list[str]) -> dict[str, str]:
    if not checkpoints:
        return {"public_key": "", "key_id": ""}
    key = read_checkpoint(checkpoints[-1]).key_after
    return {"public_key": key, "key_id": key_id(key)}
