"""The form of events and checkpoints, sign for sign: other programs and later versions verify it."""

import hashlib
import hmac
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.domain.audit import GENESIS, AuditEvent, AuditKind, Outcome, sha256_hex, timestamp
from app.errors import InvalidInputError
from app.security.audit_chain import (
    Checkpoint,
    canonical,
    event_body,
    event_mac,
    event_macs,
    key_id,
    read_checkpoint,
    read_event,
    sign_checkpoint,
)

AT = datetime(2026, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=1)))
EVENT = AuditEvent(
    action="documents.get",
    kind=AuditKind.DISCLOSURE,
    outcome=Outcome.DONE,
    actor_id="ilse",
    channel="web",
    address="192.0.2.7",
    session_id="s1",
    workspace_id="w1",
    objects=("d1", "é"),
    purpose="treatment",
    details={"page": 1},
    at=AT,
    seq=7,
)
BODY = (
    '{"action":"documents.get","actor":"ilse","address":"192.0.2.7","at":"2026-03-01T11:30:00.000000+00:00",'
    '"channel":"web","details":{"page":1},"kind":"disclosure","objects":["d1","\\u00e9"],"outcome":"done",'
    '"prev":"' + "ab" * 32 + '","purpose":"treatment","seq":7,"session":"s1","v":1,"workspace":"w1"}'
)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"


def test_the_body_of_an_event_is_these_signs_and_is_read_back_whole() -> None:
    assert event_body(EVENT, previous="ab" * 32) == BODY
    assert read_event(BODY) == EVENT
    assert timestamp(AT) == "2026-03-01T11:30:00.000000+00:00"


def test_times_are_written_in_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        written = timestamp(AT)
    time.tzset()
    assert written == "2026-03-01T11:30:00.000000+00:00"


def test_what_is_no_number_has_no_canonical_form() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical({"page": float("nan")})


def test_the_mac_is_an_hmac_over_its_domain_and_the_body() -> None:
    key = bytes(range(32))
    expected = hmac.new(key, b"dafe-audit-v1\0" + BODY.encode(), hashlib.sha256).hexdigest()
    macs = event_macs(key)
    assert event_mac(BODY, key=key) == macs(BODY.encode()) == macs(BODY.encode()) == expected


def test_a_checkpoint_is_these_signs_signed_and_is_read_back_whole() -> None:
    first = sign_checkpoint(key=KEY, seq=7, head="cd" * 32, at=AT, before=None)
    body = (
        '{"at":"2026-03-01T11:30:00.000000+00:00","head":"' + "cd" * 32 + f'","key":"{PUBLIC}","next_key":"",'
        f'"number":1,"prev":"{GENESIS}","seq":7,"v":1}}'
    )
    signature = KEY.sign(body.encode()).hex()
    assert first == Checkpoint(1, 7, "cd" * 32, AT.astimezone(UTC), "0" * 64, PUBLIC, "", body, signature)
    line = json.dumps({"checkpoint": body, "signature": signature}, separators=(",", ":"))
    assert first.to_text() == line
    assert first.hash == sha256_hex(line)
    assert read_checkpoint(line) == first
    second = sign_checkpoint(key=KEY, seq=9, head="ef" * 32, at=AT, before=first, next_key="12" * 32)
    assert (second.number, second.seq, second.previous, second.next_key) == (2, 9, first.hash, "12" * 32)
    assert (first.key_after, second.key_after) == (PUBLIC, "12" * 32)


def test_a_signature_holds_for_its_body_and_key_alone() -> None:
    signed = sign_checkpoint(key=KEY, seq=7, head="cd" * 32, at=AT, before=None)
    assert signed.is_signed()
    for wrong in (
        replace(signed, body=signed.body.replace('"seq":7', '"seq":8')),
        replace(signed, signature="00" * 64),
        replace(signed, signature="no hexadecimal"),
        replace(signed, key="12" * 32),
        replace(signed, key="12"),
    ):
        assert not wrong.is_signed()


@pytest.mark.parametrize(
    "line",
    ["", "no JSON", "[]", "7", "{}", '{"checkpoint": "{}", "signature": ""}', '{"checkpoint": "[]", "signature": ""}'],
)
def test_a_line_that_is_no_checkpoint_is_refused_with_a_sentence(line: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^This is not a checkpoint of an audit log; give a line of"):
        read_checkpoint(line)


def test_a_key_is_named_by_half_its_hash_in_groups_of_four() -> None:
    digest = hashlib.sha256(bytes.fromhex(PUBLIC)).hexdigest()
    assert key_id(PUBLIC) == "-".join(digest[place : place + 4] for place in (0, 4, 8, 12, 16, 20, 24, 28))
    assert len(key_id(PUBLIC)) == 39
