"""The child process that parses one untrusted file: limits first, then the parser, the result as a line of JSON."""

import json
import resource
import sys
from base64 import b64encode
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

from backends.loaders.detecting import CCDA, CSV, DOCX, EMAIL, FHIR, HL7, HTML, JSON, MARKDOWN, PPTX, TEXT, XLSX, ZIP
from backends.loaders.writing import DocumentWriter, ReaderError

_PAGES_ASKED = ("first", "count", "ocr_seconds", "open_table")


def main() -> None:
    """First line of standard input: the request as JSON; the rest: the file.

    The answer is the last line; what a file holds stands before it, each file behind a line with its name and size.
    """
    request = json.loads(sys.stdin.buffer.readline())
    _limit(request)
    content = sys.stdin.buffer.read()
    try:
        answer = json.dumps(_answer(request, content), default=_fields)
    except ReaderError as error:
        answer = json.dumps({"refused": str(error)})
    except MemoryError:
        answer = json.dumps(
            {"refused": "The file needs more memory than the limit allows: split it and add the parts."}
        )
    except RecursionError:
        answer = json.dumps({"refused": "The file is nested too deeply to be read."})
    except LookupError:
        if request["task"] != "render":
            raise
        answer = json.dumps({"missing": True})
    sys.stdout.write(f"\n{answer}")


def _fields(found: Any) -> dict[str, Any]:
    return {field.name: getattr(found, field.name) for field in fields(found)}


def _limit(request: dict[str, Any]) -> None:
    size = request["memory_mb"] * 1024 * 1024
    seconds = request["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    largest = request.get("file_bytes", 0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))


def _answer(request: dict[str, Any], content: bytes) -> dict[str, Any]:
    task = request["task"]
    if task == "load":
        return {"document": _load(request, content)}
    if task == "count":
        from backends.loaders.pdf import count_pages

        return count_pages(content)
    if task == "pages":
        from backends.loaders.pdf import read_pages

        return {"pages": list(read_pages(content, **{name: request[name] for name in _PAGES_ASKED}))}
    if task == "render":
        from backends.loaders.pdf import render

        return {"png": b64encode(render(content, request["page"], width=request["width"])).decode()}
    return {"files": _unpack(request, content)}


def _load(request: dict[str, Any], content: bytes) -> Any:
    from backends.loaders import community, markup, messages, office, texts

    readers: dict[str, Callable[[bytes, DocumentWriter], None]] = {
        TEXT: texts.read_text,
        MARKDOWN: texts.read_markdown,
        CSV: texts.read_csv,
        JSON: texts.read_json,
        HTML: markup.read_html,
        CCDA: markup.read_ccda,
        DOCX: office.read_docx,
        PPTX: office.read_pptx,
        XLSX: office.read_xlsx,
        EMAIL: messages.read_email,
        HL7: messages.read_hl7,
        FHIR: messages.read_fhir,
        **{media_type: partial(community.read, media_type=media_type) for media_type in community.NAMES},
    }
    writer = DocumentWriter(most_characters=request["characters"])
    readers[request["media_type"]](content, writer)
    return writer.finish()


def _unpack(request: dict[str, Any], content: bytes) -> int:
    """Write one file after the other, so that never all of them are held here; returns how many."""
    from backends.loaders.archives import Unpacker

    unpacker = Unpacker(most_files=request["archive_files"], most_bytes=request["archive_mb"] * 1_000_000)
    found = unpacker.attachments(content) if request["media_type"] == EMAIL else unpacker.unpack(content)
    count = 0
    for name, data in found:
        sys.stdout.buffer.write(json.dumps([name, len(data)]).encode() + b"\n" + data)
        count += 1
    if not count and request["media_type"] == ZIP:
        raise ReaderError("The archive holds no file: pack the files again and add it.")
    return count


if __name__ == "__main__":
    main()
