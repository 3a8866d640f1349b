"""The form of audit events and checkpoints: canonical JSON, hash chain, MAC and signature. Nothing is stored here."""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.domain.audit import GENESIS, AuditEvent, AuditKind, Outcome, sha256_hex, timestamp
from app.errors import InvalidInputError

_MAC_DOMAIN = b"dafe-audit-v1\0"


def canonical(value: object) -> str:
    """JSON with sorted keys, no spaces, non-ASCII escaped: the same value is the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def event_body(event: AuditEvent, *, previous: str) -> str:
    """The canonical body of an event that has its `seq` and `at`; `previous` is the hash of the body before it."""
    assert event.at is not None
    return canonical(
        {
            "v": 1,
            "seq": event.seq,
            "prev": previous,
            "at": timestamp(event.at),
            "action": event.action,
            "kind": event.kind.value,
            "outcome": event.outcome.value,
            "actor": event.actor_id,
            "channel": event.channel,
            "address": event.address,
            "session": event.session_id,
            "workspace": event.workspace_id,
            "objects": list(event.objects),
            "purpose": event.purpose,
            "details": event.details,
        }
    )


def read_event(body: str) -> AuditEvent:
    """The event of a body that was written by `event_body`."""
    stored = json.loads(body)
    return AuditEvent(
        action=stored["action"],
        kind=AuditKind(stored["kind"]),
        outcome=Outcome(stored["outcome"]),
        actor_id=stored["actor"],
        channel=stored["channel"],
        address=stored["address"],
        session_id=stored["session"],
        workspace_id=stored["workspace"],
        objects=tuple(stored["objects"]),
        purpose=stored["purpose"],
        details=stored["details"],
        at=_read_time(stored["at"]),
        seq=stored["seq"],
    )


def _read_time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError
    return at


def event_mac(body: str, *, key: bytes) -> str:
    """HMAC-SHA256 over the body, which holds its position and the hash before it."""
    return event_macs(key)(body.encode())


def event_macs(key: bytes) -> Callable[[bytes], str]:
    """`event_mac` for many bodies under one key, which is prepared once."""
    begun = hmac.new(key, _MAC_DOMAIN, hashlib.sha256)

    def mac(body: bytes) -> str:
        one = begun.copy()
        one.update(body)
        return one.hexdigest()

    return mac


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement that event `seq` had the hash `head` at that time, and which checkpoint came before."""

    number: int
    """From 1, without gaps."""
    seq: int
    head: str
    at: datetime
    previous: str
    """The `hash` of the checkpoint before; GENESIS in the first."""
    key: str
    """The public key that signed it, in hexadecimal."""
    next_key: str
    """The public key that signs from the next checkpoint on; empty where it stays the same."""
    body: str
    signature: str

    @property
    def hash(self) -> str:
        """Of the whole line, signature included."""
        return sha256_hex(self.to_text())

    @property
    def key_after(self) -> str:
        return self.next_key or self.key

    def to_text(self) -> str:
        """One line of JSON to be kept elsewhere, read back by `read_checkpoint`."""
        return canonical({"checkpoint": self.body, "signature": self.signature})

    def is_signed(self) -> bool:
        """By the key it names: whether that is the right one is not asked here."""
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key))
            key.verify(bytes.fromhex(self.signature), self.body.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


def sign_checkpoint(
    *, key: Ed25519PrivateKey, seq: int, head: str, at: datetime, before: Checkpoint | None, next_key: str = ""
) -> Checkpoint:
    """The checkpoint that follows `before`."""
    body = canonical(
        {
            "v": 1,
            "number": before.number + 1 if before else 1,
            "seq": seq,
            "head": head,
            "at": timestamp(at),
            "prev": before.hash if before else GENESIS,
            "key": key.public_key().public_bytes_raw().hex(),
            "next_key": next_key,
        }
    )
    return _load_checkpoint(body, key.sign(body.encode()).hex())


def read_checkpoint(text: str) -> Checkpoint:
    """Read what `Checkpoint.to_text` wrote; the signature is not checked here. Raises InvalidInputError."""
    try:
        stored = json.loads(text)
        checkpoint = _load_checkpoint(str(stored["checkpoint"]), str(stored["signature"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            "This is not a checkpoint of an audit log; give a line of the sealer's file of checkpoints."
        ) from error
    return checkpoint


def _load_checkpoint(body: str, signature: str) -> Checkpoint:
    stored = json.loads(body)
    return Checkpoint(
        number=int(stored["number"]),
        seq=int(stored["seq"]),
        head=str(stored["head"]),
        at=datetime.fromisoformat(stored["at"]),
        previous=str(stored["prev"]),
        key=str(stored["key"]),
        next_key=str(stored["next_key"]),
        body=body,
        signature=signature,
    )


def key_id(public_key: str) -> str:
    """A short name of a public key that people can compare: the first half of its SHA-256, in groups of four."""
    digest = hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:32]
    return "-".join(digest[start : start + 4] for start in range(0, len(digest), 4))
