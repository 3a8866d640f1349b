"""Limits on modules, functions and contracts, so that no tail grows."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path for package in ("app", "pages", "components", "backends") for path in (ROOT / package).rglob("*.py")
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_has_at_most_300_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("path", [path for path in MODULES if "versions" not in path.parts], ids=named)
def test_a_function_has_at_most_40_lines(path: Path) -> None:
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1}"
        for node in ast.walk(tree_of(path))
        if isinstance(node, FUNCTIONS) and node.end_lineno is not None and node.end_lineno - node.lineno + 1 > 40
    ]
    assert long == []


@pytest.mark.parametrize("path", [path for path in MODULES if path.stem.startswith("base")], ids=named)
def test_a_contract_has_at_most_eight_methods(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ClassDef):
            methods = [part.name for part in node.body if isinstance(part, FUNCTIONS) and not part.name.startswith("_")]
            assert len(methods) <= 8, node.name


@pytest.mark.parametrize("path", [path for path in MODULES if path.read_text().strip()], ids=named)
def test_a_module_says_in_one_sentence_what_it_is(path: Path) -> None:
    assert ast.get_docstring(tree_of(path))


def test_no_module_in_app_bears_a_standard_library_name() -> None:
    """Streamlit puts the script's folder first on sys.path, where such a module would shadow the standard one."""
    assert {path.stem for path in (ROOT / "app").glob("*")} & sys.stdlib_module_names == set()


def test_importing_every_light_module_touches_no_file_and_opens_no_socket() -> None:
    names = [named(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__") for path in MODULES]
    names = [
        name for name in names if name != "app.main" and ".migrations" not in name and not name.endswith("child_main")
    ]
    code = (
        "import sys, importlib\n"
        "def watch(event, args):\n"
        # urllib3, which the client of Qdrant imports, looks whether the machine has IPv6.
        "    if event == 'socket.bind' and args[1] == ('::1', 0): return\n"
        "    if event in {'socket.connect', 'socket.bind'}: raise SystemExit(f'{event} {args}')\n"
        "    writes = event == 'open' and isinstance(args[1], str) and set(args[1]) & set('wax+')\n"
        "    if writes and 'pycache' not in str(args[0]): raise SystemExit(f'{event} {args}')\n"
        "sys.addaudithook(watch)\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
    )
    run = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr
