"""Finds the ruled tables of a PDF page and which signs stand in which cell."""

from collections.abc import Iterator, Sequence
from typing import Any

from backends.loaders.pdf_cells import Cell, Table
from backends.loaders.pdf_grids import Grid, GridCell, find_grids
from backends.loaders.pdf_headers import caption_rows, column_names, header_rows, is_plausible
from backends.loaders.pdf_rulings import Drawing
from backends.loaders.pdf_signs import Box, Place, Signs

_LONGEST_CELL = 1_000
"""In characters; a box that holds more frames text."""
_LEAST_FILLED = 0.25


def find_tables(
    page: Any, signs: Signs, drawing: Drawing, hidden: Sequence[Place]
) -> tuple[list[Table], list[int | None]]:
    """The tables, and for each sign the number of the table in whose cells it stands.

    Frames, charts and empty grids are no tables. Raises TooManyLinesError.
    """
    owners: list[int | None] = [None] * len(signs.text)
    tables: list[Table] = []
    width, height = page.get_size()
    for grid in find_grids(drawing.rulings) if drawing.rulings else ():
        places = _places(grid, signs, width, height)
        table = _table(grid, places, signs, width, height, hidden)
        if table is not None and all(owners[place] is None for place in places):
            for place in places:
                owners[place] = len(tables)
            tables.append(table)
    return tables, owners


def _places(grid: Grid, signs: Signs, width: float, height: float) -> dict[int, GridCell]:
    """The grid's cell of each sign whose middle is in one."""
    found = {}
    left, right = grid.across[0] / width, grid.across[-1] / width
    top, bottom = grid.down[0] / height, grid.down[-1] / height
    for place, box in enumerate(signs.boxes):
        if box is not None:
            across, down = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
            if left <= across <= right and top <= down <= bottom:
                cell = grid.cell_at(across * width, down * height)
                if cell is not None:
                    found[place] = cell
    return found


def _table(
    grid: Grid, places: dict[int, GridCell], signs: Signs, width: float, height: float, hidden: Sequence[Place]
) -> Table | None:
    cells = {cell: Cell(cell.columns, cell.rows) for cell in grid.cells}
    for place, start, end in _words(places, signs):
        cell = cells[place]
        if not cell.words:
            cell.bold = signs.is_bold(start)
        cell.words.append((signs.text[start:end], _around(signs.boxes[start:end])))
        cell.hidden = cell.hidden or any(first < end and start < last for first, last in hidden)
    filled = [place for place in grid.cells if cells[place].words]
    if len({place.row for place in filled}) < 2 or len({place.column for place in filled}) < 2:
        return None
    if len(filled) < _LEAST_FILLED * len(cells) or any(len(cell.text) > _LONGEST_CELL for cell in cells.values()):
        return None
    for _ in range(_quarters(places, signs, width, height)):
        grid, width, height = grid.turned(width), height, width
    return _arranged(grid, list(cells.values()), width, height)


def _arranged(grid: Grid, cells: Sequence[Cell], width: float, height: float) -> Table | None:
    """`cells` in the order of the grid's, which may have been turned since."""
    columns = len(grid.across) - 1
    rows: list[list[Cell | None]] = [[None] * columns for _ in grid.down[1:]]
    for place, cell in zip(grid.cells, cells, strict=True):
        cell.rows, cell.columns = place.rows, place.columns
        for row in range(place.row, place.row + place.rows):
            rows[row][place.column] = cell
    kept = [row for row in rows if any(cell is not None and cell.words for cell in row)]
    named = kept[caption_rows(kept) :]
    if not named or not is_plausible(column_names(named[: header_rows(named)], columns)):
        return None
    across = tuple(round(edge / width, 4) for edge in grid.across)
    return Table([*kept], across, top=grid.down[0] / height, bottom=grid.down[-1] / height)


def _quarters(places: dict[int, GridCell], signs: Signs, width: float, height: float) -> int:
    """How many quarters to the left the page is to be turned so that the words run from left to right."""
    across = down = 0.0
    for place, cell in places.items():
        here, there = signs.boxes[place], signs.boxes[place + 1] if places.get(place + 1) is cell else None
        if here is not None and there is not None:
            across += (there[0] + there[2] - here[0] - here[2]) * width
            down += (there[1] + there[3] - here[1] - here[3]) * height
    if abs(across) >= abs(down):
        return 0 if across >= 0 else 2
    return 1 if down > 0 else 3


def _words(places: dict[int, GridCell], signs: Signs) -> Iterator[tuple[GridCell, int, int]]:
    """Words end at white space and where the cell changes."""
    open_cell: GridCell | None = None
    start = 0
    for place, sign in enumerate(signs.text):
        cell = places.get(place) if not sign.isspace() else None
        if cell is not open_cell:
            if open_cell is not None:
                yield open_cell, start, place
            open_cell, start = cell, place
    if open_cell is not None:
        yield open_cell, start, len(signs.text)


def _around(boxes: Sequence[Box | None]) -> Box:
    lefts, tops, rights, bottoms = zip(*(box for box in boxes if box is not None), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
