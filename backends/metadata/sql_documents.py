"""Document records on SQL."""

from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.exc import IntegrityError as ConstraintError

from app.domain.documents import Coverage, Document, DocumentStatus, DocumentVersion
from app.domain.ids import DocumentId, FileId, UserId, VersionId, WorkspaceId
from app.errors import ConflictError, NotFoundError
from backends.metadata.base_content import DocumentFilter, DocumentRecords
from backends.metadata.sql_access import seen_by
from backends.sql.base import SqlDatabase
from backends.sql.expressions import among
from backends.sql.tables import access_lists, chunk_stems, chunks, documents, jobs, versions

_COVERAGE = TypeAdapter(Coverage)
_LISTED = sa.select(
    *versions.c,
    documents.c.name.label("document_name"),
    documents.c.visible_version_id,
    sa.exists().where(access_lists.c.document_id == documents.c.id).label("restricted"),
).select_from(documents.join(versions, versions.c.id == documents.c.newest_version_id))


class SqlDocumentRecords(DocumentRecords):
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database
        self._fields = database.fields

    def add_version(self, version: DocumentVersion, *, reader: UserId | None, rereads: bool = False) -> Document:
        row = {column.name: getattr(version, column.name) for column in versions.c}
        row["status"] = version.status.value
        row["coverage"] = self._coverage(version.coverage, version.id, version.workspace_id)
        row |= {"name": self._seal("versions.name", version.name, version.id, version.workspace_id)}
        if version.title is not None:
            row["title"] = self._seal("versions.title", version.title, version.id, version.workspace_id)
        try:
            with self._database.write(version.workspace_id, within=version.workspace_id) as connection:
                same = _holding(version.sha256, version.workspace_id).where(seen_by(reader, versions.c.document_id))
                own = _holding(version.sha256, version.workspace_id)
                own = own.where(versions.c.document_id == version.document_id)
                taken = same.exists() & ~own.exists() if rereads else same.exists()
                if connection.execute(sa.select(taken)).scalar_one():
                    raise ConflictError("This file is already here.", document_id=version.document_id)
                connection.execute(versions.insert().values(row))
                self._point_at_newest(connection, version, reader)
        except ConstraintError as error:
            raise ConflictError("This file is already here.", document_id=version.document_id) from error
        return self.get(version.document_id, workspace_id=version.workspace_id, reader=reader)

    def _point_at_newest(self, connection: sa.Connection, version: DocumentVersion, reader: UserId | None) -> None:
        head = {"newest_version_id": version.id, "changed_at": version.uploaded_at}
        if version.number == 1:
            place = (version.document_id, version.workspace_id)
            head |= {"id": place[0], "workspace_id": place[1]}
            head |= {"name": self._seal("documents.name", version.name, *place)}
            head |= {"name_key": self._name_key(version.name, version.workspace_id)}
            connection.execute(documents.insert().values(head))
            return
        mine = (documents.c.id == version.document_id) & (documents.c.workspace_id == version.workspace_id)
        mine &= seen_by(reader, documents.c.id)
        if connection.execute(documents.update().where(mine).values(head)).rowcount == 0:
            raise NotFoundError("The document does not exist any more: add the file as a new one.")

    def get(self, document_id: DocumentId, *, workspace_id: WorkspaceId, reader: UserId | None) -> Document:
        mine = (documents.c.id == document_id) & (documents.c.workspace_id == workspace_id)
        mine &= seen_by(reader, documents.c.id)
        with self._database.read(workspace_id) as connection:
            row = connection.execute(_LISTED.where(mine)).one_or_none()
        if row is None:
            raise NotFoundError("This document does not exist: it may have been deleted.", document_id=document_id)
        return self._document(row)

    def find(
        self, document_filter: DocumentFilter, *, workspace_id: WorkspaceId, reader: UserId | None
    ) -> tuple[list[Document], int]:
        conditions = [documents.c.workspace_id == workspace_id, seen_by(reader, documents.c.id)]
        if document_filter.sha256 is not None:
            conditions.append(documents.c.id.in_(_holding(document_filter.sha256, workspace_id)))
        if document_filter.statuses:
            conditions.append(versions.c.status.in_(sorted(status.value for status in document_filter.statuses)))
        if document_filter.to_redo:
            conditions += [versions.c.to_redo, versions.c.status == DocumentStatus.INDEXED.value]
        with self._database.read(workspace_id) as connection:
            fitting = _LISTED.where(*conditions, *self._named(connection, document_filter, workspace_id))
            page = fitting.order_by(documents.c.changed_at.desc(), documents.c.id.desc())
            page = page.limit(document_filter.limit).offset(document_filter.offset)
            rows = connection.execute(page).all() if document_filter.limit != 0 else []
            total = len(rows)
            if document_filter.limit is not None or document_filter.offset:
                total = connection.execute(sa.select(sa.func.count()).select_from(fitting.subquery())).scalar_one()
        return [self._document(row) for row in rows], total

    def find_versions(self, document_id: DocumentId, *, workspace_id: WorkspaceId) -> list[DocumentVersion]:
        mine = (versions.c.document_id == document_id) & (versions.c.workspace_id == workspace_id)
        with self._database.read(workspace_id) as connection:
            rows = connection.execute(sa.select(versions).where(mine).order_by(versions.c.number.desc())).all()
        return [self._version(row) for row in rows]

    def update_version(
        self,
        version_id: VersionId,
        *,
        workspace_id: WorkspaceId,
        status: DocumentStatus | None = None,
        error: str | None = None,
        coverage: Coverage | None = None,
        title: str | None = None,
        to_redo: bool | None = None,
    ) -> None:
        values: dict[str, Any] = {}
        if status is not None:
            values |= {"status": status.value, "error": error}
        elif error is not None:
            values["error"] = error
        if coverage is not None:
            values["coverage"] = self._coverage(coverage, version_id, workspace_id)
        if title is not None:
            values["title"] = self._seal("versions.title", title, version_id, workspace_id)
        if to_redo is not None:
            values["to_redo"] = to_redo
        with self._database.write(workspace_id, within=workspace_id) as connection:
            _update_version(connection, version_id, workspace_id, values or {"id": version_id})

    def publish(self, version_id: VersionId, *, workspace_id: WorkspaceId) -> None:
        with self._database.write(workspace_id, within=workspace_id) as connection:
            indexed = {"status": DocumentStatus.INDEXED.value, "error": None}
            _update_version(connection, version_id, workspace_id, indexed)
            mine = versions.c.id == version_id
            owner = sa.select(versions.c.document_id).where(mine).scalar_subquery()
            number = sa.select(versions.c.number).where(mine).scalar_subquery()
            visible = versions.alias()
            later = sa.exists().where(visible.c.id == documents.c.visible_version_id, visible.c.number > number)
            shown = documents.update().where(documents.c.id == owner, ~later)
            connection.execute(shown.values(visible_version_id=version_id))

    def find_visible(self, *, workspace_id: WorkspaceId, reader: UserId | None) -> dict[VersionId, DocumentId]:
        visible = documents.c.visible_version_id.is_not(None) & (documents.c.workspace_id == workspace_id)
        visible &= seen_by(reader, documents.c.id)
        query = sa.select(documents.c.visible_version_id, documents.c.id).where(visible)
        with self._database.read(workspace_id) as connection:
            return {VersionId(row[0]): DocumentId(row[1]) for row in connection.execute(query)}

    def delete(self, document_id: DocumentId, *, workspace_id: WorkspaceId) -> None:
        with self._database.write(within=workspace_id) as connection:  # Alone: a worker may be writing its chunks.
            numbers = sa.select(chunks.c.number).where(
                chunks.c.document_id == document_id, chunks.c.workspace_id == workspace_id
            )
            connection.execute(chunk_stems.delete().where(chunk_stems.c.chunk_number.in_(numbers)))
            for table in (chunks, versions):
                mine = (table.c.document_id == document_id) & (table.c.workspace_id == workspace_id)
                connection.execute(table.delete().where(mine))
            mine = (documents.c.id == document_id) & (documents.c.workspace_id == workspace_id)
            connection.execute(documents.delete().where(mine))
            named = (jobs.c.document_id == document_id) & (jobs.c.workspace_id == workspace_id)
            connection.execute(jobs.update().where(named).values(document_name=""))

    def _named(
        self, connection: sa.Connection, wanted: DocumentFilter, workspace_id: WorkspaceId
    ) -> list[sa.ColumnElement[bool]]:
        """Where the database cannot search in names, all that may fit are read."""
        text = wanted.text.casefold()
        if self._fields.searchable:
            conditions = [documents.c.name_key.contains(text, autoescape=True)] if text else []
            return conditions + ([documents.c.name == wanted.name] if wanted.name is not None else [])
        if not text and wanted.name is None:
            return []
        query = sa.select(documents.c.id, documents.c.name).where(documents.c.workspace_id == workspace_id)
        if wanted.name is not None:
            query = query.where(documents.c.name_key == self._name_key(wanted.name, workspace_id))
        fitting = []
        for id_, kept in connection.execute(query):
            name = self._open("documents.name", kept, id_, workspace_id)
            if wanted.name in {None, name} and text in name.casefold():
                fitting.append(id_)
        return [among(documents.c.id, fitting)]

    def _name_key(self, name: str, workspace_id: WorkspaceId) -> str:
        folded = name.casefold()
        return self._fields.index([folded], workspace_id=workspace_id, column="documents.name_key")[folded]

    def _coverage(self, coverage: Coverage, version_id: str, workspace_id: str) -> str:
        """Its warnings may name what a document names."""
        return self._seal("versions.coverage", _COVERAGE.dump_json(coverage).decode(), version_id, workspace_id)

    def _seal(self, column: str, text: str, record: str, workspace_id: str) -> str:
        return self._fields.seal(text, workspace_id=workspace_id, column=column, record=record)

    def _open(self, column: str, kept: str, record: str, workspace_id: str) -> str:
        return self._fields.open(kept, workspace_id=workspace_id, column=column, record=record)

    def _version(self, row: Any) -> DocumentVersion:
        return DocumentVersion(
            id=VersionId(row.id),
            document_id=DocumentId(row.document_id),
            workspace_id=WorkspaceId(row.workspace_id),
            number=row.number,
            name=self._open("versions.name", row.name, row.id, row.workspace_id),
            media_type=row.media_type,
            sha256=row.sha256,
            size_bytes=row.size_bytes,
            file_id=FileId(row.file_id),
            uploaded_by=UserId(row.uploaded_by),
            uploaded_at=row.uploaded_at,
            status=DocumentStatus(row.status),
            error=row.error,
            coverage=_COVERAGE.validate_json(self._open("versions.coverage", row.coverage, row.id, row.workspace_id)),
            title=row.title and self._open("versions.title", row.title, row.id, row.workspace_id),
            to_redo=row.to_redo,
        )

    def _document(self, row: Any) -> Document:
        version = self._version(row)
        return Document(
            version.document_id,
            version.workspace_id,
            self._open("documents.name", row.document_name, version.document_id, version.workspace_id),
            version,
            row.visible_version_id,
            bool(row.restricted),
        )


def _holding(sha256: str, workspace_id: WorkspaceId) -> sa.Select[Any]:
    same = (versions.c.sha256 == sha256) & (versions.c.workspace_id == workspace_id)
    return sa.select(versions.c.document_id).where(same)


def _update_version(
    connection: sa.Connection, version_id: VersionId, workspace_id: WorkspaceId, values: dict[str, Any]
) -> None:
    mine = (versions.c.id == version_id) & (versions.c.workspace_id == workspace_id)
    if connection.execute(versions.update().where(mine).values(values)).rowcount == 0:
        raise NotFoundError("This version of the document does not exist any more.", version_id=version_id)
