"""dafe ask."""

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from app.commands.caller import caller, find_workspace, opened
from app.commands.output import AsUser, InWorkspace, Json, show
from app.domain.answers import Answer, Mode
from app.views import AnswerView


def ask(
    question: Annotated[str, typer.Argument(help="The question; - reads it from standard input.")],
    workspace: InWorkspace,
    mode: Annotated[Mode, typer.Option(help="How to answer.")] = Mode.AUTO,
    fresh: Annotated[bool, typer.Option("--fresh", help="Answer anew, not with what was answered lately.")] = False,
    as_user: AsUser = "",
    as_json: Json = False,
) -> None:
    """Answer a question from a workspace's documents, every sentence with its source."""
    text = sys.stdin.read() if question == "-" else question
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        *_, answer = services.questions.ask(actor, workspace_id=workspace_id, text=text, mode=mode, fresh=fresh)
    show(AnswerView.of(answer).model_dump(mode="json"), as_json=as_json, lines=_lines(answer))


def _lines(answer: Answer) -> Iterator[str]:
    yield f"{answer.mode.value}: {answer.reason}"
    if answer.refused:
        yield f"Not in the documents ({answer.searched_documents} searched). Nothing was guessed."
        if answer.unknown_entities:
            yield f"No document mentions: {', '.join(answer.unknown_entities)}"
    for sentence in answer.sentences:
        marks = "".join(f" [{n}]" for n in sentence.citations)
        weak = "" if sentence.verdict == "supported" else f"  ({sentence.verdict})"
        yield f"- {' '.join(sentence.text.split())}{marks}{weak}"
    if answer.model is not None:
        yield f"Written by {answer.model}."
    if answer.notice:
        yield answer.notice
    for citation in answer.citations:
        yield f"[{citation.n}] {citation.document}, page {citation.page}"
    if answer.kept_at is not None:
        yield f"From the cache of {answer.kept_at.astimezone():%H:%M}; --fresh answers anew."
