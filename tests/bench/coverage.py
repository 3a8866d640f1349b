"""Which lines the tests run: python -m tests.bench.coverage [--suites "not server and not browser"] [--least 90]

Exit code 1 when less than `--least` per cent of the lines of `app/` or `backends/` were run. Processes that a test
starts count too, but for the parser's children: their environment is empty on purpose.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.security.results import write_section

RESULTS = Path(__file__).parent / "RESULTS.md"
PACKAGES = ("app", "backends", "components", "pages")
MEASURED = PACKAGES[:2]
_SHOWN = 10
_KNOWN = (
    'Suites: "{}". Child processes that read files are not counted, and the adapters of Chroma and llama.cpp are run by'
    " the server suite only. The modules of which least was run:"
)


def run_tests(suites: str, report: Path) -> int:
    """pytest's exit code."""
    sources = [f"--cov={package}" for package in PACKAGES]
    options = ["-n", "2", "--dist", "loadfile", "-q", "-m", suites, "--cov-report", f"json:{report}", "--cov-report="]
    return subprocess.run([sys.executable, "-m", "pytest", *options, *sources], check=False).returncode


def share(files: Mapping[str, Any], package: str) -> tuple[int, int]:
    """Lines run and lines in all."""
    found = [file["summary"] for path, file in files.items() if path.split("/")[0] == package]
    return sum(one["covered_lines"] for one in found), sum(one["num_statements"] for one in found)


def as_markdown(files: Mapping[str, Any], suites: str) -> str:
    rows = [(package, *share(files, package)) for package in PACKAGES]
    least = sorted(files.items(), key=lambda item: item[1]["summary"]["percent_covered"])[:_SHOWN]
    lines = ["## Lines that the tests run", ""]
    lines += [
        f"`python -m tests.bench.coverage` ({datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()})",
        "",
    ]
    lines += ["| package | lines run | of | share |", "|---|---|---|---|"]
    lines += [f"| {name} | {run:,} | {of:,} | {run / of:.3f} |" for name, run, of in rows if of]
    lines += ["", _KNOWN.format(suites), ""]
    lines += [f"- `{path}` {file['summary']['percent_covered'] / 100:.2f}" for path, file in least]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suites", default="not server and not browser")
    parser.add_argument("--least", type=float, default=90)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        code = run_tests(given.suites, report)
        if not report.exists():
            return code or 1
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
    write_section(RESULTS, "coverage", as_markdown(files, given.suites))
    enough = all(run >= of * given.least / 100 for run, of in (share(files, name) for name in MEASURED))
    return code or int(not enough)


if __name__ == "__main__":
    sys.exit(main())
