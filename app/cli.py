"""The command line: `dafe`."""

import sys

import typer

from app.commands.ask import ask
from app.commands.audit import audit
from app.commands.documents import documents, ingest
from app.commands.graph import graph
from app.commands.jobs import jobs
from app.commands.measuring import evaluate
from app.commands.people import users, workspaces
from app.commands.serve import serve_api, serve_ui, serve_worker, up
from app.commands.state import config, doctor
from app.errors import BackendUnavailableError, DafeError, ForbiddenError, InvalidInputError, NotSignedInError
from app.logs import get_logger, set_up_logs
from app.settings import switch_telemetry_off

app = typer.Typer(
    name="dafe",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Dafe Graphs: documents to a knowledge graph, answers cited to the sentence, inside your network.",
)
app.command("up")(up)
app.command("ui")(serve_ui)
app.command("api")(serve_api)
app.command("worker")(serve_worker)
app.command("ingest")(ingest)
app.command("ask")(ask)
app.command("doctor")(doctor)
for group in (documents, graph, workspaces, users, audit, jobs, config, evaluate):
    app.add_typer(group)

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
