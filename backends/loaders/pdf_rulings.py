"""What is drawn on a PDF page beside text: straight lines, which may rule a table, and pictures."""

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import inf
from typing import Any

from backends.loaders.pdf_signs import Box, placing

_MOST_PATHS = 4_000
_MOST_POINTS = 20_000
_DEEPEST_FORM = 4
_THICKEST = 2.5
_STRAIGHT = 0.5
_SHORTEST = 1.0
"""In points, 1/72 of an inch."""

Matrix = tuple[float, float, float, float, float, float]
Point = tuple[float, float]
_UNMOVED: Matrix = (1, 0, 0, 1, 0, 0)
_EVERYWHERE: Box = (-inf, -inf, inf, inf)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A level or an upright line on the page as it is shown, in points from its top left corner."""

    left: float
    top: float
    right: float
    bottom: float
    level: bool


class TooManyLinesError(Exception):
    """A drawing rather than tables."""


class Drawing:
    """`pictures` are where images lie, and the whole page where there are more lines than a page of tables has."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._place = placing(page)
        self._width, self._height = page.get_size()
        self._paths = self._points = 0
        self._lines: list[Ruling] | None = None
        self.pictures: list[Box] = []
        self.pixels = 0
        """Of all images together."""
        try:
            self._lines = list(self._rulings())
        except TooManyLinesError:
            self.pictures = [_EVERYWHERE]

    @property
    def rulings(self) -> list[Ruling]:
        """Stroked straight lines and thin filled bars; [] where there are too few for a table.

        Raises TooManyLinesError.
        """
        if self._lines is None:
            raise TooManyLinesError
        levels = sum(ruling.level for ruling in self._lines)
        return self._lines if levels >= 2 and len(self._lines) - levels >= 2 else []

    def _rulings(self) -> Iterator[Ruling]:
        from pypdfium2 import raw

        count = raw.FPDFPage_CountObjects(self._page)
        yield from self._in(count, partial(raw.FPDFPage_GetObject, self._page.raw), _UNMOVED, 1)

    def _in(self, count: int, get: Callable[[int], Any], moved: Matrix, depth: int) -> Iterator[Ruling]:
        from pypdfium2 import raw

        kind_of, text = raw.FPDFPageObj_GetType, raw.FPDF_PAGEOBJ_TEXT
        for item in map(get, range(count)):
            kind = kind_of(item)
            if kind == text:
                continue  # most objects of a page
            if kind == raw.FPDF_PAGEOBJ_PATH:
                yield from self._of_path(item, _times(_matrix(item), moved))
            elif kind == raw.FPDF_PAGEOBJ_FORM and depth < _DEEPEST_FORM:
                inside = partial(raw.FPDFFormObj_GetObject, item)
                yield from self._in(raw.FPDFFormObj_CountObjects(item), inside, _times(_matrix(item), moved), depth + 1)
            elif kind == raw.FPDF_PAGEOBJ_IMAGE:
                self._note_picture(item, _times(_matrix(item), moved))

    def _note_picture(self, item: Any, moved: Matrix) -> None:
        """An image is drawn in the unit square."""
        from pypdfium2 import raw

        across, down = zip(*(_moved(corner, moved) for corner in ((0, 0), (0, 1), (1, 0), (1, 1))), strict=True)
        self.pictures.append(self._place(min(across), max(across), min(down), max(down)))
        width, height = ctypes.c_uint(), ctypes.c_uint()
        raw.FPDFImageObj_GetImagePixelSize(item, ctypes.byref(width), ctypes.byref(height))
        self.pixels += width.value * height.value

    def _of_path(self, item: Any, moved: Matrix) -> Iterator[Ruling]:
        from pypdfium2 import raw

        self._paths += 1
        self._points += max(0, raw.FPDFPath_CountSegments(item))
        if self._paths > _MOST_PATHS or self._points > _MOST_POINTS:
            raise TooManyLinesError
        fill, stroke = ctypes.c_int(), ctypes.c_int()
        raw.FPDFPath_GetDrawMode(item, ctypes.byref(fill), ctypes.byref(stroke))
        if not fill.value and not stroke.value:
            return
        for outline in _outlines(item, moved):
            lefts, tops = zip(*outline, strict=True)
            whole = self._ruling(min(lefts), min(tops), max(lefts), max(tops), thickest=_THICKEST)
            if whole is not None:
                yield whole
            elif stroke.value:
                for one, other in pairwise(outline):
                    side = self._ruling(*_ordered(one, other), thickest=_STRAIGHT)
                    if side is not None:
                        yield side

    def _ruling(self, left: float, bottom: float, right: float, top: float, *, thickest: float) -> Ruling | None:
        box: Box = self._place(left, right, bottom, top)
        shown = (box[0] * self._width, box[1] * self._height, box[2] * self._width, box[3] * self._height)
        across, down = shown[2] - shown[0], shown[3] - shown[1]
        if min(across, down) > thickest or max(across, down) < _SHORTEST:
            return None
        if across >= down:
            middle = (shown[1] + shown[3]) / 2
            return Ruling(shown[0], middle, shown[2], middle, level=True)
        middle = (shown[0] + shown[2]) / 2
        return Ruling(middle, shown[1], middle, shown[3], level=False)


def _outlines(item: Any, moved: Matrix) -> Iterator[list[Point]]:
    """The path's parts; a part with a curve is none of straight lines and is left out."""
    from pypdfium2 import raw

    outline: list[Point] = []
    straight = True
    across, down = ctypes.c_float(), ctypes.c_float()
    for index in range(raw.FPDFPath_CountSegments(item)):
        segment = raw.FPDFPath_GetPathSegment(item, index)
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            if straight and len(outline) > 1:
                yield outline
            outline, straight = [], True
        straight = straight and kind != raw.FPDF_SEGMENT_BEZIERTO
        raw.FPDFPathSegment_GetPoint(segment, ctypes.byref(across), ctypes.byref(down))
        outline.append(_moved((across.value, down.value), moved))
        if raw.FPDFPathSegment_GetClose(segment):
            outline.append(outline[0])
    if straight and len(outline) > 1:
        yield outline


def _matrix(item: Any) -> Matrix:
    from pypdfium2 import raw

    found = raw.FS_MATRIX()
    if not raw.FPDFPageObj_GetMatrix(item, ctypes.byref(found)):
        return _UNMOVED
    return found.a, found.b, found.c, found.d, found.e, found.f


def _times(first: Matrix, second: Matrix) -> Matrix:
    """The matrix that applies `first`, then `second`."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = second
    return a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m


def _moved(point: Point, matrix: Matrix) -> Point:
    across, down = point
    a, b, c, d, e, f = matrix
    return a * across + c * down + e, b * across + d * down + f


def _ordered(one: Point, other: Point) -> tuple[float, float, float, float]:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[0], other[0]), max(one[1], other[1])
