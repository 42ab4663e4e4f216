"""Statements: written with SQLAlchemy Core, compiled once per engine, executed by the driver.

So a query is composed and checked as an expression, and costs on the issuing path what the driver costs.
``insert`` is the one that knows ON CONFLICT and RETURNING, which both engines write alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.expression import Executable

__all__ = ["Compiled", "Statement", "insert"]

_SQLITE: Final[Dialect] = sqlite.dialect(paramstyle="named")
# The plain dialect: that of a driver would write a cast around every parameter.
_POSTGRESQL: Final[Dialect] = PGDialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement as one engine's driver takes it.

    Args:
        text: The SQL.
        fixed: The values written into the construct itself, by their names in ``text``.
    """

    text: str
    fixed: Mapping[str, Any]

    def bind(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the parameters together with the fixed values."""
        return {**self.fixed, **parameters} if self.fixed else parameters


class Statement:
    """A Core construct.

    Args:
        construct: A select, insert, update or delete; its ``bindparam`` names are the parameters.
    """

    def __init__(self, construct: Executable) -> None:
        self._construct = construct

    @cached_property
    def sqlite(self) -> Compiled:
        """Return it for SQLite."""
        return self._compiled(_SQLITE)

    @cached_property
    def postgresql(self) -> Compiled:
        """Return it for PostgreSQL."""
        return self._compiled(_POSTGRESQL)

    def _compiled(self, dialect: Dialect) -> Compiled:
        compiled = self._construct.compile(dialect=dialect)  # type: ignore[attr-defined]
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        return Compiled(str(compiled), fixed)
