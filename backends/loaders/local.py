"""Parsers on this machine, each file in child processes of its own."""

import json
import os
import signal
import subprocess
import sys
from base64 import b64decode
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from threading import BoundedSemaphore
from typing import Any

from pydantic import TypeAdapter

from app.domain.documents import LoadedDocument
from app.errors import CancelledError, InvalidInputError, NotFoundError
from backends.loaders.base import Attachment, DocumentLoader
from backends.loaders.community import NAMES as COMMUNITY
from backends.loaders.community import require
from backends.loaders.detecting import EMAIL, PDF, ZIP, detect
from backends.loaders.pdf import INSTALL_TESSERACT
from backends.loaders.pdf_table_rows import OpenTable
from backends.loaders.pdf_text import PdfPage
from backends.loaders.settings import LocalLoaderSettings
from backends.loaders.writing import DocumentWriter, ReaderError

_LOADED = TypeAdapter(LoadedDocument)
_PAGES = TypeAdapter(list[PdfPage])
_TOO_MUCH = "Reading the file took more time or memory than the limit allows: split it and add the parts."
_BROKEN = "The file is damaged in a way that cannot be read: open it in its own program, save it again and add it."
_UNREAD = "could not be read within the limits and was left out"
_REFUSED = b'{"refused": '
_SWITCHES = ("DO_NOT_TRACK", "SCARF_NO_ANALYTICS")
_MOST_GROWTH = 3
"""What the bytes of an RTF file can become as code points; an OpenDocument text gains a little."""
_ENDED_BY_LIMIT = {-signal.SIGXCPU, -signal.SIGKILL}


class LocalLoader(DocumentLoader):
    """A parser that crashes, hangs or fills its memory ends with its child; nothing else notices.

    Page images have places of their own: evidence is shown while large files are read.
    """

    def __init__(self, settings: LocalLoaderSettings, **_ignored: object) -> None:
        self._settings = settings
        self._readers = BoundedSemaphore(settings.children)
        self._painters = BoundedSemaphore(settings.children)

    def detect(self, name: str, content: bytes) -> str:
        if len(content) > self._settings.file_mb * 1_000_000:
            raise InvalidInputError(f"The file is larger than {self._settings.file_mb} MB: split it and add the parts.")
        try:
            media_type = detect(name, content)
            return require(media_type) if media_type in COMMUNITY else media_type
        except ReaderError as error:
            raise InvalidInputError(str(error)) from None

    def unpack(self, name: str, content: bytes) -> list[Attachment]:
        media_type = self.detect(name, content)
        if media_type not in {ZIP, EMAIL}:
            return []
        request = {
            "task": "unpack",
            "media_type": media_type,
            "archive_files": self._settings.archive_files,
            "archive_mb": self._settings.archive_mb,
        }
        return list(_attachments(*self._output(request, content)))

    def load(
        self, name: str, content: bytes, *, on_progress: Callable[[int, int], bool] | None = None
    ) -> LoadedDocument:
        media_type = self.detect(name, content)
        if media_type == ZIP:
            raise InvalidInputError("An archive is no document itself: add the files in it.")
        if media_type == PDF:
            return self._load_pdf(content, on_progress)
        request = {"task": "load", "media_type": media_type, "characters": self._settings.characters}
        if media_type in COMMUNITY:
            request["file_bytes"] = _MOST_GROWTH * len(content) + 1_000_000
        return _LOADED.validate_python(self._run(request, content)["document"])

    def render_page(self, name: str, content: bytes, page: int, *, width: int) -> bytes:
        if self.detect(name, content) != PDF:
            raise InvalidInputError("Only PDF documents have page images.")
        answer = self._run({"task": "render", "page": page, "width": width}, content)
        if answer.get("missing"):
            raise NotFoundError("The document has no such page.")
        return b64decode(answer["png"])

    def close(self) -> None:
        """Children end with the call that started them."""

    def _load_pdf(self, content: bytes, on_progress: Callable[[int, int], bool] | None) -> LoadedDocument:
        counted = self._run({"task": "count"}, content)
        total = counted["pages"]
        if total > self._settings.pages:
            raise InvalidInputError(f"The document has more than {self._settings.pages:,} pages: split it.")
        writer = DocumentWriter(most_characters=self._settings.characters)
        writer.title = counted["title"]
        try:
            for page in self._pages(content, total, on_progress):
                writer.add_page_text(
                    page.text,
                    words=page.words,
                    headings=page.headings,
                    rows=page.rows,
                    hidden_places=page.hidden,
                    ocr=page.ocr,
                )
                if page.warning:
                    writer.warnings.append(page.warning)
                    writer.advice = INSTALL_TESSERACT if INSTALL_TESSERACT in page.warning else writer.advice
            writer.warnings += filter(None, [counted["warning"]])
            return writer.finish()
        except ReaderError as error:
            unread = writer.warnings and all(_UNREAD in warning for warning in writer.warnings)
            raise InvalidInputError(_TOO_MUCH if unread else str(error)) from None

    def _pages(self, content: bytes, total: int, on_progress: Callable[[int, int], bool] | None) -> Iterator[PdfPage]:
        """A batch that fails is read again page by page, so that one bad page costs only itself; after too many of
        them no more is tried."""
        size = self._settings.pages_a_batch
        stretches = deque((first, min(size, total - first)) for first in range(0, total, size))
        failed = 0
        above: OpenTable | None = None
        while stretches:
            first, count = stretches.popleft()
            if on_progress is not None and not on_progress(first, total):
                raise CancelledError("Reading was stopped; the file is kept.")
            try:
                pages = self._read_pages(content, first, count, above)
            except InvalidInputError as error:
                if count > 1:
                    stretches.extendleft((index, 1) for index in reversed(range(first, first + count)))
                    continue
                failed += 1
                if failed > self._settings.failed_pages:
                    raise InvalidInputError(_TOO_MUCH) from error
                pages = [PdfPage("", warning=f"Page {first + 1} {_UNREAD}.")]
            above = pages[-1].open_table
            yield from pages

    def _read_pages(self, content: bytes, first: int, count: int, above: OpenTable | None) -> list[PdfPage]:
        """`above` is the table at the foot of the page before."""
        ocr_seconds = self._settings.ocr_seconds_a_page if self._settings.ocr else 0
        open_table = asdict(above) if above is not None else None
        request = {
            "task": "pages",
            "first": first,
            "count": count,
            "ocr_seconds": ocr_seconds,
            "open_table": open_table,
        }
        return _PAGES.validate_python(self._run(request, content, more_seconds=ocr_seconds * count)["pages"])

    def _run(self, request: dict[str, Any], content: bytes, *, more_seconds: int = 0) -> dict[str, Any]:
        output, begin = self._output(request, content, more_seconds=more_seconds)
        answer: dict[str, Any] = json.loads(output[begin:])
        return answer

    def _output(self, request: dict[str, Any], content: bytes, *, more_seconds: int = 0) -> tuple[bytes, int]:
        """What a child wrote, and where in it the answer begins, behind the files.

        Raises InvalidInputError when it refused or ended without one.
        """
        settings = self._settings
        limits = {"memory_mb": settings.memory_mb, "cpu_seconds": settings.cpu_seconds + more_seconds}
        environment = {"PATH": os.environ.get("PATH", ""), "OMP_THREAD_LIMIT": "1", "OPENBLAS_NUM_THREADS": "1"}
        environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= {name: os.environ[name] for name in _SWITCHES if name in os.environ}
        try:
            with self._painters if request["task"] == "render" else self._readers:
                asked = json.dumps({**request, **limits}).encode() + b"\n" + content
                child = _ran(asked, environment, settings.wall_seconds + more_seconds)
        except subprocess.TimeoutExpired as error:
            raise InvalidInputError(_TOO_MUCH) from error
        if child.returncode:
            raise InvalidInputError(_TOO_MUCH if child.returncode in _ENDED_BY_LIMIT else _BROKEN)
        begin = child.stdout.rindex(b"\n") + 1
        if child.stdout.startswith(_REFUSED, begin):
            raise InvalidInputError(json.loads(child.stdout[begin:])["refused"])
        return child.stdout, begin


def _ran(asked: bytes, environment: dict[str, str], seconds: int) -> subprocess.CompletedProcess[bytes]:
    """The child, which ends with every program that it started. Raises subprocess.TimeoutExpired."""
    command = [sys.executable, "-m", "backends.loaders.child_main"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, start_new_session=True
    ) as child:
        try:
            output, errors = child.communicate(asked, timeout=seconds)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # not yet waited for, so the number is still its own
            raise
    return subprocess.CompletedProcess(command, child.returncode, output, errors)


def _attachments(output: bytes, begin: int) -> Iterator[Attachment]:
    """Each file stands behind a line with its name and size, before the answer, which begins a line."""
    place = 0
    while place < begin - 1:
        end = output.index(b"\n", place)
        name, size = json.loads(output[place:end])
        place = end + 1 + size
        yield Attachment(name, output[end + 1 : place])
