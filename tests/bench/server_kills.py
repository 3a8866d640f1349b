"""Kills the servers of the cluster profile and its workers again and again while 50 documents are indexed.

python -m tests.bench.server_kills [--kills 50] [--documents 50] [--seconds-between 8] [--at-work 0.5] [--seed 1]

Real PostgreSQL, Redis, Neo4j and Ollama with SmolLM2, which reads beside the rules; each that is killed comes again
within seconds on its port and its files. Exit code 1 when something was lost, doubled or left over, or the graph is
another one than without kills; the folder with the data is kept then.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench.kills import end_with, run_rounds, write_survived
from tests.security.server_killing import letters_and_tables, served_attack


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--documents", type=int, default=50)
    parser.add_argument("--seconds-between", type=float, default=8.0, help="between two kills, in the mean")
    parser.add_argument("--at-work", type=float, default=0.5, help="share of kills that wait for work in hand")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the folder of the data is made; a temporary one without it")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dafe-server-kills-", dir=options.folder))
    with served_attack(folder, documents=letters_and_tables(options.documents), seed=options.seed) as attack:
        try:
            minutes = run_rounds(attack, options)
        except BaseException:
            print(f"stopped: {attack.survived}; the data folder is {folder}", file=sys.stderr)
            raise
    command = f"python -m tests.bench.server_kills --kills {options.kills} --documents {options.documents}"
    command += f" --seconds-between {options.seconds_between:g} --at-work {options.at_work:g} --seed {options.seed}"
    about = (
        " Real PostgreSQL, Redis (every change on disk), Neo4j and Ollama, two workers; half of the documents are"
        f" letters that rules and SmolLM2 read ({_calls(folder)} answers of the model in all, of which the gate took"
        f" {attack.of_model} facts a round), half are tables."
    )
    title = "Servers and workers killed, cluster profile"
    write_survived("server-kills", title, attack.survived, command=command, minutes=minutes, about=about)
    return end_with(attack.survived, folder)


def _calls(folder: Path) -> int:
    """Chats that Ollama answered to the end."""
    lines = (folder / "ollama" / "server.log").read_text(errors="replace").splitlines()
    return sum("/api/chat" in line and " 200 " in line for line in lines)


if __name__ == "__main__":
    sys.exit(main())
