"""Routes: questions, answered at once or as server-sent events."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from app.api.auth import CurrentActor, CurrentServices
from app.domain.answers import Answer, Mode
from app.domain.ids import QuestionId, WorkspaceId
from app.errors import DafeError
from app.logs import UNEXPECTED, get_logger
from app.views import AnswerView

router = APIRouter(prefix="/workspaces/{workspace_id}/questions", tags=["questions"])
_EVENTS = "text/event-stream"
_log = get_logger("api")


class Question(BaseModel):
    text: str = Field(min_length=1, max_length=2_000)
    mode: Mode = Mode.AUTO
    fresh: bool = Field(default=False, description="Answer it anew, not with what was answered lately.")


class AskedView(BaseModel):
    id: str
    asked_at: datetime
    text: str
    mode: str
    answer: AnswerView


@router.post("", response_model=AnswerView, responses={200: {"content": {_EVENTS: {}}}})
def ask(
    workspace_id: WorkspaceId,
    question: Question,
    actor: CurrentActor,
    services: CurrentServices,
    accept: Annotated[str, Header()] = "application/json",
) -> AnswerView | StreamingResponse:
    """With `Accept: text/event-stream` each event is the answer so far, the last one has `finished` true."""
    answers = services.questions.ask(
        actor, workspace_id=workspace_id, text=question.text, mode=question.mode, fresh=question.fresh
    )
    if _EVENTS in accept:
        return StreamingResponse(_events(answers), media_type=_EVENTS, headers={"cache-control": "no-store"})
    *_, last = answers
    return AnswerView.of(last)


@router.get("")
def list_questions(
    workspace_id: WorkspaceId,
    actor: CurrentActor,
    services: CurrentServices,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> list[AskedView]:
    """One's own, newest first."""
    return [
        AskedView(
            id=one.id, asked_at=one.asked_at, text=one.text, mode=one.mode.value, answer=AnswerView.of(one.answer)
        )
        for one in services.questions.history(actor, workspace_id=workspace_id, limit=limit)
    ]


@router.get("/{question_id}")
def get_question(
    workspace_id: WorkspaceId, question_id: QuestionId, actor: CurrentActor, services: CurrentServices
) -> AskedView:
    one = services.questions.get(actor, workspace_id=workspace_id, question_id=question_id)
    return AskedView(
        id=one.id, asked_at=one.asked_at, text=one.text, mode=one.mode.value, answer=AnswerView.of(one.answer)
    )


def _events(answers: Iterator[Answer]) -> Iterator[str]:
    """What fails on the way ends the stream with an event "error", which holds the sentence."""
    try:
        for answer in answers:
            yield f"data: {AnswerView.of(answer).model_dump_json()}\n\n"
    except DafeError as error:
        yield f"event: error\ndata: {json.dumps({'detail': _log.sentence('ask', error)})}\n\n"
    except Exception as error:  # noqa: BLE001 - the boundary of the stream, whose status has been sent already
        yield f"event: error\ndata: {json.dumps({'detail': UNEXPECTED.format(_log.unexpected('ask', error))})}\n\n"
