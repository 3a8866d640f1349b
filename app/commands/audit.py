"""dafe audit."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.commands.caller import caller, opened
from app.commands.output import AsUser, Json, columns, show
from app.errors import InvalidInputError
from app.security.audit_chain import read_checkpoint, timestamp
from app.views import verification_view

audit = typer.Typer(name="audit", no_args_is_help=True, help="The audit log.")


@audit.command("verify")
def verify_log(
    checkpoint: Annotated[
        Path | None, typer.Option("--from", metavar="CHECKPOINT", help="A file with a checkpoint kept elsewhere.")
    ] = None,
    device2: Annotated[Path | None, typer.Option(metavar="FILE", help="The copy on the second device.")] = None,
    as_user: AsUser = "",
    as_json: Json = False,
) -> None:
    """Exit code 0 sound, 1 changed, 4 cannot tell."""
    try:
        trusted = read_checkpoint(checkpoint.read_text(encoding="ascii").strip()) if checkpoint else None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"The checkpoint {checkpoint} cannot be read.") from error
    with opened() as services:
        result = services.audit.verify(caller(services, as_user), trusted=trusted, second_device=device2)
    words = {True: "The log is intact", False: "The log was changed", None: "It cannot be told"}
    lines = [f"{words[result.ok]}: {result.events:,} events, verified to {result.verified_to:,}."]
    lines += [f"{one.seq}: {one.kind}: {one.detail}" for one in result.findings]
    show(verification_view(result), as_json=as_json, lines=lines)
    raise typer.Exit({True: 0, False: 1, None: 4}[result.ok])


@audit.command("tail")
def tail_log(
    events: Annotated[int, typer.Option("-n", help="How many.")] = 20, as_user: AsUser = "", as_json: Json = False
) -> None:
    """The newest events, oldest first."""
    with opened() as services:
        found = services.audit.list(caller(services, as_user), page_size=events).events
    rows = [
        {
            "seq": one.seq,
            "at": timestamp(one.at) if one.at else "",
            "actor": one.actor_id,
            "action": one.action,
            "outcome": one.outcome.value,
            "objects": list(one.objects),
        }
        for one in reversed(found)
    ]
    lines = columns((row["seq"], row["at"], row["actor"], row["action"], row["outcome"]) for row in rows)
    show({"events": rows}, as_json=as_json, lines=lines)


@audit.command("export")
def export_log(
    output: Annotated[Path | None, typer.Option(help="A file; without it standard output.")] = None,
    as_user: AsUser = "",
    as_json: Json = False,
) -> None:
    """Every event as written, the checkpoints and the public key, one JSON object a line."""
    with opened() as services:
        content = services.audit.export(caller(services, as_user))
    if output is not None:
        output.write_bytes(content)
        show({"file": str(output), "bytes": len(content)}, as_json=as_json, lines=[f"Written to {output}."])
    elif as_json:
        show({"lines": [json.loads(line) for line in content.splitlines()]}, as_json=True)
    else:
        sys.stdout.buffer.write(content)
