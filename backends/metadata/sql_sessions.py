"""Sign-in sessions on SQL."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from app.domain.access import SignInSession
from app.domain.ids import UserId
from backends.metadata.base_people import SessionRecords
from backends.sql.base import SqlDatabase
from backends.sql.expressions import among
from backends.sql.tables import sessions

_FIELDS = [column for column in sessions.c if column.name != "token_sha256"]


class SqlSessionRecords(SessionRecords):
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def add(self, session: SignInSession, *, token_sha256: str) -> None:
        with self._database.write(session.id) as connection:
            connection.execute(sessions.insert().values({**asdict(session), "token_sha256": token_sha256}))

    def find_by_tokens(self, token_sha256s: Collection[str]) -> dict[str, SignInSession]:
        query = sa.select(sessions.c.token_sha256, *_FIELDS).where(among(sessions.c.token_sha256, token_sha256s))
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return {row["token_sha256"]: SignInSession(**{one.name: row[one.name] for one in _FIELDS}) for row in rows}

    def find(self, *, user_id: UserId | None = None, session_id: str | None = None) -> list[SignInSession]:
        query = sa.select(*_FIELDS).order_by(sessions.c.created_at.desc(), sessions.c.id.desc())
        if session_id is not None:
            query = query.where(sessions.c.id == session_id)
        if user_id is not None:
            query = query.where(sessions.c.user_id == user_id)
        with self._database.read() as connection:
            return [SignInSession(**row._mapping) for row in connection.execute(query)]

    def touch(self, session_id: str, *, at: datetime) -> None:
        with self._database.write(session_id) as connection:
            connection.execute(sessions.update().where(sessions.c.id == session_id).values(last_active_at=at))

    def revoke(self, session_ids: Collection[str], *, at: datetime) -> None:
        open_ones = among(sessions.c.id, session_ids) & sessions.c.revoked_at.is_(None)
        with self._database.write("sessions") as connection:
            connection.execute(sessions.update().where(open_ones).values(revoked_at=at))

    def delete_expired(self, *, before: datetime) -> int:
        with self._database.write("sessions") as connection:
            return connection.execute(sessions.delete().where(sessions.c.expires_at < before)).rowcount
