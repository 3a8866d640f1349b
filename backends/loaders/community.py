"""Reads EPUB, RTF, ODT, Org and reStructuredText with loaders of langchain-community, where the extra is installed.

They hand a file to unstructured, which has pandoc turn it into HTML. Neither is let write, send or fetch anything.
"""

import logging
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from backends.loaders.converted import legible, plain
from backends.loaders.packages import check_book, check_open_document
from backends.loaders.rich_text import normalised
from backends.loaders.rich_text_groups import holds_unread_text
from backends.loaders.texts import decode
from backends.loaders.writing import DocumentWriter, ReaderError

if TYPE_CHECKING:
    from backends.loaders.odt_parts import OpenText

EXTRA = "community-loaders"
EPUB = "application/epub+zip"
RTF = "application/rtf"
ODT = "application/vnd.oasis.opendocument.text"
ORG = "text/org"
RST = "text/x-rst"
NAMES = {EPUB: "EPUB", RTF: "RTF", ODT: "ODT", ORG: "Org", RST: "reStructuredText"}
_LOADERS = {
    EPUB: ("epub", "UnstructuredEPubLoader"),
    RTF: ("rtf", "UnstructuredRTFLoader"),
    ODT: ("odt", "UnstructuredODTLoader"),
    ORG: ("org_mode", "UnstructuredOrgModeLoader"),
    RST: ("rst", "UnstructuredRSTLoader"),
}
_CHECKS = {EPUB: check_book, ODT: check_open_document}
_PACKAGES = ("langchain_community", "pypandoc", "unstructured")
_LEAST_PANDOC = (2, 15)
"""The first with a sandbox."""
_PANDOC_VERSION = re.compile(r"pandoc\S* (\d+)\.(\d+)")
_NETWORK = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostby")
PARTLY_READ = "Parts of this file could not be read: compare with the original, or save it as DOCX."
_EXIT_CODE = re.compile(r'exitcode "(-?\d+)"')
_NO_MEMORY = re.compile("heap exhausted|out of memory", re.IGNORECASE)
_TAKES_OTHER_FILES, _HEAP_EXHAUSTED = 99, 251
_ENDED_BY_LIMIT = {-24, -9}


def missing() -> str:
    """What has to be installed before these files are read, to stand after "install"; "" where they are read."""
    wanted = []
    if any(find_spec(name) is None for name in _PACKAGES):
        wanted.append(f"the extra {EXTRA} (.venv/bin/uv sync --locked --inexact --extra {EXTRA})")
    if not _has_pandoc():
        wanted.append("pandoc 2.15 or later")
    if not hasattr(os, "memfd_create"):  # how a file reaches another program without lying on a disk
        wanted = ["Dafe Graphs on Linux"]
    return " and ".join(wanted)


def is_offered() -> bool:
    return not missing()


def require(media_type: str) -> str:
    """The media type again. Raises ReaderError where files of it are not read here."""
    if wanted := missing():
        raise ReaderError(
            f"To read {NAMES[media_type]} files, install {wanted}; or save it as DOCX or PDF and add that."
        )
    return media_type


def _has_pandoc() -> bool:
    program = shutil.which("pandoc")
    try:
        return program is not None and _version(program) >= _LEAST_PANDOC
    except (OSError, subprocess.SubprocessError):  # not kept: it may be an overloaded machine
        return False


@cache
def _version(program: str) -> tuple[int, int]:
    """Of pandoc; nothing is newer than what does not say it."""
    told = subprocess.run([program, "--version"], capture_output=True, timeout=20, check=True)
    found = _PANDOC_VERSION.match(told.stdout.decode("utf-8", "replace"))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def read(content: bytes, writer: DocumentWriter, *, media_type: str) -> None:
    """Headings with their levels, paragraphs, list items and tables in their order, on one page."""
    if check := _CHECKS.get(media_type):
        check(content)
    if media_type == RTF and holds_unread_text(content):
        writer.warnings.append(PARTLY_READ)
    # Imported late: lxml takes as long as all else that a child needs for a small file.
    from backends.loaders.odt_parts import OpenText

    open_text = OpenText(content) if media_type == ODT else None
    path = _in_memory(open_text.content if open_text else _prepared(content, media_type))
    _cut_off()
    module, name = _LOADERS[media_type]
    notices = _Notices()
    logging.getLogger("pypandoc").addHandler(notices)
    loader_type = getattr(import_module(f"langchain_community.document_loaders.{module}"), name)
    loader_type = _through_html(loader_type, open_text, writer.warnings) if open_text else loader_type
    for found in loader_type(path, mode="elements", languages=[""]).lazy_load():
        _write(found.page_content, found.metadata, writer)
    if any("include file" in notice for notice in notices.given):
        writer.warnings.append("Text that the file takes from other files was left out.")


class _Notices(logging.Handler):
    """What pandoc says beside its result."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.given.append(record.getMessage())


def _prepared(content: bytes, media_type: str) -> bytes:
    if media_type in {ORG, RST}:
        return decode(content).encode("utf-8", "replace")
    return normalised(content) if media_type == RTF else content


def _in_memory(content: bytes) -> str:
    """A path to the content for this process and its own children; after it no file can be written."""
    file = os.memfd_create("document")
    with open(file, "wb", closefd=False) as target:
        target.write(content)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    return f"/proc/{os.getpid()}/fd/{file}"


def _cut_off() -> None:
    """No connection from here on, no model of language, and pandoc's pages made legible."""
    sys.addaudithook(_refuse_network)
    # This module would fetch a model to tell prose from titles, install and load it; nothing here asks for the answer.
    sys.modules["unstructured.nlp.tokenize"] = _plain_words()
    os.environ["HOME"] = "/nonexistent"  # without any, pandoc does not start; with a true one it looks for settings
    import pypandoc

    pypandoc.convert_file = _legibly(pypandoc.convert_file)


def _refuse_network(event: str, _arguments: object) -> None:
    if event.startswith(_NETWORK):
        raise PermissionError("Readers of files have no network.")


def _plain_words() -> ModuleType:
    module: Any = ModuleType("unstructured.nlp.tokenize")
    module.sent_tokenize = lambda text: [text]
    module.word_tokenize = str.split
    module.pos_tag = lambda text: [(word, "NN") for word in text.split()]
    found: ModuleType = module
    return found


def _legibly(convert: Callable[..., str]) -> Callable[..., str]:
    def converted(*arguments: Any, **options: Any) -> str:
        try:
            # Standalone, for the title, which is no part of the text to pandoc.
            return legible(convert(*arguments, extra_args=["--standalone"], **options))
        except RuntimeError as error:
            raise _refusal(str(error)) from error

    return converted


def _refusal(message: str) -> Exception:
    found = _EXIT_CODE.search(message)
    code = int(found[1]) if found else 1
    if code == _TAKES_OTHER_FILES:
        return ReaderError("The file takes text from other files: put it into this one and add it again.")
    if code == _HEAP_EXHAUSTED or _NO_MEMORY.search(message):
        return MemoryError()
    if code in _ENDED_BY_LIMIT:
        return ReaderError("Reading the file took more time than the limit allows: split it and add the parts.")
    return ReaderError("The file is damaged: open it in its own program, save it again and add it.")


def _through_html(base: Any, open_text: "OpenText", warnings: list[str]) -> Any:
    """The loader without its way over a DOCX file, which pandoc's sandbox cannot write."""
    from bs4 import BeautifulSoup

    class ThroughHtml(base):  # type: ignore[misc]
        def _get_elements(self) -> list[Any]:
            from unstructured.file_utils.file_conversion import convert_file_to_html_text_using_pandoc
            from unstructured.partition.html import partition_html

            text = convert_file_to_html_text_using_pandoc(source_format="odt", filename=self.file_path)
            if not open_text.is_read_by(BeautifulSoup(text, "lxml").get_text()):
                warnings.append(PARTLY_READ)
            return list(partition_html(text=text, **self.unstructured_kwargs))

    return ThroughHtml


def _write(text: str, found: dict[str, Any], writer: DocumentWriter) -> None:
    text = plain(text)
    if found.get("category") == "Title":
        writer.add_heading(text, level=int(found.get("category_depth") or 0) + 1)
    elif table := found.get("text_as_html"):
        _write_table(plain(table), writer)
    else:
        writer.add_paragraph(text)


def _write_table(html: str, writer: DocumentWriter) -> None:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "lxml")
    rows = [[cell.get_text(" ", strip=True) for cell in row.find_all(["td", "th"])] for row in soup.find_all("tr")]
    writer.add_table(rows, caption=soup.caption.get_text(" ", strip=True) if soup.caption else None)
