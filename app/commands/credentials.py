"""Reads the credentials file of streamlit-authenticator: who is in it, and the hashes of their passwords."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from app.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Credentials:
    """`bcrypt_hash` is None where the file holds a password in plain text, or none."""

    username: str
    name: str
    bcrypt_hash: str | None


def read_credentials(path: Path) -> list[Credentials]:
    """In the file's order. Raises InvalidInputError for a file of another form."""
    from streamlit_authenticator.utilities.hasher import Hasher

    try:
        people: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["credentials"]["usernames"]
        return [
            Credentials(
                username=str(username),
                name=_name(entry) or str(username),
                bcrypt_hash=password if Hasher.is_hash(password := str(entry.get("password", ""))) else None,
            )
            for username, entry in people.items()
        ]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"{path.name} is no credentials file of streamlit-authenticator: it needs credentials, usernames in it."
        ) from error


def _name(entry: dict[str, Any]) -> str:
    parts = [entry.get("first_name"), entry.get("last_name")]
    return str(entry.get("name") or " ".join(str(part) for part in parts if part))
