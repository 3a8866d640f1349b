"""The tables in the README are those that the program prints."""

import json
import re
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest

from app.backend_docs import backends_table
from backends.settings import BackendSettings

ROOT = Path(__file__).parents[2]
DAFE = Path(sys.executable).parent / "dafe"


def printed(*arguments: str) -> str:
    run = subprocess.run([DAFE, *arguments], capture_output=True, text=True, cwd=ROOT, check=True)
    return run.stdout.strip()


@pytest.mark.parametrize(("marker", "command"), [("settings", "table"), ("backends", "backends")])
def test_a_table_of_the_readme_is_what_the_program_prints(marker: str, command: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- {marker} -->\n(.*?)\n?<!-- /{marker} -->", readme, re.DOTALL)
    if found is None:
        pytest.skip(f"the README has no marker {marker}")
    assert found.group(1).strip() == printed("config", command), f"run dafe config {command} and put it into README.md"


def subclasses(of: type[BackendSettings]) -> set[type[BackendSettings]]:
    return {of, *(deeper for one in of.__subclasses__() for deeper in subclasses(one))}


def test_the_table_of_backends_names_every_implementation_with_its_extra() -> None:
    rows = list(backends_table())
    offered = {one for one in subclasses(BackendSettings) if "kind" in one.model_fields and "adapter" in vars(one)}
    product = {one for one in offered if one.__module__.startswith("backends.")}
    assert {row.adapter for row in rows} == {one.adapter for one in product}
    assert all(row.meaning.endswith(".") for row in rows)
    assert len({(row.role, row.kind) for row in rows}) == len(rows)
    extras = set(metadata("dafe-graphs").get_all("Provides-Extra") or [])
    assert {row.extra for row in rows if row.extra} <= extras
    by_role = {row.role: [one.kind for one in rows if one.role == row.role and one.default] for row in rows}
    assert all(len(kinds) == 1 for kinds in by_role.values()), by_role
    shown = json.loads(printed("config", "backends", "--json"))["backends"]
    assert {"DAFE_VECTORS__KIND=sql", "DAFE_LLM__KIND=ollama"} <= {one["variable"] for one in shown}
