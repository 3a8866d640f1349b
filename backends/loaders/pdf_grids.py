"""Tables as their ruling lines enclose them, found with pdfplumber: where each cell lies, which rows and columns it
spans."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from backends.loaders.pdf_rulings import Ruling, TooManyLinesError

_TOLERANCE = 3.0
_SHORTEST = 8.0
_MOST_CROSSINGS = 2_500
_MOST_LINES = 600


@dataclass(frozen=True, slots=True)
class GridCell:
    """Rows and columns as half-open ranges."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Edges of columns (`across`) and rows (`down`) in points, ascending; every place is in one cell at most."""

    across: tuple[float, ...]
    down: tuple[float, ...]
    cells: tuple[GridCell, ...]
    _cell_of: dict[tuple[int, int], GridCell] = field(default_factory=dict)

    def turned(self, width: float) -> "Grid":
        """As it is seen when the page, `width` points wide, is turned left by a quarter; cells in the same order."""
        cells = tuple(
            GridCell(len(self.across) - 1 - cell.column - cell.columns, cell.row, cell.columns, cell.rows)
            for cell in self.cells
        )
        return Grid(self.down, tuple(width - edge for edge in reversed(self.across)), cells)

    def cell_at(self, across: float, down: float) -> GridCell | None:
        column, row = bisect_right(self.across, across) - 1, bisect_right(self.down, down) - 1
        return self._cell_of.get((row, column))


def find_grids(rulings: Sequence[Ruling]) -> list[Grid]:
    """Grids of two rows and two columns at least, from top to bottom.

    Raises TooManyLinesError where finding them would take long.
    """
    from pdfplumber import table

    edges = table.merge_edges(list(map(_edge, rulings)), _TOLERANCE, _TOLERANCE, _TOLERANCE, _TOLERANCE)
    edges = [edge for edge in edges if max(edge["width"], edge["height"]) >= _SHORTEST]
    if len(edges) > _MOST_LINES:
        raise TooManyLinesError
    crossings = table.edges_to_intersections(edges, _TOLERANCE, _TOLERANCE)
    if len(crossings) > _MOST_CROSSINGS:
        raise TooManyLinesError
    found = table.cells_to_tables(table.intersections_to_cells(crossings))
    grids = [grid for boxes in found for grid in _grids(boxes)]
    return sorted(grids, key=lambda grid: (grid.down[0], grid.across[0]))


def _edge(ruling: Ruling) -> dict[str, Any]:
    return {
        "orientation": "h" if ruling.level else "v",
        "x0": ruling.left,
        "x1": ruling.right,
        "top": ruling.top,
        "bottom": ruling.bottom,
        "width": ruling.right - ruling.left,
        "height": ruling.bottom - ruling.top,
    }


def _grids(boxes: Iterable[tuple[float, float, float, float]]) -> Iterator[Grid]:
    boxes = list(boxes)
    across = tuple(sorted({edge for box in boxes for edge in (box[0], box[2])}))
    down = tuple(sorted({edge for box in boxes for edge in (box[1], box[3])}))
    if len(across) < 3 or len(down) < 3:
        return
    cells = []
    cell_of = {}
    for left, top, right, bottom in boxes:
        row, column = down.index(top), across.index(left)
        cell = GridCell(row, column, down.index(bottom) - row, across.index(right) - column)
        cells.append(cell)
        for place in range(row, row + cell.rows):
            cell_of.update(dict.fromkeys(((place, one) for one in range(column, column + cell.columns)), cell))
    yield Grid(across, down, tuple(sorted(cells, key=lambda cell: (cell.row, cell.column))), cell_of)
