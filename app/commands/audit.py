"""dafe audit."""

import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from app.commands.caller import caller, opened
from app.commands.output import AsUser, Json, columns, show
from app.domain.audit import AuditVerification, timestamp
from app.errors import BackendUnavailableError, InvalidInputError
from app.security.audit_chain import read_checkpoint
from app.settings import process_settings
from app.views import audit_status_view, verification_view

audit = typer.Typer(name="audit", no_args_is_help=True, help="The audit log.")


@audit.command("verify")
def verify_log(
    checkpoint: Annotated[
        Path | None, typer.Option("--from", metavar="CHECKPOINT", help="A file with a checkpoint kept elsewhere.")
    ] = None,
    device2: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A copy of the second device's folder or file of events.")
    ] = None,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="Begin at that checkpoint, or where the log was last verified.")
    ] = False,
    as_user: AsUser = "",
    as_json: Json = False,
) -> None:
    """Read the log; the second device that is set is read beside it. Exit code 0 sound, 1 changed, 4 cannot tell."""
    try:
        lines = checkpoint.read_text(encoding="ascii").strip().splitlines() if checkpoint else []
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"The checkpoint {checkpoint} cannot be read.") from error
    trusted = read_checkpoint(lines[-1] if lines else "") if checkpoint else None
    if device2 is not None and not device2.exists():
        raise InvalidInputError(f"There is no copy {device2} of the second device.")
    with opened() as services:
        result = services.audit.verify(
            caller(services, as_user), trusted=trusted, second_device=device2, incremental=incremental
        )
    show(verification_view(result), as_json=as_json, lines=_sentences(result))
    raise typer.Exit({True: 0, False: 1, None: 4}[result.ok])


def _sentences(result: AuditVerification) -> list[str]:
    words = {True: "The log is intact", False: "The log was changed", None: "It cannot be told"}
    read = f"{result.events:,} events" + (f" from {result.verified_from:,} on" if result.verified_from > 1 else "")
    lines = [f"{words[result.ok]}: {read}, verified to {result.verified_to:,}, sealed to {result.sealed_to:,}."]
    if result.findings:
        lines.append(f"The first bad event is {result.findings[0].seq:,}.")
    lines += [f"{one.seq}: {one.kind}: {one.detail}" for one in result.findings]
    return [*lines, result.doubt] if result.doubt else lines


@audit.command("status")
def show_status(as_user: AsUser = "", as_json: Json = False) -> None:
    """How far the log is sealed, copied and verified, and the key id that others verify exports with."""
    with opened() as services:
        view = audit_status_view(services.audit.status(caller(services, as_user)))
    rows = {
        "Events": view["events"],
        "Sealed to": f"{view['sealed_to']:,} at {view['sealed_at']}" if view["sealed_at"] else "nothing yet",
        "Sealing": view["sealing"] or "as it should be",
        "Key id": view["key_id"],
        "Verified to": f"{view['verified_to']:,} at {view['verified_at']}" if view["verified_at"] else "never",
        "Last verification": _last(view["last_verification"]),
        "Second device": view["second_device"] or "none is set",
    }
    show(view, as_json=as_json, lines=columns((name, str(value)) for name, value in rows.items()))


def _last(found: dict[str, Any] | None) -> str:
    if found is None:
        return "none"
    words = {True: "sound", False: "the log was changed.", None: "it cannot be told."}
    return f"{found['at']}: {words[found['ok']]} {found['detail']}".strip()


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
    output: Annotated[
        Path | None, typer.Option(help="A ZIP archive, which holds the verifier too; without it lines on the output.")
    ] = None,
    as_user: AsUser = "",
    as_json: Json = False,
) -> None:
    """Every event as written, the checkpoints and the public key. Anybody verifies it: python verify.py FILE."""
    if output is not None:
        try:
            file = output.open("wb")
        except OSError as error:
            raise BackendUnavailableError(f"{output} cannot be written ({error.strerror}).") from error
        with file, opened() as services:
            services.audit.export(caller(services, as_user), file)
        written = output.stat().st_size
        show({"file": str(output), "bytes": written}, as_json=as_json, lines=[f"Written to {output}."])
        return
    content = io.BytesIO()
    with opened() as services:
        services.audit.export(caller(services, as_user), content, as_lines=True)
    if as_json:
        show({"lines": [json.loads(line) for line in content.getvalue().splitlines()]}, as_json=True)
    else:
        sys.stdout.buffer.write(content.getvalue())


@audit.command("sql")
def print_sql() -> None:
    """What an administrator of PostgreSQL runs once, with psql, before the log is kept there: its table, the role that
    owns it, and the rights of the user that the settings name."""
    chosen = process_settings().audit
    if chosen.kind != "postgres":
        raise InvalidInputError("The audit log is kept in the data folder: nothing is to be prepared.")
    sys.stdout.write(chosen.preparation)


@audit.command("renew-key")
def renew_key(as_user: AsUser = "", as_json: Json = False) -> None:
    """Give the sealer another key; the old one signs that the new one follows."""
    with opened() as services:
        services.audit.renew_key(caller(services, as_user))
        view = audit_status_view(services.audit.status(caller(services, as_user)))
    line = f"The key id is {view['key_id']} from now on: tell those who verify exports."
    show({"key_id": view["key_id"]}, as_json=as_json, lines=[line])
