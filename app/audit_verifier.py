"""Verifies an export of the audit log with the public key alone: one file, no network, no other part of the program.

    python verify.py EXPORT [--key-id ID] [--checkpoint FILE] [--second-device FILE] [--json]

EXPORT is the ZIP archive, the folder it was unpacked to, or the file of lines that `dafe audit export` prints. Needs
Python 3.11 or later and the package "cryptography". Exit code 0: sound, 1: changed, 4: it cannot be told, 2: wrong use.

What is checked: every event names its number and the SHA-256 of the event before it; every checkpoint is signed
(Ed25519) by the key in force, names the SHA-256 of the checkpoint before it, and the event it seals has the hash it
says. A key in force is followed by another one only where it signed so itself; --key-id may name any of them. What
nobody can tell from an export: that events behind the last checkpoint are all there, and, without --key-id, whose key
it is.
"""

import argparse
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GENESIS = "0" * 64
EVENTS, CHECKPOINTS = "events.jsonl", "checkpoints.jsonl"
_BROKEN = "the event is not the one that its neighbours were written beside"


def main() -> int:
    given = _arguments()
    try:
        with open_export(given.export) as (events, checkpoint_lines):
            result = verify(
                events,
                checkpoint_lines,
                wanted_key_id=given.key_id,
                kept=given.checkpoint.read_text(encoding="ascii") if given.checkpoint else "",
                copy=given.second_device.read_text(encoding="ascii").splitlines() if given.second_device else None,
            )
    except (OSError, ValueError, zipfile.BadZipFile, KeyError) as error:
        print(f"The export cannot be read: {error}", file=sys.stderr)  # noqa: T201
        return 2
    if given.json:
        print(json.dumps(result))  # noqa: T201
    else:
        print("\n".join(sentences(result)))  # noqa: T201
    return {True: 0, False: 1, None: 4}[result["ok"]]


def verify(
    events: Iterable[str],
    checkpoint_lines: Iterable[str],
    *,
    wanted_key_id: str = "",
    kept: str = "",
    copy: list[str] | None = None,
) -> dict[str, Any]:
    """`ok`, `events`, `sealed_to`, `key_id`, `first_bad` (an event's number or None), `findings`, `doubt`."""
    checkpoints, findings = read_checkpoints(checkpoint_lines)
    heads = {one["seq"]: one["head"] for one in checkpoints}
    if kept:
        trusted, wrong = _signed(kept.strip().splitlines()[-1])
        findings += [(trusted["seq"] if trusted else 1, "the checkpoint given is not signed")] if wrong else []
        if trusted and not wrong:
            keys = {key for one in checkpoints for key in (one["key"], one["next_key"])}
            if trusted["key"] not in keys or heads.setdefault(trusted["seq"], trusted["head"]) != trusted["head"]:
                findings.append((trusted["seq"], "the checkpoint given is not one of this log"))
    count, found = _check_events(events, heads, copy)
    findings += found
    last = checkpoints[-1] if checkpoints else None
    key_id = _key_id(last["next_key"] or last["key"]) if last else ""
    known_ids = {_key_id(key) for one in checkpoints for key in (one["key"], one["next_key"]) if key}
    if wanted_key_id and checkpoints and wanted_key_id.strip().lower() not in known_ids:
        findings.append((1, f"the checkpoints are signed by the key {key_id}, not by {wanted_key_id}"))
    doubt = _doubt(count, last)
    findings.sort(key=lambda one: one[0])
    return {
        "ok": False if findings else (None if doubt else True),
        "events": count,
        "sealed_to": last["seq"] if last else 0,
        "key_id": key_id,
        "first_bad": findings[0][0] if findings else None,
        "findings": [{"seq": seq, "detail": detail} for seq, detail in findings[:100]],
        "doubt": doubt,
    }


def read_checkpoints(lines: Iterable[str]) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """Those that hold, and what is wrong with the first that does not."""
    good: list[dict[str, Any]] = []
    previous, key = GENESIS, ""
    for number, line in enumerate(lines, start=1):
        checkpoint, wrong = _signed(line)
        before = good[-1]["seq"] if good else 0
        if checkpoint is None or wrong:
            return good, [(before + 1, f"checkpoint {number} is not as it was signed")]
        if checkpoint["number"] != number or checkpoint["prev"] != previous or checkpoint["seq"] < before:
            return good, [(before + 1, f"checkpoint {number} does not follow the one before it")]
        if key and checkpoint["key"] != key:
            return good, [(before + 1, f"checkpoint {number} was signed by a key that the one before does not name")]
        good.append(checkpoint)
        previous = hashlib.sha256(line.encode()).hexdigest()
        key = checkpoint["next_key"] or checkpoint["key"]
    return good, []


def _signed(line: str) -> tuple[dict[str, Any] | None, bool]:
    """The checkpoint, and whether its signature is wrong."""
    try:
        outer = json.loads(line)
        checkpoint = json.loads(outer["checkpoint"])
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(checkpoint["key"]))
        key.verify(bytes.fromhex(outer["signature"]), outer["checkpoint"].encode())
        complete = all(isinstance(checkpoint[one], str) for one in ("head", "prev", "key", "next_key"))
        return checkpoint, not (complete and all(isinstance(checkpoint[one], int) for one in ("seq", "number")))
    except (ValueError, KeyError, TypeError, InvalidSignature):
        return None, True


def _check_events(
    events: Iterable[str], heads: dict[int, str], copy: list[str] | None
) -> tuple[int, list[tuple[int, str]]]:
    findings: list[tuple[int, str]] = []
    expected, previous, sealed = 1, GENESIS, 0
    for line in events:
        try:
            event = json.loads(line)
            seq, before = event["seq"], event["prev"]
        except (ValueError, KeyError, TypeError):
            seq, before = None, None
        if seq != expected:
            findings.append((expected, f"event {expected} is missing or cannot be read; event {seq} stands there"))
            break
        if before != previous:
            if (expected - 2, _BROKEN) in findings:  # both links of the one between: it is that one
                findings.remove((expected - 2, _BROKEN))
            findings.append((max(expected - 1, 1), _BROKEN))
        if copy is not None and (len(copy) < expected or copy[expected - 1] != line):
            findings.append((expected, f"event {expected} differs from its copy on the second device, or lacks one"))
            copy = None
        previous = hashlib.sha256(line.encode()).hexdigest()
        if expected in heads:
            if heads[expected] != previous:
                if (expected - 1, _BROKEN) in findings:  # not the one before: this one
                    findings.remove((expected - 1, _BROKEN))
                findings.append((expected, f"one of the events {sealed + 1} to {expected} is not as it was sealed"))
            sealed = expected
        expected += 1
    beyond = max(heads, default=0)
    if beyond >= expected and not findings:
        findings.append((expected, f"the log was sealed at event {beyond} and ends before it"))
    if copy is not None and len(copy) >= expected and expected > max(heads, default=0) and not findings:
        findings.append((expected, "the second device holds events that the export lacks"))
    return expected - 1, findings


def _doubt(count: int, last: dict[str, Any] | None) -> str:
    if last is None:
        return "No checkpoint seals any event."
    if count > last["seq"]:
        return f"Events {last['seq'] + 1} to {count} are not sealed yet: nobody can vouch for them."
    return ""


def sentences(result: dict[str, Any]) -> Iterator[str]:
    words = {True: "The log is intact", False: "The log was changed", None: "It cannot be told"}
    yield f"{words[result['ok']]}: {result['events']:,} events, sealed to {result['sealed_to']:,}."
    if result["first_bad"] is not None:
        yield f"The first bad event is {result['first_bad']:,}."
    yield from (f"{one['seq']}: {one['detail']}" for one in result["findings"])
    if result["doubt"]:
        yield result["doubt"]
    if result["key_id"]:
        yield f"Signed by the key {result['key_id']}: compare it with the key id that you were given."


def _key_id(public_key: str) -> str:
    digest = hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:32]
    return "-".join(digest[start : start + 4] for start in range(0, len(digest), 4))


@contextmanager
def open_export(path: Path) -> Iterator[tuple[Iterator[str], Iterator[str]]]:
    """The lines of events and of checkpoints."""
    if path.is_dir():
        with (path / EVENTS).open(encoding="ascii") as events, (path / CHECKPOINTS).open(encoding="ascii") as sealed:
            yield _lines(events), _lines(sealed)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive, archive.open(EVENTS) as events, archive.open(CHECKPOINTS) as sealed:
            yield _lines(io.TextIOWrapper(events, "ascii")), _lines(io.TextIOWrapper(sealed, "ascii"))
    else:
        with path.open(encoding="ascii") as one, path.open(encoding="ascii") as two:
            events_only = (line for line in _lines(one) if not line.startswith(('{"checkpoint"', '{"key_id"')))
            yield events_only, (line for line in _lines(two) if line.startswith('{"checkpoint"'))


def _lines(file: Iterable[str]) -> Iterator[str]:
    return (line.rstrip("\n") for line in file)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Verifies an export of an audit log, offline.")
    parser.add_argument("export", type=Path, help="the ZIP archive, its folder, or the file of lines")
    parser.add_argument("--key-id", default="", help="the key id that you were given; without it any key is taken")
    parser.add_argument("--checkpoint", type=Path, help="a file with a checkpoint that was kept elsewhere")
    parser.add_argument("--second-device", type=Path, help="the file of events of the second device")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
