"""Keeps the edges of each workspace in files that every process maps into its memory."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np

from app.domain.ids import VersionId, WorkspaceId
from app.pipeline.adjacency import Part, Rows
from backends.disk import keep_name

_CURRENT = "current"
_LISTED = "versions.json"
_PLAIN = ("chunk_ids", "chunk_versions", "name_codes")
_ROWS = ("by_chunk", "by_name")
_OF_ROWS = ("starts", "columns", "weights")


class AdjacencyFiles:
    """One folder a workspace; in it the last generation, and which one that is. A generation never changes: it is
    written whole, and then named; whoever has an earlier one mapped keeps it until it looks again. Codes and keyed ids
    are all that stands in them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def current(self, workspace_id: WorkspaceId) -> str:
        """The last generation; empty when there is none."""
        try:
            return (self._folder / workspace_id / _CURRENT).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return ""

    def open(self, workspace_id: WorkspaceId, generation: str) -> Part | None:
        """None when it is gone, or damaged: then the edges have to be read anew."""
        folder = self._folder / workspace_id / generation
        try:
            part = _read(folder)
            return part if _is_sound(part) else None
        except (OSError, EOFError, ValueError, KeyError, IndexError):
            return None

    def write(self, workspace_id: WorkspaceId, part: Part) -> str:
        """Replace the last generation; the name of the new one. Raises OSError, and then the last one stays."""
        home = self._folder / workspace_id
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        generation = uuid4().hex
        folder = home / generation
        folder.mkdir(mode=0o700)
        try:
            _write(folder, part)
            beside = home / f"{generation}.current"
            with _kept(beside) as file:
                file.write(generation.encode("ascii"))
            beside.replace(home / _CURRENT)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        keep_name(home)
        self._clear(home, generation)
        return generation

    def delete(self, workspace_id: WorkspaceId) -> None:
        """Remove everything of a workspace; an unknown one is no error."""
        shutil.rmtree(self._folder / workspace_id, ignore_errors=True)

    def _clear(self, home: Path, kept: str) -> None:
        for path in home.iterdir():
            if path.is_dir() and path.name != kept:
                shutil.rmtree(path, ignore_errors=True)
            elif path.name.endswith(".current"):
                path.unlink(missing_ok=True)


def _write(folder: Path, part: Part) -> None:
    arrays = {name: getattr(part, name) for name in _PLAIN}
    arrays |= {f"{rows}.{name}": getattr(getattr(part, rows), name) for rows in _ROWS for name in _OF_ROWS}
    for name, array in arrays.items():
        with _kept(folder / f"{name}.npy") as file:
            np.save(file, array, allow_pickle=False)
    with _kept(folder / _LISTED) as file:
        file.write(json.dumps(part.versions).encode())
    keep_name(folder)


def _read(folder: Path) -> Part:
    parts: dict[str, Any] = {name: _array(folder, name) for name in _PLAIN}
    parts |= {name: Rows(**{part: _array(folder, f"{name}.{part}") for part in _OF_ROWS}) for name in _ROWS}
    versions = tuple(VersionId(one) for one in json.loads((folder / _LISTED).read_bytes()))
    return Part(versions=versions, **parts)


def _array(folder: Path, name: str) -> Any:
    path = folder / f"{name}.npy"
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:  # An empty array cannot be mapped.
        return np.load(path, allow_pickle=False)


def _is_sound(part: Part) -> bool:
    """Whether the sizes fit: a disk that lost what it had promised leaves short files, or files full of nothing."""
    sizes = {len(part.chunk_ids), len(part.chunk_versions), len(part.by_chunk.starts) - 1}
    edges = {len(rows.columns) for rows in (part.by_chunk, part.by_name)}
    edges |= {len(rows.weights) for rows in (part.by_chunk, part.by_name)}
    edges |= {int(rows.starts[-1]) for rows in (part.by_chunk, part.by_name)}
    return len(sizes) == len(edges) == 1 and len(part.by_name.starts) - 1 == len(part.name_codes)


@contextmanager
def _kept(path: Path) -> Iterator[BinaryIO]:
    """A new file of this user alone, on disk when it is closed."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
