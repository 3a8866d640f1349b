"""The sealer: holds the private key and signs checkpoints, after reading that the log goes on from what it signed."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.domain.audit import sha256_hex
from app.errors import BackendUnavailableError, IntegrityError, InvalidInputError
from app.security.audit_chain import Checkpoint, read_checkpoint, sign_checkpoint
from app.security.audit_seals import (
    COMPLAINT,
    SEAL_AFTER_EVENTS,
    SEAL_AFTER_SECONDS,
    SEAL_WHEN_QUIET_SECONDS,
    Seals,
)
from app.security.grown_file import append_lines, read_lines
from app.security.keys import load_secret
from app.security.second_device import CHECKPOINTS
from backends.audit.base import AuditStore, Head
from backends.lock_files import exclusive

_KEY, _NEXT_KEY = "key", "next-key"


class Sealer:
    """One of several processes may seal: they share a lock. Signs nothing that contradicts what was signed before, nor
    after checkpoints were taken away: then the last good one stays the last. Raises IntegrityError with the reason,
    BackendUnavailableError when a file cannot be used."""

    def __init__(self, seals: Seals, store: AuditStore) -> None:
        self._seals = seals
        self._store = store
        self._signed: tuple[int, str] | None = None
        """Where in the file the newest checkpoint that this process saw begins, and its text."""

    def seal(self, *, even_if_quiet: bool = False) -> Checkpoint | None:
        """Sign the newest event; without a new one the last checkpoint is returned, or None before the first event."""
        with self._alone():
            last = self._last()
            head = self._follow(last)
            if head.seq == 0 or (last is not None and last.seq == head.seq and not even_if_quiet):
                self._copy()
                return last
            return self._sign(last, head)

    def renew_key(self) -> Checkpoint | None:
        """Sign, with the key in use, that another one follows, and use that from now on. None before any event."""
        with self._alone():
            last = self._last()
            head = self._follow(last)
            if head.seq == 0:
                return None
            following = Ed25519PrivateKey.from_private_bytes(load_secret(self._path(_NEXT_KEY), may_create=True))
            signed = self._sign(last, head, next_key=following.public_key().public_bytes_raw().hex())
            self._path(_NEXT_KEY).replace(self._path(_KEY))
            return signed

    def is_due(self) -> bool:
        last, newest = self._seals.last(), self._store.head().seq
        if last is None or newest == 0:
            return newest > 0
        age = (datetime.now(UTC) - last.at).total_seconds()
        new = newest - last.seq
        return new >= SEAL_AFTER_EVENTS or age >= (SEAL_AFTER_SECONDS if new else SEAL_WHEN_QUIET_SECONDS)

    def close(self) -> None:
        self._store.close()

    def _path(self, name: str) -> Path:
        return self._seals.folder / name

    @contextmanager
    def _alone(self) -> Iterator[None]:
        complaint = self._path(COMPLAINT)
        try:
            self._seals.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with exclusive(self._path("lock")):
                yield
                complaint.unlink(missing_ok=True)
        except IntegrityError as error:
            with suppress(OSError):
                complaint.write_text(error.message, encoding="utf-8")
            raise
        except OSError as error:
            raise BackendUnavailableError(
                f"The audit log cannot be sealed ({error.strerror}): check the folder {self._seals.folder}."
            ) from error

    def _last(self) -> Checkpoint | None:
        """The newest checkpoint, which must be the one this process saw last or lead back to it."""
        last = self._behind(*self._signed) if self._signed else self._seals.last()
        if last is not None and not last.is_signed():
            raise IntegrityError("The last checkpoint of the audit log is not as it was signed, so nothing is sealed.")
        self._require_the_copy_to_be_no_longer(last)
        return last

    def _behind(self, offset: int, line: str) -> Checkpoint:
        last: Checkpoint | None = None
        try:
            for text in read_lines(self._seals.path, offset=offset):
                following = read_checkpoint(text)
                if text != line if last is None else following.previous != last.hash:
                    break
                last = following
            else:
                if last is not None:
                    return last
        except (InvalidInputError, FileNotFoundError):
            pass
        raise IntegrityError(
            "Checkpoints of the audit log were taken away or changed, so nothing is sealed: run dafe audit verify."
        )

    def _require_the_copy_to_be_no_longer(self, last: Checkpoint | None) -> None:
        second = self._seals.second_device
        copied = Seals(folder=second, data_dir=self._seals.data_dir).last() if second else None
        if copied is not None and copied.number > (last.number if last else 0):
            raise IntegrityError(
                f"The second device holds checkpoint {copied.number} of the audit log, and {self._seals.folder} does"
                " not, so nothing is sealed: run dafe audit verify; when the data folder was restored from a backup,"
                " give the second device a new folder."
            )

    def _follow(self, last: Checkpoint | None) -> Head:
        """The newest event, after reading that the events lead to it from the last checkpoint."""
        head = Head()
        for row in self._store.rows(after=last.seq - 1 if last else 0):
            found = Head(row.seq, sha256_hex(row.body))
            if last is not None and head.seq == 0:
                follows = found == Head(last.seq, last.head)
            else:
                follows = row.seq == head.seq + 1 and f'"prev":"{head.hash}","purpose":' in row.body
            if not follows:
                raise IntegrityError(f"The audit log is not whole at event {row.seq}, so nothing is sealed.")
            head = found
        if last is not None and head.seq == 0:
            raise IntegrityError(f"The audit log ends before event {last.seq}, which was sealed: nothing is sealed.")
        return head

    def _sign(self, last: Checkpoint | None, head: Head, *, next_key: str = "") -> Checkpoint:
        key = self._key(last)
        now = datetime.now(UTC)
        checkpoint = sign_checkpoint(key=key, seq=head.seq, head=head.hash, at=now, before=last, next_key=next_key)
        append_lines(self._seals.path, [checkpoint.to_text()])
        self._signed = self._seals.path.stat().st_size - len(checkpoint.to_text()) - 1, checkpoint.to_text()
        self._copy()
        return checkpoint

    def _key(self, last: Checkpoint | None) -> Ed25519PrivateKey:
        """Read anew each time; when a change of keys was cut off behind its checkpoint, it is ended here."""
        path, following = self._path(_KEY), self._path(_NEXT_KEY)
        if last is not None and not path.exists():
            raise IntegrityError(f"The sealer's key {path} is missing, so nothing is sealed: put it back.")
        key = Ed25519PrivateKey.from_private_bytes(load_secret(path, may_create=last is None))
        wanted = last.key_after if last else key.public_key().public_bytes_raw().hex()
        if key.public_key().public_bytes_raw().hex() != wanted and following.exists():
            following.replace(path)
            key = Ed25519PrivateKey.from_private_bytes(load_secret(path, may_create=False))
        if key.public_key().public_bytes_raw().hex() != wanted:
            raise IntegrityError(
                f"The key in {path} is not the one that signed the last checkpoint: put that key back."
            )
        return key

    def _copy(self) -> None:
        """Whole lines that the second device lacks; a device that fails shows in the state of the log."""
        second = self._seals.second_device
        if second is None or not second.is_dir():
            return
        copied = Seals(folder=second, data_dir=self._seals.data_dir).last()
        lines = self._seals.newer(copied.number if copied else 0)
        try:
            if lines:
                append_lines(second / CHECKPOINTS, lines)
        except OSError:
            return
