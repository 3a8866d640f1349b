"""Rewrites a PDF file that the main reader cannot open, with pypdf, which finds pages by other ways."""

import io
import struct
import zlib

_HOSTILE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, NotImplementedError)


def rewritten(content: bytes) -> bytes | None:
    """The pages in a sound file; None where no page is found, or only behind a password."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.errors import PyPdfError

    target = io.BytesIO()
    try:
        pages = PdfReader(io.BytesIO(content)).pages
        writer = PdfWriter()
        for page in pages:
            writer.add_page(page)
        if not writer.pages:
            return None
        writer.write(target)
    except (PyPdfError, OSError, zlib.error, struct.error, *_HOSTILE):
        return None
    return target.getvalue()
