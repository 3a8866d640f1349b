"""Refuses RTF files in which pandoc would read signs or deleted text wrongly, and tells what it would leave out."""

import re
from dataclasses import dataclass, replace

from backends.loaders.rich_text import page_of
from backends.loaders.writing import ReaderError

_TOKEN = re.compile(rb"\\([a-zA-Z]+)(-?\d{1,9})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])|([{}])|([^\\{}\r\n]+)")
_SYMBOLS = 2
_PAGES = {0: 1252, 77: 10000, 161: 1253, 162: 1254, 163: 1258, 177: 1255, 178: 1256, 186: 1257, 204: 1251, 222: 874}
_PAGES |= {238: 1250, 128: 932, 129: 949, 134: 936, 136: 950}
"""The code pages of character sets (RTF 1.9.1, \\fcharset)."""
_SYMBOL_FONTS = (b"symbol", b"wingdings", b"webdings", b"zapfdingbats", b"zapf dingbats", b"marlett")
_SAME_IN_SYMBOL = frozenset(b"0123456789.,;:()+=<>/%[]{}|_! \xa0\xb0\xb1\xb7")
_SAME_IN_ALL = frozenset(b" \xa0\xb7")
_PRIVATE = range(0xF000, 0xF100)
"""Where the signs of a symbol font stand as code points."""
_UNREAD = frozenset(
    {b"header", b"headerl", b"headerr", b"headerf", b"footer", b"footerl", b"footerr", b"footerf", b"shptxt"}
    | {b"annotation"}
)
_NO_TEXT = frozenset(
    {
        b"fonttbl",
        b"colortbl",
        b"stylesheet",
        b"info",
        b"listtable",
        b"listoverridetable",
        b"listtext",
        b"pntext",
        b"pict",
    }
    | {b"pn", b"fldinst", b"themedata", b"datastore", b"xmlnstbl", b"object", b"objdata", b"filetbl", b"revtbl", b"sp"}
    | {b"atnid", b"atnauthor", b"atndate", b"atnref", b"generator", b"private"}
)
_STARRED = frozenset({b"shpinst", b"annotation", b"shppict", b"ud", b"footnote"})
"""Destinations behind \\* that hold some."""
_SYMBOL_FIELD = re.compile(rb"\\fldinst\b[^\\]{0,20}\bSYMBOL\b")
_WRONG_SIGNS = ReaderError(
    "This RTF uses a symbol font or another alphabet's font that cannot be read safely: save it as DOCX and add that."
)
_DELETED = ReaderError(
    "The RTF file holds text that is marked as deleted: accept or reject the changes first, then save it again."
)


@dataclass(frozen=True, slots=True)
class _State:
    """Of a group."""

    kind: str = "text"
    font: int = -1
    skips: int = 1
    is_deleted: bool = False


def holds_unread_text(content: bytes) -> bool:
    """Whether headers, footers, shapes or remarks hold text, which pandoc leaves out. Raises ReaderError."""
    if _SYMBOL_FIELD.search(content):
        raise _WRONG_SIGNS
    return _Scan(content).run()


class _Scan:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._page = page_of(content)
        self._state = _State()
        self._outer: list[_State] = []
        self._sets: dict[int, int] = {}
        self._names: dict[int, bytes] = {}
        self._default = -1
        self._is_starred = False
        self._skip = 0
        self._found = False

    def run(self) -> bool:
        place = 0
        while (token := _TOKEN.search(self._content, place)) is not None:
            place = token.end()
            word, number, byte, sign, brace, text = token.groups()
            if brace:
                self._brace(brace)
            elif word == b"bin":
                place += max(0, int(number or 0))
            elif word:
                self._word(word, int(number) if number else None)
            elif sign == b"*":
                self._is_starred = True
            elif byte:
                self._text(bytes([int(byte, 16)]))
            elif text or sign in {b"\\", b"{", b"}"}:
                self._text(text or sign)
        return self._found

    def _brace(self, brace: bytes) -> None:
        self._is_starred, self._skip = False, 0
        if brace == b"{":
            self._outer.append(self._state)
        elif self._outer:
            self._state = self._outer.pop()

    def _word(self, word: bytes, number: int | None) -> None:
        is_starred, self._is_starred = self._is_starred, False
        state = self._state
        if word == b"fonttbl":
            self._state = replace(state, kind="fonts")
        elif word == b"fcharset" and state.kind == "fonts":
            self._sets[state.font] = number or 0
        elif word == b"f":
            self._state = replace(state, font=number or 0)
        elif state.kind in {"fonts", "none"}:
            return
        elif word in _NO_TEXT or (is_starred and word not in _STARRED):
            self._state = replace(state, kind="none")
        elif word in _UNREAD:
            self._state = replace(state, kind="unread")
        elif word == b"shpinst":
            self._state = replace(state, kind="none" if state.kind == "none" else "text")
        else:
            self._format(word, number)

    def _format(self, word: bytes, number: int | None) -> None:
        if word == b"deff":
            self._default = number or 0
            self._state = replace(self._state, font=self._default)
        elif word == b"plain":
            self._state = replace(self._state, font=self._default, is_deleted=False)
        elif word == b"deleted":
            self._state = replace(self._state, is_deleted=number != 0)
        elif word == b"uc":
            self._state = replace(self._state, skips=max(0, number or 0))
        elif word == b"u" and number is not None:
            self._check(number % 65_536)
            self._skip = self._state.skips

    def _text(self, text: bytes) -> None:
        self._is_starred = False
        if self._state.kind == "fonts":
            name = self._names.get(self._state.font, b"") + text
            self._names[self._state.font] = name[:40]
            return
        skipped = min(self._skip, len(text))
        self._skip -= skipped
        text = text[skipped:]
        if self._state.kind == "none" or not text.strip():
            return
        self._check_kind()
        if self._is_of_symbols():
            same = _SAME_IN_SYMBOL if self._name().startswith(b"symbol") else _SAME_IN_ALL
            if not same.issuperset(text):
                raise _WRONG_SIGNS
        elif not text.isascii() and self._page_of_font() != self._page:
            raise _WRONG_SIGNS

    def _check(self, code_point: int) -> None:
        if self._state.kind in {"none", "fonts"}:
            return
        self._check_kind()
        if code_point in _PRIVATE and code_point != 0xF0B7:
            raise _WRONG_SIGNS

    def _check_kind(self) -> None:
        if self._state.is_deleted:
            raise _DELETED
        self._found |= self._state.kind == "unread"

    def _name(self) -> bytes:
        return self._names.get(self._state.font, b"").strip().lower()

    def _is_of_symbols(self) -> bool:
        return self._sets.get(self._state.font, 0) == _SYMBOLS or self._name().startswith(_SYMBOL_FONTS)

    def _page_of_font(self) -> int:
        """That of the file where the font does not say one (0 and 1)."""
        number = self._sets.get(self._state.font, 0)
        return self._page if number in {0, 1} else _PAGES.get(number, 0)
