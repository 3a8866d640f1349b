"""How commands speak: one JSON object on standard output, or lines for people; one sentence on standard error."""

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
AsUser = Annotated[str, typer.Option("--as", metavar="USERNAME", help="Act as this person, with their rights only.")]
InWorkspace = Annotated[str, typer.Option("--workspace", "-w", metavar="NAME|ID", help="The workspace.")]


def show(data: Any, *, as_json: bool, lines: Iterable[str] = ()) -> None:
    """`data` with --json, else `lines`."""
    if as_json:
        print(json.dumps(data, ensure_ascii=False, indent=1, default=str))
        return
    for line in lines:
        print(line)


def columns(rows: Iterable[Iterable[object]]) -> list[str]:
    """Rows as lines with aligned columns."""
    texts = [[str(cell) for cell in row] for row in rows]
    if not texts:
        return []
    widths = [max(len(row[place]) for row in texts) for place in range(len(texts[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in texts]
