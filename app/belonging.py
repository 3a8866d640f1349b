"""Which database knows the files of a data folder."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.errors import ConfigurationError, ConflictError
from backends.disk import keep_name
from backends.lock_files import exclusive, is_held, shared

_MOVING = "migrate.lock"
_NOTE = "metadata-id"
_BEGUN = "metadata-ids-begun"
_USED = ("prepared", "files")
_IS_MOVED = "The installation is being moved to other stores: wait until dafe migrate has ended."


def require_own_metadata(folder: Path, identity: str) -> None:
    """Note the database that the folder is used with first, and raise ConfigurationError for every other one: to that
    the folder's uploads would be remains that nothing names, and be removed.

    `identity` is that of the metadata store: empty for the database in the folder itself.
    """
    known = _known(folder)
    if known is None:
        known = identity
        if known:
            give_to(folder, known)
    if known != identity:
        raise ConfigurationError(
            f"The data folder {folder} belongs to another database: put the metadata settings back that it was used"
            " with, or name another folder with DAFE_DATA_DIR."
        )


def belongs_to(folder: Path, identity: str) -> bool:
    return _known(folder) == identity


def give_to(folder: Path, identity: str) -> None:
    """From this moment on the folder belongs to that database and to no other."""
    _write(folder / _NOTE, f"{identity}\n")


def note_begun(folder: Path, identity: str) -> None:
    """Remember that the folder's installation was copied, or is being copied, to that database."""
    if identity and not was_begun(folder, identity):
        _write(folder / _BEGUN, "".join(f"{one}\n" for one in (*_begun(folder), identity)))


def was_begun(folder: Path, identity: str) -> bool:
    """Whether what that database holds is a copy of this folder's installation; its own database always is."""
    return not identity or identity in _begun(folder)


@contextmanager
def moving(folder: Path) -> Iterator[None]:
    """Nobody opens the folder meanwhile. Raises ConflictError while a process has it open or moves it."""
    with ExitStack() as held:
        try:
            held.enter_context(exclusive(folder / _MOVING, wait=False))
        except BlockingIOError as error:
            if is_held(folder / _MOVING):
                sentence = "The installation is being moved already: wait until that has ended."
            else:
                sentence = "A process of Dafe Graphs is running with this data folder: stop it first."
            raise ConflictError(sentence) from error
        yield


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Nobody moves the installation meanwhile. Raises ConflictError while `dafe migrate` works on it."""
    with ExitStack() as held:
        try:
            held.enter_context(shared(folder / _MOVING))
        except BlockingIOError as error:
            raise ConflictError(_IS_MOVED) from error
        yield


def refuse_while_moved(folder: Path) -> None:
    """Raises ConflictError while `dafe migrate` works on the folder."""
    if is_held(folder / _MOVING):
        raise ConflictError(_IS_MOVED)


def _known(folder: Path) -> str | None:
    """None for a folder that was not used yet."""
    note = folder / _NOTE
    if note.exists():
        return note.read_text(encoding="utf-8").strip()
    return "" if any((folder / name).exists() for name in _USED) else None


def _begun(folder: Path) -> list[str]:
    path = folder / _BEGUN
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and on disk when this returns."""
    beside = path.with_suffix(".new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    keep_name(path.parent)
