"""The command line: `dafe`."""

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from app.errors import BackendUnavailableError, DafeError, ForbiddenError, InvalidInputError, NotSignedInError
from app.logs import get_logger, set_up_logs
from app.settings import switch_telemetry_off

COMMANDS = {
    "up": "serve:up",
    "ui": "serve:serve_ui",
    "api": "serve:serve_api",
    "worker": "serve:serve_worker",
    "ingest": "documents:ingest",
    "ask": "ask:ask",
    "doctor": "state:doctor",
    "documents": "documents:documents",
    "graph": "graph:graph",
    "workspaces": "people:workspaces",
    "users": "people:users",
    "audit": "audit:audit",
    "jobs": "jobs:jobs",
    "config": "state:config",
    "migrate": "migrate:migrate",
    "evaluate": "measuring:evaluate",
}
"""Where each command or group of commands is: module and name in `app.commands`."""


class _OnDemand(TyperGroup):
    """Imports the module of the command that is asked for and of no other: `dafe up` would wait for them all."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands: dict[str, Any] = dict.fromkeys(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return _load(cmd_name) if cmd_name in COMMANDS else None


def _load(name: str) -> Any:
    module, _, attribute = COMMANDS[name].partition(":")
    found = getattr(import_module(f"app.commands.{module}"), attribute)
    alone = typer.Typer(rich_markup_mode=None)
    if isinstance(found, typer.Typer):
        alone.add_typer(found)
    else:
        alone.command(name)(found)
    return get_group(alone).commands[name]


app = typer.Typer(
    name="dafe",
    cls=_OnDemand,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Dafe Graphs: documents to a knowledge graph, answers cited to the sentence, inside your network.",
)


@app.callback()
def _root() -> None:
    """Typer makes a group of commands where there is a callback."""


_EXIT_CODES: dict[type[DafeError], int] = {
    InvalidInputError: 2,
    ForbiddenError: 3,
    NotSignedInError: 3,
    BackendUnavailableError: 4,
}


def main() -> None:
    """Exit codes: 0 done, 2 wrong use, 3 refused, 4 a backend is not available, 1 anything else."""
    switch_telemetry_off()
    set_up_logs()
    try:
        app()
    except DafeError as error:
        print(error.message, file=sys.stderr)  # noqa: T201
        refused = "permission" in error.details  # as with a workspace that the person may not know of
        sys.exit(3 if refused else _EXIT_CODES.get(type(error), 1))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the boundary of the program: a reference instead of a trace
        reference = get_logger("cli").unexpected("command", error)
        print(f"Something unexpected happened; reference {reference} finds it in the log.", file=sys.stderr)  # noqa: T201
        sys.exit(1)
