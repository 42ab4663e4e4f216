"""The one place where every room's tables meet: rooms declare theirs in ``records.py`` on this."""

from typing import Any, Final

from sqlalchemy import Column, Integer, MetaData, Table, Text, text
from sqlalchemy.ext.compiler import compiles

metadata: Final = MetaData(
    naming_convention={
        "ix": "%(column_0_label)s_index",
        "uq": "%(table_name)s_%(column_0_N_name)s_unique",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(column_0_name)s_reference",
        "pk": "%(table_name)s_key",
    }
)

clock_mark: Final = Table(
    "clock_mark",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", Integer, nullable=False),
)
"""The latest instant at which anything was written: a clock set back is noticed by it."""

writer_mark: Final = Table(
    "writer_mark",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("at", Integer, nullable=False),
)
"""The last transaction of each process that writes a database on a server: to look up a commit that is lost."""


def where(condition: str) -> dict[str, Any]:
    """Return what makes an index a partial one on every engine."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


@compiles(Integer, "postgresql")
def _as_wide_as_in_sqlite(_type: Integer, _compiler: object, **_: object) -> str:
    """An instant may be 253402300799, the end of the year 9999."""
    return "BIGINT"


@compiles(Text, "postgresql")
def _in_the_order_of_octets(_type: Text, _compiler: object, **_: object) -> str:
    """Lists and pages are in the same order on every engine, whatever locale a database was made with."""
    return 'TEXT COLLATE "C"'
