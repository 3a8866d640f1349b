"""Figures of mutation testing: small faults put into the code one at a time, and how many of them the tests notice.

python -m tests.bench.mutation [--go-on] [module …]

Which modules and tests is said in [tool.mutmut] of pyproject.toml. A fault that no test notices must be explained in
mutants_explained.toml, or this ends with 1. `--go-on` keeps the verdicts of the run before and tries only faults that
have none or that survived. Reported are all modules of which every fault has a verdict.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

from tests.security.results import write_section

ROOT = Path(__file__).parents[2]
MUTANTS = ROOT / "mutants"
RESULTS = ROOT / "tests" / "security" / "RESULTS.md"
EXPLAINED = Path(__file__).with_name("mutants_explained.toml")
NOTICED = {"killed", "timeout", "segfault"}
UNTRIED = {"not checked", "check was interrupted by user"}


@dataclass(frozen=True)
class Survivor:
    module: str
    function: str
    change: str
    """The line as the fault has it; "without" and the line where it takes one away."""

    def __str__(self) -> str:
        return f"{self.module}, {self.function}: {self.change}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--go-on", action="store_true")
    parser.add_argument("modules", nargs="*", metavar="module")
    options = parser.parse_args()
    os.chdir(ROOT)
    known = list(_modules())
    modules = options.modules or known
    if unknown := set(modules) - set(known):
        parser.error(f"not among [tool.mutmut] only_mutate: {', '.join(sorted(unknown))}")
    if not options.go_on:
        shutil.rmtree(MUTANTS, ignore_errors=True)
    began = time.monotonic()
    _run([name for module in modules for name in _to_try(module, go_on=options.go_on)])
    finished = {one: found for one in known if (found := _verdicts(one)) and not UNTRIED & set(found.values())}
    survivors = [one for module, found in finished.items() for one in _survivors(module, found)]
    explained = _explained()
    unexplained = [one for one in survivors if one not in explained]
    command = " ".join(["python -m tests.bench.mutation", *sys.argv[1:]])
    _write(command, finished, survivors, explained, minutes=(time.monotonic() - began) / 60)
    for one in unexplained:
        print(f"survived: {one}")
    for one in explained:
        if one.module in finished and one not in survivors:
            print(f"explained and yet noticed: {one}")
    sys.exit(bool(unexplained))


def _modules() -> Iterator[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    for pattern in settings["only_mutate"]:
        for path in sorted(ROOT.glob(pattern)):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _to_try(module: str, *, go_on: bool) -> Sequence[str]:
    """Names or one pattern; none where every fault of the module was noticed before."""
    found = _verdicts(module) if go_on else {}
    return [name for name, verdict in found.items() if verdict not in NOTICED] if found else [f"{module}.x*"]


def _run(names: Sequence[str]) -> None:
    """The folder is there before the start: Python remembers which places it imports from do not exist."""
    if not names:
        return
    MUTANTS.mkdir(exist_ok=True)
    program = Path(sys.executable).with_name("mutmut")
    environment = {**os.environ, "PYTHONPATH": str(MUTANTS)}
    subprocess.run([program, "run", *names], cwd=ROOT, env=environment, check=True)


def _path_of(module: str) -> Path:
    return Path(*module.split(".")).with_suffix(".py")


def _verdicts(module: str) -> dict[str, str]:
    data = SourceFileMutationData(path=_path_of(module))
    data.load()
    return {name: status_by_exit_code[code] for name, code in data.exit_code_by_key.items()}


def _survivors(module: str, verdicts: dict[str, str]) -> Iterator[Survivor]:
    for name, verdict in verdicts.items():
        if verdict not in NOTICED:
            function, class_name = orig_function_and_class_names_from_key(name)
            diff = get_diff_for_mutant(name, path=_path_of(module)).splitlines()[2:]
            old, new = (" ".join(line[1:].strip() for line in diff if line.startswith(sign)) for sign in "-+")
            place = f"{class_name}.{function}" if class_name else function
            yield Survivor(module, place, new or f"without {old}")


def _explained() -> dict[Survivor, str]:
    stored = tomllib.loads(EXPLAINED.read_text(encoding="utf-8"))
    return {
        Survivor(module, function, change): why
        for module, functions in stored.items()
        for function, changes in functions.items()
        for change, why in changes.items()
    }


def _write(
    command: str,
    finished: dict[str, dict[str, str]],
    survivors: Sequence[Survivor],
    explained: dict[Survivor, str],
    *,
    minutes: float,
) -> None:
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    lines = [
        f"## Mutation testing\n\n`{command}` ({made}, Python {platform.python_version()}, {minutes:.0f} minutes)\n",
        "| module | faults | noticed | of these by a test that did not end | survived | of these explained |",
        "|---|---|---|---|---|---|",
    ]
    for module, verdicts in finished.items():
        counts = Counter(verdicts.values())
        of_module = [one for one in survivors if one.module == module]
        noticed = sum(counts[one] for one in NOTICED)
        figures = [
            len(verdicts),
            noticed,
            counts["timeout"],
            len(of_module),
            sum(one in explained for one in of_module),
        ]
        lines.append(f"| {module} | " + " | ".join(map(str, figures)) + " |")
    lines.append(
        "\nmutmut changes one expression at a time inside functions without decorators: what stands outside functions"
        " is not changed. Each fault is tried with the quick tests that run its function, listed in pyproject.toml.\n"
    )
    lines += [
        f"- {one.module}, {one.function}: `{one.change}`. {explained.get(one, 'Not explained.')}"
        for one in dict.fromkeys(survivors)
    ]
    write_section(RESULTS, "mutation", "\n".join(lines))


if __name__ == "__main__":
    main()
