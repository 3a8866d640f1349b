"""dafe migrate."""

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from app.commands.caller import operator
from app.commands.output import Json, columns, show
from app.errors import DafeError, InvalidInputError
from app.migrating.moving import Moved, Moving, opened_moving
from app.migrating.sides import settings_of_both
from app.seals import seals_of
from app.settings import Profile

_WORDS = {"copy": "Copying", "check": "Comparing"}


def migrate(
    source: Annotated[Profile, typer.Option("--from", help="The profile that the installation is used with.")],
    target: Annotated[Profile, typer.Option("--to", help="The profile whose stores are to take it over.")],
    remove_source: Annotated[
        bool, typer.Option("--remove-source", help="After the move: delete what the old stores still hold.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Move the installation to the stores of another profile: documents, passages, facts, vectors, jobs, questions,
    people, the audit log. Uploads and key file stay in the data folder; sessions and cached results are left behind.

    Stop the program first. Everything is copied and compared before anything is switched, and a run that was cut off is
    started again and goes on. Settings that are given count for the profile whose store knows them
    (DAFE_METADATA__HOST for PostgreSQL); where both stores know one, a kind says for which it is meant.
    """
    if source is target:
        raise InvalidInputError("Name two different profiles with --from and --to.")
    with opened_moving(*settings_of_both(source, target)) as moving:
        if remove_source:
            workspaces = moving.remove_source(operator())
            line = f"Deleted what the stores of the profile {source.value} held ({workspaces:,} workspaces)."
            show({"removed": {"workspaces": workspaces}}, as_json=as_json, lines=[line])
        else:
            moved = moving.move(operator(), _Progress())
            show(_shown(moved, source, target), as_json=as_json, lines=_sentences(moved, moving))
        try:
            seals_of(moving.target.settings).seal()
        except DafeError as error:
            print(error.message, file=sys.stderr)


class _Progress:
    """One line that is written over on a terminal, else one at each tenth."""

    def __init__(self) -> None:
        self._said: tuple[str, int] | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        line = f"{_WORDS[stage]} {done:,} of {total:,} versions of documents"
        tenth = (stage, 10 * done // total if total else 10)
        if sys.stderr.isatty():
            print(f"\r{line}", end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif tenth != self._said:
            print(line, file=sys.stderr, flush=True)
        self._said = tenth


def _shown(moved: Moved, source: Profile, target: Profile) -> dict[str, Any]:
    workspaces = [{"id": id_, "counts": counts} for id_, counts in moved.workspaces.items()]
    between = {"from": source.value, "to": target.value, "moved_before": moved.was_before}
    return {**between, "counts": moved.counts, "workspaces": workspaces}


def _sentences(moved: Moved, moving: Moving) -> Iterator[str]:
    source, target = moving.source.settings, moving.target.settings
    if moved.was_before:
        yield f"The installation was moved to the profile {target.profile.value} before: nothing was done."
    else:
        yield from columns((f"{number:,}", kind.replace("_", " ")) for kind, number in sorted(moved.counts.items()))
        yield "All of it was copied and is equal; the audit log is intact."
    again = " People have to sign in again." if moving.moves_records else ""
    yield f"Start with DAFE_PROFILE={target.profile.value} from now on.{again}"
    yield f"Uploads and key file stay in {source.data_dir}."
    yield (
        "The old stores still hold their copy, which later deletions do not reach; this deletes it:"
        f" dafe migrate --from {source.profile.value} --to {target.profile.value} --remove-source"
    )
