"""Asked questions on SQL."""

from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from app.domain.answers import Answer, AskedQuestion, Mode
from app.domain.ids import DocumentId, QuestionId, UserId, VersionId, WorkspaceId
from app.errors import NotFoundError
from backends.metadata.base_content import HistoryRecords
from backends.metadata.sql_access import hidden_from
from backends.sql.base import SqlDatabase, fetch
from backends.sql.expressions import among
from backends.sql.tables import documents, question_documents, questions

_ANSWER = TypeAdapter(Answer)


class SqlHistoryRecords(HistoryRecords):
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database
        self._fields = database.fields

    def add(self, question: AskedQuestion) -> None:
        row = {
            "id": question.id,
            "workspace_id": question.workspace_id,
            "asked_by": question.asked_by,
            "asked_at": question.asked_at,
            "text": self._seal(question, "text", question.text),
            "mode": question.mode.value,
            "answer": self._seal(question, "answer", _ANSWER.dump_json(question.answer).decode()),
        }
        answer = question.answer
        cited = {citation.document_id for citation in answer.citations + answer.nearest}
        cited |= {triple.document_id for triple in answer.triples + answer.nearest_triples}
        shown = {citation.version_id for citation in answer.citations + answer.nearest}
        links = [{"question_id": question.id, "document_id": document_id} for document_id in sorted(cited)]
        with self._database.write(question.workspace_id, within=question.workspace_id) as connection:
            if not _are_visible(connection, cited, shown, question.workspace_id):
                return
            connection.execute(questions.insert().values(row))
            if links:
                connection.execute(question_documents.insert(), links)

    def get(
        self, question_id: QuestionId, *, workspace_id: WorkspaceId, asked_by: UserId, reader: UserId | None
    ) -> AskedQuestion:
        mine = _mine(workspace_id, asked_by) & _seen_by(reader)
        query = sa.select(questions).where(questions.c.id == question_id, mine)
        with self._database.read(workspace_id) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError("This question is not in your history.", question_id=question_id)
        return self._question(row)

    def find(
        self, *, workspace_id: WorkspaceId, asked_by: UserId, reader: UserId | None, limit: int
    ) -> list[AskedQuestion]:
        query = sa.select(questions).where(_mine(workspace_id, asked_by), _seen_by(reader))
        query = query.order_by(questions.c.asked_at.desc(), questions.c.id.desc()).limit(limit)
        (rows,) = fetch(self._database, query, within=workspace_id)
        return [self._question(row) for row in rows]

    def delete_citing(
        self, document_id: DocumentId, *, workspace_id: WorkspaceId, keep: VersionId | None = None
    ) -> int:
        citing = sa.select(question_documents.c.question_id).where(question_documents.c.document_id == document_id)
        with self._database.write(workspace_id, within=workspace_id) as connection:
            mine = questions.c.id.in_(citing) & (questions.c.workspace_id == workspace_id)
            gone = [
                row.id
                for row in connection.execute(sa.select(questions).where(mine))
                if keep is None or _versions_of(document_id, self._question(row).answer) != {keep}
            ]
            connection.execute(questions.delete().where(among(questions.c.id, gone)))
            connection.execute(question_documents.delete().where(among(question_documents.c.question_id, gone)))
        return len(gone)

    def _seal(self, question: AskedQuestion, column: str, text: str) -> str:
        place = {"workspace_id": question.workspace_id, "column": f"questions.{column}", "record": question.id}
        return self._fields.seal(text, **place)

    def _question(self, row: sa.Row[Any]) -> AskedQuestion:
        place = {"workspace_id": row.workspace_id, "record": row.id}
        return AskedQuestion(
            id=QuestionId(row.id),
            workspace_id=WorkspaceId(row.workspace_id),
            asked_by=UserId(row.asked_by),
            asked_at=row.asked_at,
            text=self._fields.open(row.text, column="questions.text", **place),
            mode=Mode(row.mode),
            answer=_ANSWER.validate_json(self._fields.open(row.answer, column="questions.answer", **place)),
        )


def _are_visible(
    connection: sa.Connection, cited: set[DocumentId], shown: set[VersionId], workspace_id: WorkspaceId
) -> bool:
    here = sa.select(sa.func.count()).select_from(documents).where(documents.c.workspace_id == workspace_id)
    found = connection.execute(here.where(among(documents.c.id, cited))).scalar_one()
    current = connection.execute(here.where(among(documents.c.visible_version_id, shown))).scalar_one()
    return bool(found == len(cited) and current == len(shown))


def _versions_of(document_id: DocumentId, answer: Answer) -> set[VersionId]:
    shown = (*answer.citations, *answer.nearest)
    return {citation.version_id for citation in shown if citation.document_id == document_id}


def _mine(workspace_id: WorkspaceId, asked_by: UserId) -> sa.ColumnElement[bool]:
    return (questions.c.workspace_id == workspace_id) & (questions.c.asked_by == asked_by)


def _seen_by(reader: UserId | None) -> sa.ColumnElement[bool]:
    if reader is None:
        return sa.true()
    shown = sa.select(question_documents.c.question_id)
    return questions.c.id.not_in(shown.where(question_documents.c.document_id.in_(hidden_from(reader))))
