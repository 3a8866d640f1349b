"""What it takes that a new file is there after a power cut."""

import os
from contextlib import suppress
from pathlib import Path


def keep_name(folder: Path) -> None:
    """A new name survives a power cut only when its folder is on disk too; not every file system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
