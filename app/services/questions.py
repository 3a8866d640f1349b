"""Questions, their cited answers, and everybody's own history."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from ulid import ULID

from app.domain.access import Actor, Permission
from app.domain.answers import Answer, AskedQuestion, Mode
from app.domain.ids import DocumentId, QuestionId, WorkspaceId
from app.errors import InvalidInputError
from app.measures import note_answer
from app.pipeline.answering import Scope
from app.pipeline.known_answers import KnownAnswers
from app.security.access import authorise
from app.security.auditor import Auditor
from app.services.permitted import permitted_documents, permitted_versions
from backends.metadata.base import MetadataStore

LONGEST_QUESTION = 2_000


class QuestionService:
    def __init__(self, *, metadata: MetadataStore, answerer: KnownAnswers, auditor: Auditor) -> None:
        self._metadata = metadata
        self._answerer = answerer
        self._auditor = auditor

    def ask(
        self, actor: Actor, *, workspace_id: WorkspaceId, text: str, mode: Mode = Mode.AUTO, fresh: bool = False
    ) -> Iterator[Answer]:
        """The answer as it grows, last the finished one, which is kept in the history. Closing the iterator stops.

        An answer that was given lately to somebody who may see the same documents is given again, unless `fresh`.
        Raises InvalidInputError for an empty or too long question before anything is yielded.
        """
        authorise(actor, Permission.ASK, workspace_id)
        question = " ".join(text.split())
        if not question:
            raise InvalidInputError("Write a question first.")
        if len(question) > LONGEST_QUESTION:
            raise InvalidInputError(f"The question is longer than {LONGEST_QUESTION:,} characters: shorten it.")
        workspace = self._metadata.workspaces.get(workspace_id)
        scope = Scope(workspace, permitted_documents(self._metadata, actor, workspace_id))
        answers = self._answerer.answer(
            question,
            scope=scope,
            mode=mode,
            look_again=lambda: frozenset(permitted_versions(self._metadata, actor, workspace_id)),
            fresh=fresh,
        )
        return self._stream(actor, scope, question, mode, answers)

    def _stream(
        self, actor: Actor, scope: Scope, question: str, mode: Mode, answers: Iterator[Answer]
    ) -> Iterator[Answer]:
        question_id = QuestionId(str(ULID()))
        disclosed: set[DocumentId] = set()
        for answer in answers:
            shown = {citation.document_id for citation in (*answer.citations, *answer.nearest)}
            if answer.finished or shown - disclosed:
                self._disclose(actor, scope, question_id, answer, shown)
                disclosed |= shown
            if answer.finished:
                note_answer(answer)
                asked_at = datetime.now(UTC)
                self._metadata.history.add(
                    AskedQuestion(question_id, scope.workspace.id, actor.user_id, asked_at, question, mode, answer)
                )
            yield answer

    def _disclose(
        self, actor: Actor, scope: Scope, question_id: QuestionId, answer: Answer, shown: Collection[DocumentId]
    ) -> None:
        """Recorded before sentences of a document leave, and once more with what the finished answer holds."""
        details = {"mode": answer.mode.value, "refused": answer.refused, "finished": answer.finished}
        with self._auditor.disclosure(
            actor,
            "questions.ask",
            workspace_id=scope.workspace.id,
            objects=(question_id, *sorted(shown)),
            details=details,
        ):
            return

    def history(self, actor: Actor, *, workspace_id: WorkspaceId, limit: int = 20) -> list[AskedQuestion]:
        """One's own questions, newest first; without those whose answer shows what one may not see any more."""
        authorise(actor, Permission.ASK, workspace_id)
        asked = self._metadata.history.find(
            workspace_id=workspace_id, asked_by=actor.user_id, reader=actor.reader, limit=limit
        )
        ids = tuple(question.id for question in asked)
        with self._auditor.disclosure(actor, "questions.history", workspace_id=workspace_id, objects=ids):
            return asked

    def get(self, actor: Actor, *, workspace_id: WorkspaceId, question_id: QuestionId) -> AskedQuestion:
        """One's own question with its answer. Raises NotFoundError, also for somebody else's."""
        authorise(actor, Permission.ASK, workspace_id)
        asked = self._metadata.history.get(
            question_id, workspace_id=workspace_id, asked_by=actor.user_id, reader=actor.reader
        )
        with self._auditor.disclosure(actor, "questions.get", workspace_id=workspace_id, objects=(question_id,)):
            return asked
