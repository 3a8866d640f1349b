"""What the Ask page remembers between reruns: one person's question in one workspace, its answer and open source."""

from collections import OrderedDict
from dataclasses import dataclass, field

import streamlit as st

from app.domain.answers import Answer, AskedQuestion, Citation, Mode
from app.domain.ids import QuestionId, UserId, VersionId, WorkspaceId
from app.errors import DafeError
from app.services.evidence import EvidenceView
from components.running_question import RunningQuestion
from components.session import Session

_KEY = "ask"
_NEXT = "ask-next"
_OPEN = "ask-open"
_PAGES_KEPT = 8


@dataclass
class AskState:
    """Lives in one browser session and goes when the person or the workspace is another: so do its page images."""

    user_id: UserId
    workspace_id: WorkspaceId
    mode: Mode = Mode.AUTO
    """As chosen for the next question."""
    question: str = ""
    asked_mode: Mode = Mode.AUTO
    answer: Answer | None = None
    error: DafeError | None = None
    stopped: bool = False
    running: RunningQuestion | None = None
    shown: int | None = None
    """The number of the source beside the answer."""
    view: EvidenceView | None = None
    """That source as it was read last."""
    pages: OrderedDict[tuple[VersionId, int, int], bytes] = field(default_factory=OrderedDict)

    def start(self, session: Session, text: str) -> None:
        """Ask with the rights of this moment; an older question still running is stopped."""
        self._start(session, text, self.mode, fresh=False)

    def start_anew(self, session: Session) -> None:
        """Ask the same again, as it was asked, for an answer that was not given before."""
        self._start(session, self.question, self.asked_mode, fresh=True)

    def _start(self, session: Session, text: str, mode: Mode, *, fresh: bool) -> None:
        self.forget()
        self.question, self.asked_mode = " ".join(text.split()), mode
        questions, actor, workspace_id = session.services.questions, session.actor, self.workspace_id
        self.running = RunningQuestion(
            lambda: questions.ask(actor, workspace_id=workspace_id, text=text, mode=mode, fresh=fresh),
        )

    def follow(self) -> None:
        """Take over what the thread found since the last look."""
        if self.running is None:
            return
        ended = self.running.ended
        self._keep(self.running.latest)
        if ended:
            self.error = self.running.error
            self.running = None

    def stop(self) -> None:
        """What was found so far stays."""
        if self.running is not None:
            self.running.stop()
            self._keep(self.running.latest)
            self.running = None
            self.stopped = self.answer is None or not self.answer.finished

    def forget(self) -> None:
        """Ready for a new question."""
        self.stop()
        self.question, self.answer, self.error, self.stopped, self.shown = "", None, None, False, None

    def show(self, number: int) -> None:
        self.shown = number

    def open(self, asked: AskedQuestion) -> None:
        self.forget()
        self.question, self.asked_mode = asked.text, asked.mode
        self._keep(asked.answer)

    def _keep(self, answer: Answer | None) -> None:
        if answer is not None:
            self.answer = answer
            if self.shown is None and answer.citations:
                self.shown = answer.citations[0].n

    @property
    def source(self) -> Citation | None:
        citations = self.answer.citations if self.answer else ()
        return next((one for one in citations if one.n == self.shown), citations[0] if citations else None)

    def page_image(self, session: Session, view: EvidenceView, *, width: int) -> bytes | None:
        """The page as PNG, None where there is none; call it after the service gave `view` to this actor just now."""
        if not view.has_image:
            return None
        key = (view.version_id, view.page, width)
        if key not in self.pages:
            self.pages[key] = session.services.evidence.page_image(
                session.actor,
                workspace_id=self.workspace_id,
                version_id=view.version_id,
                page=view.page,
                width=width,
            )
            while len(self.pages) > _PAGES_KEPT:
                self.pages.popitem(last=False)
        return self.pages[key]


def ask_state(session: Session) -> AskState:
    """This person's in this workspace; what another left in this browser session is dropped."""
    known = st.session_state.get(_KEY)
    here = (session.actor.user_id, session.workspace_id)
    if isinstance(known, AskState):
        if (known.user_id, known.workspace_id) == here:
            return known
        known.forget()
    state = AskState(*here)
    st.session_state[_KEY] = state
    return state


def ask_next(text: str) -> None:
    """Ask this as soon as the Ask page is drawn."""
    st.session_state[_NEXT] = text


def open_next(question_id: QuestionId) -> None:
    """Show this question of the person's own history as soon as the Ask page is drawn."""
    st.session_state[_OPEN] = question_id


def take_next(session: Session, state: AskState) -> None:
    """Do what was asked for since the last run."""
    text = st.session_state.pop(_NEXT, None)
    question_id = st.session_state.pop(_OPEN, None)
    if text is not None:
        state.start(session, text)
    elif question_id is not None:
        state.open(
            session.services.questions.get(session.actor, workspace_id=session.workspace_id, question_id=question_id)
        )
