"""Takes files out of ZIP archives within limits."""

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError

from app.domain.names import clean_file_name
from backends.loaders.messages import attachments_of
from backends.loaders.writing import ReaderError

_DEEPEST = 3
_MOST_RATIO = 200
_PROTECTED = 0x1


class Unpacker:
    """Counts over all levels: an archive inside an archive has no budget of its own."""

    def __init__(self, *, most_files: int, most_bytes: int) -> None:
        self._files_left = most_files
        self._bytes_left = most_bytes

    def unpack(self, content: bytes, *, depth: int = 0) -> Iterator[tuple[str, bytes]]:
        """Name and content of each file, folders forgotten. Raises ReaderError for bombs and protected archives."""
        if depth > _DEEPEST:
            raise ReaderError("The archive holds archives too deep inside each other: unpack it and add the files.")
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                wanted = [info for info in archive.infolist() if _is_wanted(info)]
                for info in wanted:
                    _refuse_unreadable(info)
                self._check(len(wanted), sum(info.file_size for info in wanted))
                for info in wanted:
                    data = self._read(archive, info)
                    yield from self._expand(clean_file_name(info.filename), data, depth)
        except (zipfile.BadZipFile, zlib.error, LZMAError, OSError, ValueError, NotImplementedError, EOFError) as error:
            raise ReaderError("The archive is damaged or of a kind that cannot be read: pack it again.") from error

    def attachments(self, content: bytes, *, depth: int = 0) -> Iterator[tuple[str, bytes]]:
        """What an e-mail carries, archives unpacked and attached e-mails with what they carry themselves."""
        if depth > _DEEPEST:
            raise ReaderError("The e-mail holds e-mails too deep inside each other: save them apart and add them.")
        for name, data in attachments_of(content):
            self._count(len(data))
            yield from self._expand(name, data, depth)

    def _expand(self, name: str, data: bytes, depth: int) -> Iterator[tuple[str, bytes]]:
        if name.lower().endswith(".zip"):
            yield from self.unpack(data, depth=depth + 1)
            return
        yield name, data
        if name.lower().endswith(".eml"):
            yield from self.attachments(data, depth=depth + 1)

    def _read(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
        with archive.open(info) as file:
            data = file.read(self._bytes_left + 1)
        self._count(len(data))
        return data

    def _count(self, size: int) -> None:
        self._check(1, size)
        self._files_left -= 1
        self._bytes_left -= size

    def _check(self, files: int, size: int) -> None:
        """What an archive says of itself is looked at first: it never unpacks to more than it says."""
        if files > self._files_left:
            raise ReaderError("The file holds more files than the limit allows: split it.")
        if size > self._bytes_left:
            raise ReaderError("The file unpacks to more than the limit allows: split it.")


def _refuse_unreadable(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & _PROTECTED:
        raise ReaderError("The archive is protected by a password: unpack it and add the files.")
    if info.file_size > 10_000_000 and info.file_size > info.compress_size * _MOST_RATIO:
        raise ReaderError("The archive unpacks to far more than it is and was refused.")


def _is_wanted(info: zipfile.ZipInfo) -> bool:
    parts = info.filename.replace("\\", "/").split("/")
    if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16):
        return False
    return bool(parts[-1]) and not parts[-1].startswith(".") and "__MACOSX" not in parts
