"""Language models that were used, on SQL."""

import sqlalchemy as sa

from app.domain.models import Band, ModelInfo, UsedModel
from backends.metadata.base_models import ModelRecords
from backends.sql.base import SqlDatabase
from backends.sql.tables import models_used


class SqlModelRecords(ModelRecords):
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def put(self, used: UsedModel) -> None:
        model = used.model
        key = {"backend": model.backend, "name": model.name, "digest": model.digest}
        with self._database.write("models_used") as connection:
            connection.execute(models_used.delete().filter_by(**key))
            kept = {"window_tokens": model.window_tokens, "band": used.band.value, "used_at": used.used_at}
            connection.execute(models_used.insert().values(key | kept))

    def find_last(self) -> UsedModel | None:
        newest = sa.select(models_used).order_by(models_used.c.used_at.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(newest).one_or_none()
        if row is None:
            return None
        return UsedModel(ModelInfo(row.backend, row.name, row.digest, row.window_tokens), Band(row.band), row.used_at)
