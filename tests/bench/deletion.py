"""Figures of deletion: names and vectors planted, found before and after, with vectors in SQL and in Chroma.

python -m tests.bench.deletion [sql] [chroma]
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from app.pipeline.embedding import embedded_text
from backends.embeddings.base import Embedder
from backends.loading import load
from backends.metadata.settings import SqliteMetadataSettings
from backends.metadata.sql import SqlMetadataStore
from backends.sql.engine import Database
from tests.security.deletion import Deletion, installed
from tests.security.deletion_search import counts_of, facts_of, names_known
from tests.security.planted import NAMES, plant, staying
from tests.security.raw_files import names_in, windows_in, windows_of
from tests.security.results import write_section

RESULTS = Path(__file__).parents[1] / "security" / "RESULTS.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=["sql", "chroma"])
    options = parser.parse_args()
    lines = [
        "| vectors in | documents | names planted | found raw before | found raw after | given by services before"
        " | after | pieces of vectors in files before | after | of vectors that stay"
        " | facts as if they had never been there |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for kind in options.kinds:
        with tempfile.TemporaryDirectory() as folder, installed(Path(folder), vectors={"kind": kind}) as installation:
            lines.append(f"| {kind} | " + " | ".join(map(str, _figures(installation))) + " |")
    command = f"python -m tests.bench.deletion {' '.join(options.kinds)}"
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    heading = f"## Deletion: what is left\n\n`{command}` ({made}, Python {platform.python_version()})\n"
    note = (
        "A worker process and REST, both with a plain cipher. Searched are all files of data, temporary files and logs,"
        " in any case, UTF-8 and UTF-16, zip archives opened; vectors by every four neighbouring numbers. Services are"
        " asked for every list, export, history, suggestion and count, and for answers in three modes."
    )
    write_section(RESULTS, "deletion", "\n".join([heading, *lines, "", note]))


def _figures(installation: Deletion) -> list[object]:
    planted, rest = plant(), staying()
    installation.upload(installation.control, rest)
    ids = [one["document"]["id"] for one in installation.upload(installation.here, planted.uploads)]
    installation.upload(installation.here, rest)
    installation.wait()
    vectors = _vectors(installation, ids)
    others = _vectors(installation, [one.id for one in installation.documents(installation.here) if one.id not in ids])
    vectors -= others
    before = len(names_in(installation.searched, NAMES)), len(names_known(installation, NAMES, ask_about=0))
    windows = _found(installation, vectors)
    for document_id in ids:
        installation.delete(installation.here, document_id)
    installation.wait()
    after = len(names_in(installation.searched, NAMES)), len(names_known(installation, NAMES, ask_about=10))
    here, control = (facts_of(installation, one) for one in (installation.here, installation.control))
    same = (
        here == control
        and counts_of(installation, installation.here)[1:] == counts_of(installation, installation.control)[1:]
    )
    kept = f"{_found(installation, others)} of {len(others)}"
    return [
        *(len(ids), len(NAMES), before[0], after[0], before[1], after[1]),
        *(f"{windows} of {len(vectors)}", _found(installation, vectors), kept, "yes" if same else "no"),
    ]


def _found(installation: Deletion, windows: set[bytes]) -> int:
    return len(set().union(*windows_in(installation.searched, windows).values()))


def _vectors(installation: Deletion, document_ids: Collection[str]) -> set[bytes]:
    """Made anew from the stored chunks, wherever the store has them."""
    database = Database(installation.folder / "data" / "dafe.db", key=None)
    metadata = SqlMetadataStore(SqliteMetadataSettings(), database=database)
    embedder: Embedder = load(Embedder, installation.services.settings.embeddings)
    texts = [
        embedded_text(chunk)
        for document in installation.documents(installation.here)
        if document.id in document_ids
        for chunk in metadata.chunks.find(document.version.id, workspace_id=installation.here)
    ]
    database.close()
    return windows_of(row.astype("<f4").tobytes() for row in embedder.embed_passages(texts))


if __name__ == "__main__":
    main()
