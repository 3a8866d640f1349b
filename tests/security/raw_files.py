"""Looks for content in raw files: of data folders, temporary folders and logs, as bytes, whatever the file is."""

import io
import zipfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")
WINDOW = 16
"""Bytes of a vector that are looked for together: four numbers in a row."""


def names_in(folders: Iterable[Path], names: Collection[str]) -> dict[str, set[str]]:
    """The names found in files or their paths, whatever their case and encoding, and where; zip archives opened."""
    found: dict[str, set[str]] = {}
    forms = {name: [name.lower().encode(encoding) for encoding in _ENCODINGS] for name in names}
    for path, content in contents_of(folders):
        place = path.name
        lowered = content.lower() + str(path).lower().encode()
        for name, wanted in forms.items():
            if any(form in lowered for form in wanted):
                found.setdefault(name, set()).add(place)
    return found


def windows_of(vectors: Iterable[bytes]) -> set[bytes]:
    """Every four neighbouring numbers of these little-endian float32 vectors, where at least three are not zero."""
    made = set()
    for vector in vectors:
        for start in range(0, len(vector) - WINDOW + 1, 4):
            window = vector[start : start + WINDOW]
            if sum(window[place : place + 4] != bytes(4) for place in range(0, WINDOW, 4)) >= 3:
                made.add(window)
    return made


def windows_in(folders: Iterable[Path], windows: Collection[bytes]) -> dict[str, set[bytes]]:
    """The windows that each file holds, at any place; files without any are left out."""
    wanted, found = set(windows), {}
    for path, content in contents_of(folders):
        seen = {content[start : start + WINDOW] for start in range(len(content) - WINDOW + 1)} & wanted
        if seen:
            found[path.name] = seen
    return found


def contents_of(folders: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    for folder in folders:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
            content = b""
            with suppress(OSError):
                content = path.read_bytes() if path.is_file() else b""
            yield path, content
            for member in _unzipped(content):
                yield path, member


def _unzipped(content: bytes) -> Iterator[bytes]:
    if b"PK\x03\x04" not in content:
        return
    with suppress(zipfile.BadZipFile, RuntimeError, EOFError), zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            yield name.encode() + archive.read(name)
