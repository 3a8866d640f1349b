"""Who imports what at a start: heavy packages stay out of the processes, and of the moments, that do without them."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import COMMANDS
from app.settings import load_settings
from backends.sql.engine import Database
from backends.sql.migrating import upgrade

ROOT = Path(__file__).parents[2]
MODELS = {"spacy", "onnxruntime", "scipy", "langchain_core", "langchain_openai", "xllamacpp"}
VECTORS = {"chromadb", "qdrant_client"}
PAGES = {"pandas", "pyarrow", "pyvis", "pages", "components"}
SERVER = {"streamlit", "fastapi", "uvicorn"}
STORES = {"sqlalchemy", "sqlcipher3", "alembic", "numpy", "httpx", "app.container"}
PREPARED = "from app.commands.first_start import prepare_folder; from app.settings import load_settings\n"
DATABASE = (
    "from pathlib import Path; from backends.sql.engine import Database; from backends.sql.migrating import upgrade\n"
)


def imported(code: str, *, cwd: Path = ROOT, **variables: str) -> set[str]:
    """The modules and packages that `code` leaves behind in a fresh process."""
    code += "\nimport sys; print(*sorted({name for one in sys.modules for name in (one, one.split('.')[0])}))"
    environment = {"PATH": "", "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


@pytest.mark.parametrize(
    ("module", "without"),
    [
        ("app.cli", MODELS | VECTORS | PAGES | SERVER | STORES | {"app.commands"}),
        ("app.commands.serve", MODELS | VECTORS | PAGES | SERVER | STORES),
        ("app.asgi", MODELS | VECTORS | PAGES | {"alembic", "httpx"}),
        ("app.worker", MODELS | VECTORS | PAGES | SERVER | {"alembic", "httpx"}),
        ("app.sealer", MODELS | VECTORS | PAGES | SERVER | STORES),
    ],
)
def test_a_process_starts_without(module: str, without: set[str]) -> None:
    found = imported(f"import {module}")
    assert module in found
    assert found & without == set()


def test_a_folder_that_is_prepared_is_not_opened(tmp_path: Path) -> None:
    for name in ("dafe.db", "prepared", "samples-made"):
        (tmp_path / name).touch()
    found = imported(f"{PREPARED}assert not prepare_folder(load_settings()).password", DAFE_DATA_DIR=str(tmp_path))
    assert "app.commands.first_start" in found
    assert found & STORES == set()


def test_tables_of_the_newest_revision_need_no_alembic(tmp_path: Path) -> None:
    database = Database(load_settings(data_dir=tmp_path).data_dir / "dafe.db", key=bytes(32))
    upgrade(database)
    database.close()
    code = DATABASE + "database = Database(Path('dafe.db'), key=bytes(32)); upgrade(database); database.close()"
    found = imported(code, cwd=tmp_path)
    assert "sqlalchemy" in found
    assert "alembic" not in found
    (tmp_path / "dafe.db").unlink()
    assert "alembic" in imported(code, cwd=tmp_path)


def test_every_command_is_where_the_table_of_commands_says() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from app.cli import app; app(['--help'])"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    listed = [
        line.split()[0] for line in run.stdout.partition("Commands:")[2].splitlines() if line[:3] not in {"", "   "}
    ]
    assert listed == list(COMMANDS)
