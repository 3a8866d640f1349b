"""Writes one section of a file of results, leaving those of other programs as they are."""

import fcntl
import re
from pathlib import Path


def write_section(path: Path, name: str, markdown: str) -> None:
    """Replace what stands between the markers of `name`, or add it at the end with a file that is made when missing."""
    section = f"<!-- {name} -->\n{markdown.strip()}\n<!-- /{name} -->\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read() or "# Results\n\nEach section is written by the command that it names.\n"
        pattern = re.compile(rf"<!-- {re.escape(name)} -->\n.*?<!-- /{re.escape(name)} -->\n", re.DOTALL)
        text = pattern.sub(lambda _: section, text) if pattern.search(text) else f"{text.rstrip()}\n\n{section}"
        file.seek(0)
        file.truncate()
        file.write(text)
