"""The one place where every room's tables meet: rooms declare theirs in ``records.py`` on this."""

from typing import Final

from sqlalchemy import Column, Integer, MetaData, Table

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
    Column("id", Integer, primary_key=True),
    Column("at", Integer, nullable=False),
)
"""The latest instant at which anything was written: a clock set back is noticed by it."""
