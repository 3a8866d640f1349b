"""Files encrypted one by one in a folder."""

import os
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.domain.ids import FileId
from app.errors import BackendUnavailableError, IntegrityError, InvalidInputError, NotFoundError
from backends.files.base import FileStore
from backends.files.settings import FolderFileSettings

_MARK = b"DAFE1"
_NONCE_BYTES = 12
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,100}[A-Za-z0-9])?")
_ABANDONED_SECONDS = 3600
_HEX = "[0-9a-f]" * 16
"""What ends the name of a file that is being written, as a pattern."""


class FolderFileStore(FileStore):
    """AES-256-GCM (NIST SP 800-38D) with a random nonce and the file's id as associated data.

    Written beside its place, synced, then renamed: a file is there whole or not at all. What a killed process left
    beside goes an hour later with the next file of that folder, or with its own deletion.
    """

    def __init__(self, settings: FolderFileSettings, *, data_dir: Path, key: bytes, **_ignored: object) -> None:
        self._folder = data_dir / "files"
        self._cipher = AESGCM(key)

    def put(self, file_id: FileId, content: bytes) -> None:
        path = self._path(file_id)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = _MARK + nonce + self._cipher.encrypt(nonce, content, file_id.encode())
        try:
            self._make_folder(path.parent)
            try:
                with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(sealed)
                    file.flush()
                    os.fsync(file.fileno())
                beside.replace(path)
                _sync(path.parent)
            finally:
                beside.unlink(missing_ok=True)
        except OSError as error:
            raise BackendUnavailableError(
                f"The file could not be stored ({error.strerror}): free room in the data folder and add it again."
            ) from error

    def get(self, file_id: FileId) -> bytes:
        try:
            sealed = self._path(file_id).read_bytes()
        except FileNotFoundError:
            raise NotFoundError("The stored file does not exist any more.", file_id=file_id) from None
        except OSError as error:
            raise BackendUnavailableError(f"The stored file could not be read: {error.strerror}.") from error
        start = len(_MARK) + _NONCE_BYTES
        try:
            if not sealed.startswith(_MARK):
                raise InvalidTag
            return self._cipher.decrypt(sealed[len(_MARK) : start], sealed[start:], file_id.encode())
        except (InvalidTag, ValueError) as error:
            raise IntegrityError(
                "A stored file was changed on disk or belongs to another key: restore it from a backup.",
                file_id=file_id,
            ) from error

    def delete(self, file_id: FileId) -> None:
        path = self._path(file_id)
        try:
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _remove_abandoned(path.parent, f".{path.name}.{_HEX}", older_than_seconds=0)
                _sync(path.parent)
        except OSError as error:
            raise BackendUnavailableError(f"The stored file could not be deleted: {error.strerror}.") from error

    def find(self) -> list[FileId]:
        return sorted(FileId(path.name) for path in self._folder.glob("*/*") if not path.name.startswith("."))

    def close(self) -> None:
        """Nothing is held open."""

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            _remove_abandoned(folder, ".*", older_than_seconds=_ABANDONED_SECONDS)
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync(folder.parent)

    def _path(self, file_id: FileId) -> Path:
        if not _ID.fullmatch(file_id):
            raise InvalidInputError("This is not the id of a stored file.")
        return self._folder / file_id[-2:].lower() / file_id


def _remove_abandoned(folder: Path, pattern: str, *, older_than_seconds: float) -> None:
    for beside in folder.glob(pattern):
        with suppress(FileNotFoundError):
            if time.time() - beside.stat().st_mtime >= older_than_seconds:
                beside.unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
