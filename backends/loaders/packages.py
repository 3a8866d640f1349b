"""Refuses zipped documents (Office, OpenDocument, EPUB) that are not safe to hand to a parser."""

import io
import zipfile
import zlib
from collections.abc import Callable
from typing import IO
from xml.parsers import expat

from backends.loaders.writing import ReaderError

_LARGEST_PART = 400_000_000
_LARGEST_RATIO = 300
_MOST_PARTS = 20_000
_PIECE_BYTES = 4_096
_XML = (".xml", ".rels")
_BOOK_XML = (".xml", ".opf", ".ncx", ".xhtml", ".html", ".htm", ".svg")
_READABLE_BOOK_PARTS = (b"http://www.idpf.org/2008/embedding", b"http://ns.adobe.com/pdf/enc#RC")
"""What only disguises fonts (EPUB 3.3, font obfuscation)."""


def check_package(content: bytes, *, kind: str = "Office") -> None:
    """Refuse what unpacks to far more than it is or declares XML entities. Raises ReaderError."""
    _check(content, kind, _XML, refuse_doctype)


def check_open_document(content: bytes) -> None:
    """As `check_package`, and refuse what a password protects. Raises ReaderError."""
    check_package(content, kind="OpenDocument")
    if b"encryption-data" in _part(content, "META-INF/manifest.xml"):
        raise ReaderError("The OpenDocument file is protected by a password: save it without one and add it again.")


def check_book(content: bytes) -> None:
    """As `check_package`, and refuse what is protected against copying; books may name a document type.

    Raises ReaderError.
    """
    _check(content, "EPUB", _BOOK_XML, refuse_entities)
    locks = _part(content, "META-INF/encryption.xml").split(b"EncryptionMethod")[1:]
    if any(not any(algorithm in lock for algorithm in _READABLE_BOOK_PARTS) for lock in locks):
        raise ReaderError("The book is protected against copying and cannot be read: add a copy without protection.")


def _check(content: bytes, kind: str, endings: tuple[str, ...], refuse: Callable[[IO[bytes]], None]) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            infos = package.infolist()
            total = sum(info.file_size for info in infos)
            if total > _LARGEST_PART or total > max(50_000_000, len(content) * _LARGEST_RATIO):
                raise ReaderError(f"The {kind} file unpacks to more than the limit allows: split it and add the parts.")
            if len(infos) > _MOST_PARTS:
                raise ReaderError(f"The {kind} file holds more parts than the limit allows: split it.")
            for info in infos:
                if info.filename.lower().endswith(endings):
                    with package.open(info) as part:
                        refuse(part)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, EOFError, RuntimeError) as error:
        raise ReaderError(f"The {kind} file is damaged: open it, save it again and add it.") from error


def refuse_doctype(part: IO[bytes]) -> None:
    """Read XML up to its first element. Raises ReaderError for a document type, which alone can declare entities."""
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    _read_prolog(part, parser)


def refuse_entities(part: IO[bytes]) -> None:
    """Read XML up to its first element. Raises ReaderError for an entity that its document type declares."""
    parser = expat.ParserCreate()
    parser.EntityDeclHandler = _refuse
    _read_prolog(part, parser)


def _refuse(*_parts: object) -> None:
    raise ReaderError("The file declares XML entities or a DTD, which is not safe to read: save it again without.")


def _read_prolog(part: IO[bytes], parser: expat.XMLParserType) -> None:
    begun: list[str] = []
    parser.StartElementHandler = lambda name, _attributes: begun.append(name)
    try:
        while not begun and (piece := part.read(_PIECE_BYTES)):
            parser.Parse(piece)
    except expat.ExpatError:
        return  # what is no XML is said by the reader of the part


def _part(content: bytes, name: str) -> bytes:
    """A small part, checked before; nothing where it is not there or cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package, package.open(name) as part:
            return part.read(1_000_000)
    except (KeyError, zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, EOFError, RuntimeError):
        return b""
