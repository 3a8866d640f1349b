"""The signs of a PDF page in reading order, each with its box on the page as it is shown."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

_HYPHENS = {0x02, 0xFFFE}
_FORCED_BOLD = 1 << 18
_BOLD_NAMES = ("bold", "black", "heavy", "demi")
_NAME_LENGTH = 128

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the page as it is shown."""
Place = tuple[int, int]
"""Some signs that follow each other: the first, and the one after the last."""


@dataclass(frozen=True, slots=True)
class Signs:
    """`boxes` and `sizes` have one item a sign of `text`; white space has no box and size 0."""

    text: str
    boxes: list[Box | None]
    sizes: list[float]
    numbers: list[int]
    """Which sign of the reader's own count each one is."""
    text_page: Any = None

    def is_bold(self, position: int) -> bool:
        """By the name or the flags of the font."""
        from pypdfium2 import raw

        name, flags = ctypes.create_string_buffer(_NAME_LENGTH), ctypes.c_int()
        number = self.numbers[position]
        raw.FPDFText_GetFontInfo(self.text_page, number, name, _NAME_LENGTH, ctypes.byref(flags))
        written = name.value.decode("utf-8", "replace").lower()
        return bool(flags.value & _FORCED_BOLD) or any(part in written for part in _BOLD_NAMES)


def read_signs(page: Any) -> Signs:
    """What is written on a pypdfium2 page; a word that was parted at a line's end is joined."""
    from pypdfium2 import raw

    text_page = page.get_textpage()
    place = placing(page)
    box = [ctypes.c_double() for _ in range(4)]
    edges = [ctypes.byref(edge) for edge in box]
    signs: list[str] = []
    found = Signs("", [], [], [], text_page)
    joining = False
    for index in range(text_page.count_chars()):
        code = raw.FPDFText_GetUnicode(text_page, index)
        if code in _HYPHENS:
            joining = True
            continue
        sign = _sign(code)
        if not sign or (joining and sign in "\n "):
            continue
        joining = False
        signs.append(sign)
        found.numbers.append(index)
        if sign.isspace() or not raw.FPDFText_GetCharBox(text_page, index, *edges):
            found.boxes.append(None)
            found.sizes.append(0.0)
            continue
        found.boxes.append(place(box[0].value, box[1].value, box[2].value, box[3].value))
        found.sizes.append(raw.FPDFText_GetFontSize(text_page, index))
    return Signs("".join(signs), found.boxes, found.sizes, found.numbers, text_page)


def placing(page: Any) -> Callable[[float, float, float, float], Box]:
    """From edges (left, right, bottom, top) in the page's own space to a box on the page as it is shown, cut and
    turned."""
    turns = page.get_rotation() // 90
    width, height = page.get_size() if turns % 2 == 0 else reversed(page.get_size())
    width, height = max(width, 1e-6), max(height, 1e-6)
    left_edge, bottom_edge = (max(edges) for edges in zip(page.get_mediabox()[:2], page.get_cropbox()[:2], strict=True))

    def turn(across: float, down: float) -> tuple[float, float]:
        for _ in range(turns):
            across, down = 1 - down, across
        return across, down

    def place_upright(left: float, right: float, bottom: float, top: float) -> Box:
        return (
            (left - left_edge) / width,
            1 - (top - bottom_edge) / height,
            (right - left_edge) / width,
            1 - (bottom - bottom_edge) / height,
        )

    def place(left: float, right: float, bottom: float, top: float) -> Box:
        one = turn((left - left_edge) / width, 1 - (top - bottom_edge) / height)
        other = turn((right - left_edge) / width, 1 - (bottom - bottom_edge) / height)
        return min(one[0], other[0]), min(one[1], other[1]), max(one[0], other[0]), max(one[1], other[1])

    return place if turns else place_upright


@cache
def _sign(code: int) -> str:
    if code in {0x00, 0x0D} or 0xD800 <= code <= 0xDFFF:
        return ""
    if code in {0x0A, 0x09, 0xA0}:
        return "\n" if code == 0x0A else " "
    sign = chr(code)
    return sign if sign.isprintable() else ""
