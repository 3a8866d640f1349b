"""Which database knows the files of a data folder."""

from pathlib import Path

from app.errors import ConfigurationError

_NOTE = "metadata-id"
_USED = ("prepared", "files")


def require_own_metadata(folder: Path, identity: str) -> None:
    """Note the database that the folder is used with first, and raise ConfigurationError for every other one: to that
    the folder's uploads would be remains that nothing names, and be removed.

    `identity` is that of the metadata store: empty for the database in the folder itself.
    """
    note = folder / _NOTE
    if note.exists():
        known = note.read_text(encoding="utf-8").strip()
    else:
        used = any((folder / name).exists() for name in _USED)
        known = "" if used else identity
        if known:
            beside = note.with_suffix(".new")
            beside.write_text(f"{known}\n", encoding="utf-8")
            beside.replace(note)
    if known != identity:
        raise ConfigurationError(
            f"The data folder {folder} belongs to another database: put the metadata settings back that it was used"
            " with, or name another folder with DAFE_DATA_DIR."
        )
