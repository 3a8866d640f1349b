"""How texts of documents and people's questions are kept in the columns of a database."""

import base64
import hmac
import secrets
from abc import ABC, abstractmethod
from collections.abc import Collection
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import IntegrityError, InvalidInputError

_FORMAT, _KEY_VERSION = b"\x01", b"\x00\x01"
_HEAD = _FORMAT + _KEY_VERSION
_NONCE_BYTES = 12
_INDEX_BYTES = 16
_MOST_KEYS = 1000


class Fields(ABC):
    """`column` names table and column, `record` the row by its id: a value is good for that place only."""

    searchable: bool
    """The database can compare what is kept with a text, for parts of it too."""

    @abstractmethod
    def seal(self, text: str, *, workspace_id: str, column: str, record: str) -> str:
        """What is kept of `text`; an empty one stays empty."""

    @abstractmethod
    def open(self, kept: str, *, workspace_id: str, column: str, record: str) -> str:
        """Raises IntegrityError for what was not sealed for this place with this key."""

    @abstractmethod
    def index(self, texts: Collection[str], *, workspace_id: str, column: str) -> dict[str, str]:
        """For each text what is kept to find equal ones of a workspace's column by."""


class PlainFields(Fields):
    """As they are: for a database whose files are encrypted as a whole."""

    searchable = True

    def seal(self, text: str, *, workspace_id: str, column: str, record: str) -> str:
        return text

    def open(self, kept: str, *, workspace_id: str, column: str, record: str) -> str:
        return kept

    def index(self, texts: Collection[str], *, workspace_id: str, column: str) -> dict[str, str]:
        return {text: text for text in texts}


class SealedFields(Fields):
    """AES-256-GCM with a random nonce and the place as associated data; each workspace has its own key.

    Kept are, in base64, one byte that names the format, two of the key's version, the nonce and the sealed text. An
    index is the first half of an HMAC-SHA256.
    """

    searchable = False

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher = lru_cache(_MOST_KEYS)(lambda workspace_id: AESGCM(self._derive("seal", workspace_id)))
        self._index_key = lru_cache(_MOST_KEYS)(lambda *names: self._derive("index", *names))

    def seal(self, text: str, *, workspace_id: str, column: str, record: str) -> str:
        if not text:
            return ""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        place = _place(workspace_id, column, record)
        sealed = self._cipher(workspace_id).encrypt(nonce, _encoded(text), place)
        return base64.b64encode(_HEAD + nonce + sealed).decode("ascii")

    def open(self, kept: str, *, workspace_id: str, column: str, record: str) -> str:
        if not kept:
            return ""
        try:
            content = base64.b64decode(kept, validate=True)
            nonce, sealed = content[len(_HEAD) :][:_NONCE_BYTES], content[len(_HEAD) + _NONCE_BYTES :]
            if not content.startswith(_HEAD):
                raise InvalidTag
            return self._cipher(workspace_id).decrypt(nonce, sealed, _place(workspace_id, column, record)).decode()
        except (InvalidTag, ValueError) as error:
            raise IntegrityError(
                "A text in the database was changed there or belongs to another key: restore it from a backup.",
                column=column,
                record=record,
            ) from error

    def index(self, texts: Collection[str], *, workspace_id: str, column: str) -> dict[str, str]:
        key = self._index_key(workspace_id, column)
        digests = {text: hmac.digest(key, _encoded(text), "sha256") for text in texts}
        return {text: base64.b64encode(digest[:_INDEX_BYTES]).decode("ascii") for text, digest in digests.items()}

    def mark(self) -> str:
        """Tells this key from others without telling anything about it."""
        return self._derive("mark").hex()

    def _derive(self, use: str, *names: str) -> bytes:
        return hmac.digest(self._key, "\0".join(("dafe", use, "1", *names)).encode(), "sha256")


def _place(workspace_id: str, column: str, record: str) -> bytes:
    return "\0".join((workspace_id, column, record)).encode()


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Without the cause: it carries the text.
        raise invalid_text() from None


def invalid_text() -> InvalidInputError:
    return InvalidInputError("The text holds characters that are not valid Unicode: remove them.")
