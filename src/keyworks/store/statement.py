"""Statements: written with SQLAlchemy Core, compiled once, executed by the driver.

So a query is composed and checked as an expression, and costs on the issuing path what the driver costs.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.expression import Executable

_DIALECT = sqlite.dialect(paramstyle="named")


class Statement:
    """A compiled Core construct.

    Args:
        construct: A select, insert, update or delete; its ``bindparam`` names are the parameters.
    """

    def __init__(self, construct: Executable) -> None:
        self._construct = construct

    @cached_property
    def _compiled(self) -> tuple[str, dict[str, Any]]:
        compiled = self._construct.compile(dialect=_DIALECT)  # type: ignore[attr-defined]
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        return str(compiled), fixed

    @cached_property
    def text(self) -> str:
        """Return the SQL."""
        return self._compiled[0]

    @cached_property
    def _fixed(self) -> dict[str, Any]:
        return self._compiled[1]

    def bind(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the parameters together with the values written into the construct itself."""
        return {**self._fixed, **parameters} if self._fixed else parameters
