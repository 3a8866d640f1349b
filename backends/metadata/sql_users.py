"""Users and failed sign-ins on SQL."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError as ConstraintError

from app.domain.access import Role, User
from app.domain.ids import UserId
from app.errors import ConflictError, NotFoundError
from backends.metadata.base_people import UserRecords
from backends.sql.base import SqlDatabase
from backends.sql.expressions import among
from backends.sql.tables import failures, users

_FIELDS = [column for column in users.c if column.name not in {"username_key", "password_hash"}]


class SqlUserRecords(UserRecords):
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def add(self, user: User, *, password_hash: str) -> None:
        try:
            with self._database.write(user.id) as connection:
                connection.execute(users.insert().values({**_row(user), "password_hash": password_hash}))
        except ConstraintError as error:
            raise ConflictError("A user of this name exists: choose another name.") from error

    def get(self, user_id: UserId) -> User:
        with self._database.read() as connection:
            row = connection.execute(sa.select(*_FIELDS).where(users.c.id == user_id)).one_or_none()
        if row is None:
            raise _unknown(user_id)
        return _user(row)

    def find(self, *, username: str | None = None, user_ids: Collection[UserId] | None = None) -> list[User]:
        query = sa.select(*_FIELDS).order_by(users.c.username_key)
        if username is not None:
            query = query.where(users.c.username_key == username.casefold())
        if user_ids is not None:
            query = query.where(among(users.c.id, user_ids))
        with self._database.read() as connection:
            return [_user(row) for row in connection.execute(query)]

    def update(self, user: User) -> None:
        self._change(user.id, _row(user))

    def get_password_hash(self, user_id: UserId) -> str:
        with self._database.read() as connection:
            found = connection.execute(sa.select(users.c.password_hash).where(users.c.id == user_id)).scalar()
        if found is None:
            raise _unknown(user_id)
        return str(found)

    def set_password_hash(self, user_id: UserId, password_hash: str) -> None:
        self._change(user_id, {"password_hash": password_hash})

    def add_failure(self, key: str, *, at: datetime, window_seconds: float) -> int:
        with self._database.write(key) as connection:
            connection.execute(failures.insert().values(key=key, at=at))
            return _count(connection, key, at, window_seconds)

    def count_failures(self, key: str, *, at: datetime, window_seconds: float, clear: bool = False) -> int:
        with self._database.write(key) if clear else self._database.read() as connection:
            number = _count(connection, key, at, window_seconds)
            if clear:
                connection.execute(failures.delete().where(failures.c.key == key))
            return number

    def _change(self, user_id: UserId, values: dict[str, Any]) -> None:
        try:
            with self._database.write(user_id) as connection:
                if connection.execute(users.update().where(users.c.id == user_id).values(values)).rowcount == 0:
                    raise _unknown(user_id)
        except ConstraintError as error:
            raise ConflictError("A user of this name exists: choose another name.") from error


def _count(connection: sa.Connection, key: str, at: datetime, window_seconds: float) -> int:
    window = (failures.c.at > at - timedelta(seconds=window_seconds)) & (failures.c.at <= at)
    query = sa.select(sa.func.count()).select_from(failures).where(failures.c.key == key, window)
    return connection.execute(query).scalar_one()


def _unknown(user_id: UserId) -> NotFoundError:
    return NotFoundError("This user does not exist.", user_id=user_id)


def _row(user: User) -> dict[str, Any]:
    roles = sorted(role.value for role in user.roles)
    return {**asdict(user), "roles": roles, "username_key": user.username.casefold()}


def _user(row: sa.Row[Any]) -> User:
    return User(**{**row._mapping, "roles": frozenset(Role(role) for role in row.roles)})
