"""Finds text of a PDF page that a person who looks at the page does not see."""

import ctypes
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from backends.loaders.pdf_signs import Box, Place, Signs

_PIXELS_A_POINT = 0.75
_LONGEST_SIDE = 1_500
"""Of the picture, in pixels."""
_NOTICED = 16
_INK = 64
_LIGHT = 176
"""Of 255 shades."""
_SMALLEST = 2.0
"""In points: nobody reads letters of a smaller size."""
_NOT_DRAWN = 3
"""The first mode of text that is placed and not drawn (ISO 32000-1, table 106)."""
_LAST_LATIN = "\u024f"
_FEWEST_LETTERS = 3


def find_hidden(page: Any, signs: Signs, pictures: Sequence[Box]) -> list[Place]:
    """Stretches of words that change nothing of the page's picture when they are left out: of their background's
    colour, transparent, not drawn, cut off, beside the page, under something drawn later; and letters that are too
    small to be read.

    Not found is what lies exactly over drawn lines or other text, unless it is light, transparent or not drawn. Not
    taken as hidden are words over ink of one of the `pictures`, because a scan's recognised text is laid so, over or
    under it, nor a sign or two alone on one, which are specks taken for text; and words in a script of which the file
    brings no font, because it may be missing only here.
    """
    texts, shown, height = _Texts(signs), _Picture(page), page.get_height()
    words = dict(texts.words())
    tiny = {place for place, box in words.items() if texts.is_tiny(place, box, height)}
    unclear = {place: box for place, box in words.items() if texts.is_faint(place) or not shown.has_ink(box)}
    hidden = {place for place in tiny | _unseen(page, texts, shown, unclear, pictures) if texts.letters(place)}
    return [
        place
        for place in _joined(words, hidden)
        if not (place in words and texts.letters(place) < _FEWEST_LETTERS and _is_on(pictures, words[place]))
    ]


def _unseen(
    page: Any, texts: "_Texts", shown: "_Picture", words: Mapping[Place, Box], pictures: Sequence[Box]
) -> set[Place]:
    """Those of the words that change nothing of the picture."""
    if not words:
        return set()
    without = _without(page, texts.objects(words))
    return {
        place
        for place, box in words.items()
        if not shown.differs(without, box)
        and not texts.lacks_font(place)
        and not (without.contrast(box) >= _INK and _is_on(pictures, box))
    }


class _Picture:
    """The page in shades of grey."""

    def __init__(self, page: Any) -> None:
        scale = min(_PIXELS_A_POINT, _LONGEST_SIDE / max(1.0, *page.get_size()))
        bitmap = page.render(scale=scale, grayscale=True, may_draw_forms=False)
        self._shades = bytes(bitmap.buffer)
        self._width, self._height, self._stride = bitmap.width, bitmap.height, bitmap.stride

    def has_ink(self, box: Box) -> bool:
        """Whether in one row of pixels both halves of the box hold more than one shade: a line under the box, or
        beside it, is no letter."""
        for row in self._rows(box):
            shades = self._shades[row]
            middle = len(shades) // 2
            left, right = shades[: middle + 1], shades[middle:]
            if max(left) - min(left) >= _NOTICED and max(right) - min(right) >= _NOTICED:
                return True
        return False

    def differs(self, other: "_Picture", box: Box) -> bool:
        return any(
            abs(ours - theirs) >= _NOTICED
            for row in self._rows(box)
            for ours, theirs in zip(self._shades[row], other._shades[row], strict=True)
        )

    def contrast(self, box: Box) -> int:
        shades = b"".join(self._shades[row] for row in self._rows(box))
        return max(shades) - min(shades) if shades else 0

    def _rows(self, box: Box) -> Iterator[slice]:
        """Where the pixels lie that the box touches, the middle row first; none for a box beside the page."""
        left, right = _pixel(box[0], self._width, -1), _pixel(box[2], self._width, 2)
        top, bottom = _pixel(box[1], self._height, -1), _pixel(box[3], self._height, 2)
        if left < right and top < bottom:
            for row in ((top + bottom) // 2, *range(top, bottom)):
                yield slice(row * self._stride + left, row * self._stride + right)


class _Texts:
    """The words of a page and the objects that draw them."""

    def __init__(self, signs: Signs) -> None:
        from pypdfium2 import raw

        self._raw: Any = raw
        self._signs = signs
        self._text_page = signs.text_page.raw
        self._colour = [ctypes.c_uint() for _ in range(4)]
        self._parts = [ctypes.byref(part) for part in self._colour]
        self._faint: dict[int, bool] = {}

    def words(self) -> Iterator[tuple[Place, Box]]:
        boxes, start = self._signs.boxes, 0
        for end in [place for place, box in enumerate(boxes) if box is None] + [len(boxes)]:
            if start < end:
                lefts, tops, rights, bottoms = zip(*boxes[start:end], strict=True)
                yield (start, end), (min(lefts), min(tops), max(rights), max(bottoms))
            start = end + 1

    def letters(self, word: Place) -> int:
        """How many letters and digits there are."""
        return sum(map(str.isalnum, self._signs.text[slice(*word)]))

    def objects(self, words: Iterable[Place]) -> list[Any]:
        found = [self._object_at(place) for word in words for place in range(*word)]
        return list({ctypes.addressof(one.contents): one for one in found if one}.values())

    def is_faint(self, word: Place) -> bool:
        """Light, transparent, without one colour or not drawn."""
        found = self._object_at(word[0])
        if not found:
            return False
        address = ctypes.addressof(found.contents)
        if address not in self._faint:
            self._faint[address] = self._looks_faint(found)
        return self._faint[address]

    def _looks_faint(self, found: Any) -> bool:
        if not self._raw.FPDFPageObj_GetFillColor(found, *self._parts):
            return True
        red, green, blue, opacity = (part.value for part in self._colour)
        shade = 0.299 * red + 0.587 * green + 0.114 * blue
        return shade > _LIGHT or opacity < _LIGHT or self._raw.FPDFTextObj_GetTextRenderMode(found) >= _NOT_DRAWN

    def is_tiny(self, word: Place, box: Box, height: float) -> bool:
        """By the size that the letters have on the page."""
        if min(box[3] - box[1], box[2] - box[0]) * height > _SMALLEST:
            return False
        moved = self._raw.FS_MATRIX()
        number = self._signs.numbers[word[0]]
        self._raw.FPDFText_GetMatrix(self._text_page, number, ctypes.byref(moved))
        scale = min(math.hypot(moved.a, moved.b), math.hypot(moved.c, moved.d))
        return self._signs.sizes[word[0]] * scale < _SMALLEST

    def lacks_font(self, word: Place) -> bool:
        """Signs that are not Latin, in a font that is not in the file."""
        if all(sign <= _LAST_LATIN for sign in self._signs.text[slice(*word)]):
            return False
        font = self._raw.FPDFTextObj_GetFont(self._object_at(word[0]))
        return bool(self._raw.FPDFFont_GetIsEmbedded(font) != 1)

    def _object_at(self, place: int) -> Any:
        return self._raw.FPDFText_GetTextObject(self._text_page, self._signs.numbers[place])


def _pixel(edge: float, count: int, more: int) -> int:
    """Of `count`; files place text at any number, infinite and undefined ones too."""
    return int(min(max(0.0, edge * count + more), float(count)))


def _without(page: Any, objects: Collection[Any]) -> _Picture:
    from pypdfium2 import raw

    for one in objects:
        raw.FPDFPageObj_SetIsActive(one, False)
    try:
        return _Picture(page)
    finally:
        for one in objects:
            raw.FPDFPageObj_SetIsActive(one, True)


def _joined(words: Iterable[Place], hidden: Collection[Place]) -> Iterator[Place]:
    """Hidden words that follow each other, as one."""
    start, end = 0, 0
    for place in words:
        if place in hidden:
            start, end = start if end else place[0], place[1]
        elif end:
            yield start, end
            end = 0
    if end:
        yield start, end


def _is_on(pictures: Iterable[Box], box: Box) -> bool:
    """Whether the box lies within one of the pictures."""
    left, top, right, bottom = box
    return any(one[0] <= left and one[1] <= top and right <= one[2] and bottom <= one[3] for one in pictures)
