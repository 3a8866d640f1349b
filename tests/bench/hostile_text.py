"""Figures of hostile text: every payload and every order to a reader of the public sets, searched for and exported.

python -m tests.bench.hostile_text
"""

import csv
import io
import os
import platform
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import defusedxml.ElementTree

from app.container import OPERATOR, open_services
from app.domain.names import fold
from app.errors import DafeError
from app.pipeline.exporting import export_graph
from app.settings import load_settings
from backends.graph.settings import SqlGraphSettings
from backends.graph.sql import SqlGraphStore
from backends.metadata.base_content import DocumentFilter
from backends.metadata.settings import SqliteMetadataSettings
from backends.metadata.sql import SqlMetadataStore
from backends.sql.engine import Database
from tests.security.hostile_texts import FORMULAS, ORDERS, QUERIES, SCRIPTS, orders, payloads
from tests.security.results import write_section
from tests.security.test_hostile_text import quoted, without_strings
from tests.services.letters import WARFARIN, add
from tests.working import work_off

RESULTS = Path(__file__).parents[1] / "security" / "RESULTS.md"
_STATEMENTS = ("MERGE (e:Entity {id: }) SET ", "MATCH (s:Entity {id: }), (o:Entity ")


def main() -> None:
    lines = [
        "| texts | tried | cells that a spreadsheet would run | files that cannot be read | statements not ours"
        " | searches that failed | that found what does not hold the text | that changed something |",
        "|---|---|---|---|---|---|---|---|",
    ]
    attacks = [*SCRIPTS, *FORMULAS, *QUERIES, *payloads()]
    for name, texts in (("payloads", attacks), ("orders to a reader or a model", [*ORDERS, *orders()])):
        with tempfile.TemporaryDirectory() as folder:
            figures = [*_exported(texts), *_searched(Path(folder), texts)]
        lines.append(f"| {name} | {len(texts):,} | " + " | ".join(map(str, figures)) + " |")
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}"
    heading = f"## Hostile text: searched for and exported\n\n`python -m tests.bench.hostile_text` ({made})\n"
    note = (
        "Each text as name, type and relation of a fact, file name and quote, in each of the four formats, and as what"
        " is searched for among names of entities and of documents. tests/browser/test_hostile_text.py shows such texts"
        " on the pages in Chromium."
    )
    write_section(RESULTS, "hostile-text", "\n".join([heading, *lines, "", note]))


def _exported(texts: Sequence[str]) -> list[int]:
    rows = quoted(texts)
    table = export_graph(rows, format="csv").decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(table, newline="")) for cell in row]
    running = sum(cell.lstrip(" ").startswith(tuple("=+-@\t\r\n＝＋－＠")) for cell in cells)
    broken = 0 if len(cells) == 9 * (len(rows) + 1) else 1
    graph = defusedxml.ElementTree.fromstring(export_graph(rows, format="graphml"))
    broken += len(graph.findall(".//{*}edge")) != len(rows)
    statements = export_graph(rows, format="cypher").decode().split("\n")
    foreign = sum(not without_strings(one).startswith(_STATEMENTS) for one in statements if one)
    return [running, broken, foreign + abs(len(statements) - 3 * len(rows) - 1)]


def _searched(folder: Path, texts: Sequence[str]) -> list[int]:
    """How many searches failed, found what does not hold the text, and whether they changed something."""
    services = open_services(load_settings(data_dir=folder, embeddings={"kind": "hashing"}, llm={"kind": "none"}))
    workspace = services.workspaces.add(OPERATOR, name="Ward", ontology="clinical")
    for number, text in enumerate(("100%_sure", "a_b", SCRIPTS[1])):
        add(services, workspace.id, f"{text} {number}.txt", WARFARIN + f"\nNote {number}.\n".encode())
    work_off(services)
    database = Database(folder / "dafe.db", key=services.keys.database)
    metadata = SqlMetadataStore(SqliteMetadataSettings(), database=database)
    graph = SqlGraphStore(SqlGraphSettings(), database=database)
    here: dict[str, Any] = {"workspace_id": workspace.id}
    scope = {**here, "permitted": frozenset(metadata.documents.find_visible(**here, reader=None))}
    before = services.workspaces.summary(OPERATOR, **here)
    failed = wrong = 0
    for text in texts:
        try:
            documents, _ = metadata.documents.find(DocumentFilter(text=text), **here, reader=None)
            graph.find_entities(text=text, types=[text], **scope)
            entities = graph.find_entities(text=text, **scope)
        except DafeError:
            failed += 1
            continue
        names = [[fold(name) for name in (one.name, *one.aliases)] for one in entities]
        named = all(text.casefold() in one.name.casefold() for one in documents)
        wrong += not (named and all(any(fold(text) in name for name in several) for several in names))
    changed = int(services.workspaces.summary(OPERATOR, **here) != before)
    database.close()
    services.close()
    return [failed, wrong, changed]


if __name__ == "__main__":
    main()
