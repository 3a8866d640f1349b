"""The prompts, read from their files, and the hash that names a version of them."""

import hashlib
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "prompts"


@cache
def read_prompt(name: str) -> str:
    """The text of `prompts/NAME.md` without space around it."""
    return (_FOLDER / f"{name}.md").read_text(encoding="utf-8").strip()


def hash_prompt(*parts: str) -> str:
    """Twelve hexadecimal digits that change with any of the parts."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:12]
