"""Writes the signs of an RTF file so that every pandoc reads them; what stands in the file stays the same."""

import re

from backends.loaders.writing import ReaderError

_PAGE = re.compile(rb"\\ansicpg(\d{1,5})")
_SIGNS = re.compile(rb"(\\\\)|(\\u-?\d{1,6})(?: ?(\\'[0-9a-fA-F]{2})|(?=\?))|\\'([0-9a-fA-F]{2})")
"""A backslash that is text; a code point with its older spelling, or one before its question mark; a byte."""
_OLDER = rb"(?: ?\?| ?\\'[0-9a-fA-F]{2}| )?"
_PAIR = re.compile(rb"(\\\\)|\\u(-?\d{4,5})" + _OLDER + rb"\\u(-?\d{4,5})" + _OLDER)
"""A backslash that is text; the halves of a code point beyond 65,535."""
_OPTIONAL_NOTE = b"{\\*\\footnote"
"""As LibreOffice writes footnotes, which pandoc skips then."""
_LATIN = 1252
_FEWEST_SIGNS = 90
"""Beyond ASCII in a page of one byte a sign; Thai has the fewest."""


def normalised(content: bytes) -> bytes:
    """Bytes of another code page than Windows-1252 become code points, and code points end with a space: without it
    pandoc before 3 loses the sign behind the question mark. Raises ReaderError for pages of more than one byte a sign.
    """
    page = page_of(content)
    content = content.replace(_OPTIONAL_NOTE, b"{\\footnote")
    content = _PAIR.sub(_joined, content) if content.isascii() else content
    signs = {} if page == _LATIN else _signs(page)

    def written(match: re.Match[bytes]) -> bytes:
        backslash, code_point, older, byte = match.groups()
        if backslash or older:
            return match[0]
        if code_point:
            return code_point + b" "
        number = int(byte, 16)
        if signs is None and number >= 0x80:
            raise ReaderError(f"RTF files of code page {page} cannot be read: save it as DOCX and add that.")
        return b"\\u%d ?" % signs[number] if signs and number in signs else match[0]

    return _SIGNS.sub(written, content)


def page_of(content: bytes) -> int:
    """The code page of its bytes."""
    found = _PAGE.search(content, 0, 4_096)
    return int(found[1]) if found else _LATIN


def _joined(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return match[0]
    high, low = (int(half) % 65_536 for half in match.groups()[1:])
    if not (0xD800 <= high < 0xDC00 <= low < 0xE000):
        return match[0]
    return chr(0x10000 + (high - 0xD800) * 0x400 + low - 0xDC00).encode()  # pandoc cuts larger code points off


def _signs(page: int) -> dict[int, int] | None:
    """Code points of the bytes beyond ASCII; none for a page that is not known, None for one of more bytes a sign."""
    try:
        signs = {byte: ord(bytes([byte]).decode(f"cp{page}", "replace")) for byte in range(0x80, 0x100)}
    except LookupError:
        return {}
    known = {byte: sign for byte, sign in signs.items() if sign != 0xFFFD}
    return known if len(known) > _FEWEST_SIGNS else None
