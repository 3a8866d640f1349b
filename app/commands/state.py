"""dafe doctor and dafe config."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import typer
from pydantic import SecretStr

from app.backend_docs import backends_markdown, backends_table
from app.commands.caller import caller, opened
from app.commands.output import AsUser, Json, columns, show
from app.setting_docs import SettingOrigin, setting_origins, settings_table
from app.views import checks_view

_EXAMPLE = Path(__file__).parents[1] / "help" / "cluster.toml"
config = typer.Typer(name="config", no_args_is_help=True, help="Settings.")


def doctor(as_user: AsUser = "", as_json: Json = False) -> None:
    """Look at every part. Exit code 1 when a required one is not well."""
    with opened() as services:
        result = checks_view(services.health.checks(caller(services, as_user)))
    words = {True: "well", False: "NOT WELL"}
    lines = columns((words[one["ok"]], one["name"], one["kind"], one["detail"], one["fix"]) for one in result["checks"])
    show(result, as_json=as_json, lines=lines)
    if not result["ok"]:
        raise typer.Exit(1)


@config.command("show")
def show_config(as_json: Json = False) -> None:
    """Every setting's value and where it comes from; secrets are masked."""
    rows = [_shown(one) for one in setting_origins()]
    lines = columns((row["name"], row["value"], row["origin"]) for row in rows)
    show({"settings": rows}, as_json=as_json, lines=lines)


@config.command("table")
def show_table(as_json: Json = False) -> None:
    """Every setting with its default and meaning, as in the README."""
    show({"settings": list(settings_table())}, as_json=as_json, lines=_markdown())


@config.command("backends")
def show_backends(as_json: Json = False) -> None:
    """Every backend that can be chosen, as in the README."""
    rows = [{**asdict(row), "variable": row.variable} for row in backends_table()]
    show({"backends": rows}, as_json=as_json, lines=backends_markdown())


@config.command("example")
def show_example(as_json: Json = False) -> None:
    """A dafe.toml for a GPU cluster: several vLLM servers, how each is started, and what answers when one is away."""
    text = _EXAMPLE.read_text(encoding="utf-8")
    show({"dafe.toml": text}, as_json=as_json, lines=text.splitlines())


def _markdown() -> Iterator[str]:
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for row in settings_table():
        yield f"| `{row['variable']}` | {row['default']} | {row['meaning']} |"


def _shown(one: SettingOrigin) -> dict[str, str]:
    value = "********" if isinstance(one.value, SecretStr) and one.value.get_secret_value() else str(one.value)
    return {"name": one.name, "value": value, "origin": one.origin}
