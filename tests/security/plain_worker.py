"""The worker with the plain cipher: database and files are written as they are, so that raw files can be searched.

python -m tests.security.plain_worker, with the settings in the environment
"""

import sys
from dataclasses import replace
from typing import Any

import app.installation
import backends.files.folder
from app.security.keys import load_keys
from app.worker import main


class PlainCipher:
    """In the place of AES-GCM; what it seals is the content itself."""

    def __init__(self, _key: bytes) -> None:
        return

    def encrypt(self, _nonce: bytes, content: bytes, _data: bytes) -> bytes:
        return content

    def decrypt(self, _nonce: bytes, content: bytes, _data: bytes) -> bytes:
        return content


def take_ciphers_out() -> None:
    """For the whole process, before services are opened."""

    def load_plain_keys(*arguments: Any, **options: Any) -> Any:
        return replace(load_keys(*arguments, **options), database=None)  # type: ignore[arg-type]

    app.installation.load_keys = load_plain_keys  # type: ignore[attr-defined]
    backends.files.folder.AESGCM = PlainCipher  # type: ignore[assignment,misc]


if __name__ == "__main__":
    take_ciphers_out()
    sys.exit(main())
