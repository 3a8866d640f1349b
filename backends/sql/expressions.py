"""Expressions that each database writes in its own way."""

import json
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


def unindexed(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The column as SQLite cannot use an index for: where another condition chooses far fewer rows."""
    return _Unindexed(column)


def among(column: sa.ColumnElement[Any], values: Collection[str]) -> sa.ColumnElement[bool]:
    """`column` is one of `values`, of which there may be any number."""
    text = _as_list(values) if isinstance(values, frozenset) else json.dumps(sorted(values))
    listed = _Listed(sa.literal(text, sa.Text)).table_valued("value")
    return column.in_(sa.select(listed.c.value))


@lru_cache(maxsize=16)
def _as_list(values: frozenset[str]) -> str:
    """What somebody may see goes with every query of a call, and may be thousands of ids."""
    return json.dumps(sorted(values))


class _Unindexed(FunctionElement[Any]):
    inherit_cache = True

    def __init__(self, column: sa.ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


class _Listed(FunctionElement[Any]):
    """The rows of a JSON list of texts."""

    name = "json_each"
    inherit_cache = True


@compiles(_Unindexed, "sqlite")
def _with_sign(element: _Unindexed, compiler: Any, **options: Any) -> str:
    return f"(+ {compiler.process(element.clauses, **options)})"


@compiles(_Unindexed, "postgresql")
def _as_it_is(element: _Unindexed, compiler: Any, **options: Any) -> str:
    """PostgreSQL knows how many rows a condition chooses."""
    return str(compiler.process(element.clauses, **options))


@compiles(_Listed, "sqlite")
def _each_of_json(element: _Listed, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Listed, "postgresql")
def _elements_of_json(element: _Listed, compiler: Any, **options: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS JSON))"
