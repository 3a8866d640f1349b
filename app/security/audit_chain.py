"""The form of audit events and checkpoints: canonical JSON, hash chain, MAC and signature. Nothing is stored here."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.domain.audit import AuditEvent, AuditKind, Outcome
from app.errors import InvalidInputError

GENESIS = "0" * 64
"""What the first event and the first checkpoint name as the hash before them."""

_MAC_DOMAIN = b"dafe-audit-v1\0"


def canonical(value: object) -> str:
    """JSON with sorted keys, no spaces, non-ASCII escaped: the same value is the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def sha256_hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


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
        at=datetime.fromisoformat(stored["at"]),
        seq=stored["seq"],
    )


def timestamp(at: datetime) -> str:
    """UTC with six decimals always, so that the order of texts is the order of times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def event_mac(body: str, *, key: bytes) -> str:
    """HMAC-SHA256 over the body, which holds its position and the hash before it."""
    return hmac.new(key, _MAC_DOMAIN + body.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement that event `seq` had the hash `head` at that time, and which checkpoint came before."""

    number: int
    """From 1, without gaps."""
    seq: int
    head: str
    body: str
    signature: str

    @property
    def hash(self) -> str:
        return sha256_hex(self.body)

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(json.loads(self.body)["at"])

    @property
    def previous(self) -> str:
        return str(json.loads(self.body)["prev"])

    def to_text(self) -> str:
        """One line of JSON to be kept elsewhere, read back by `read_checkpoint`."""
        return canonical({"checkpoint": self.body, "signature": self.signature})

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        try:
            key.verify(bytes.fromhex(self.signature), self.body.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


def sign_checkpoint(
    *, number: int, seq: int, head: str, at: datetime, previous: str, key: Ed25519PrivateKey
) -> Checkpoint:
    body = canonical({"v": 1, "number": number, "seq": seq, "head": head, "at": timestamp(at), "prev": previous})
    return Checkpoint(number=number, seq=seq, head=head, body=body, signature=key.sign(body.encode()).hex())


def load_checkpoint(body: str, signature: str) -> Checkpoint:
    """Raises InvalidInputError when the body is none of a checkpoint; the signature is not checked here."""
    try:
        stored = json.loads(body)
        datetime.fromisoformat(stored["at"])
        return Checkpoint(
            number=int(stored["number"]),
            seq=int(stored["seq"]),
            head=str(stored["head"]),
            body=body,
            signature=signature,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(
            "This is not a checkpoint of an audit log; give a line that sealing printed."
        ) from error


def read_checkpoint(text: str) -> Checkpoint:
    """Read what `Checkpoint.to_text` wrote. Raises InvalidInputError."""
    try:
        stored = json.loads(text)
        return load_checkpoint(str(stored["checkpoint"]), str(stored["signature"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(
            "This is not a checkpoint of an audit log; give a line that sealing printed."
        ) from error
