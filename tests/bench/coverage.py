"""Which lines the tests run: python -m tests.bench.coverage [--suites "not server and not browser" server] [--least 90]

Exit code 1 when less than `--least` per cent of the lines of `app/` or `backends/` were run. Processes that a test
starts count too. The parser's children have an empty environment and may write no file: while this runs, a
sitecustomize on their path, which they take over, measures them and leaves them the right to write.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.security.results import write_section

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "RESULTS.md"
PACKAGES = ("app", "backends", "components", "pages")
MEASURED = PACKAGES[:2]
_SHOWN = 10
_QUICK = "not server and not browser"
_SERVERS = "server"
_KNOWN = "Suites: {}. What processes ran that a test killed is not counted. The modules of which least was run:"
_MEASURES_CHILDREN = """
import os, sys

if "COVERAGE_PROCESS_CONFIG" not in os.environ and "backends.loaders.child_main" in sys.orig_argv:
    import resource
    import coverage

    limited = resource.setrlimit
    resource.setrlimit = lambda what, limits: None if what == resource.RLIMIT_FSIZE else limited(what, limits)
    os.environ |= {{"COVERAGE_PROCESS_START": {config!r}, "COVERAGE_FILE": {data!r}}}
    coverage.process_startup()
"""


def run_tests(suite: str, report: Path, *, path: Path, more: bool) -> int:
    """pytest's exit code; `path` is put before what Python imports, `more` adds to what was measured before."""
    sources = [f"--cov={package}" for package in PACKAGES]
    at_once = ["-n", "2", "--dist", "loadfile"] if suite == _QUICK else []
    options = [
        "-q",
        "-m",
        suite,
        "--cov-report",
        f"json:{report}",
        "--cov-report=",
        *(["--cov-append"] if more else []),
    ]
    before = os.environ.get("PYTHONPATH")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), *([before] if before else [])])}
    command = [sys.executable, "-m", "pytest", *at_once, *options, *sources]
    return subprocess.run(command, env=environment, check=False).returncode


def share(files: Mapping[str, Any], package: str) -> tuple[int, int]:
    """Lines run and lines in all."""
    found = [file["summary"] for path, file in files.items() if path.split("/")[0] == package]
    return sum(one["covered_lines"] for one in found), sum(one["num_statements"] for one in found)


def as_markdown(files: Mapping[str, Any], suites: Sequence[str]) -> str:
    rows = [(package, *share(files, package)) for package in PACKAGES]
    least = sorted(files.items(), key=lambda item: item[1]["summary"]["percent_covered"])[:_SHOWN]
    lines = ["## Lines that the tests run", ""]
    lines += [
        f"`python -m tests.bench.coverage` ({datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()})",
        "",
    ]
    lines += ["| package | lines run | of | share |", "|---|---|---|---|"]
    lines += [f"| {name} | {run:,} | {of:,} | {run / of:.3f} |" for name, run, of in rows if of]
    lines += ["", _KNOWN.format(", ".join(f"`{suite}`" for suite in suites)), ""]
    lines += [f"- `{path}` {file['summary']['percent_covered'] / 100:.2f}" for path, file in least]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suites", nargs="+", default=[_QUICK, _SERVERS])
    parser.add_argument("--least", type=float, default=90)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        measures = _MEASURES_CHILDREN.format(config=str(ROOT / "pyproject.toml"), data=str(ROOT / ".coverage"))
        (Path(folder) / "sitecustomize.py").write_text(measures, encoding="utf-8")
        runs = enumerate(given.suites)
        code = max(run_tests(suite, report, path=Path(folder), more=bool(place)) for place, suite in runs)
        if not report.exists():
            return code or 1
        measured = json.loads(report.read_text(encoding="utf-8"))["files"]
    files = {path: file for path, file in measured.items() if path.split("/")[0] in PACKAGES}
    write_section(RESULTS, "coverage", as_markdown(files, given.suites))
    enough = all(run >= of * given.least / 100 for run, of in (share(files, name) for name in MEASURED))
    return code or int(not enough)


if __name__ == "__main__":
    sys.exit(main())
