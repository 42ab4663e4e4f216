"""Copying a database from a file to a server, row by row, while nobody writes the file."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import Table

from keyworks.errors import InternalError
from keyworks.store import sqlite
from keyworks.store.location import PostgreSQLServer
from keyworks.store.postgresql.connection import connect, translated

_TABLES: Final = """
    SELECT name FROM sqlite_master
    WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND name != 'alembic_version'
"""


@contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection to a file that nobody else writes until the end.

    Raises:
        KeyworksError: Somebody writes it now, or it cannot be opened.
    """
    with closing(sqlite.connect(path)) as connection:
        try:
            # What is in the log beside the file comes into it, so that the file is whole by itself.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise sqlite.translated(error) from error
        yield connection
        connection.execute("ROLLBACK")


def copy_rows(
    source: sqlite3.Connection, target: PostgreSQLServer, tables: Sequence[Table]
) -> Mapping[str, int]:
    """Copy every row of every table, all of them or none; return how many each table has.

    Args:
        source: As ``locked`` yields it.
        target: Has the present schema, and no rows.
        tables: Every one of them.

    Raises:
        KeyworksError: The server cannot be reached, or refuses a row, or the file has another table; nothing
            was copied.
    """
    try:
        others = {name for (name,) in source.execute(_TABLES)} - {one.name for one in tables}
        if others:
            raise InternalError("The database has tables that this release does not know.", private=str(others))
        with closing(connect(target, patient=True)) as connection:
            connection.execute("BEGIN")
            copied = {table.name: _copy(source, connection, table) for table in tables}
            connection.execute("COMMIT")
    except psycopg.Error as error:
        raise translated(error) from error
    except sqlite3.Error as error:
        raise sqlite.translated(error) from error
    return copied


def _copy(source: sqlite3.Connection, connection: psycopg.Connection[Any], table: Table) -> int:
    names = [column.name for column in table.columns]
    listed = ", ".join(f'"{name}"' for name in names)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    count = 0
    with connection.cursor().copy(statement) as copy:
        for row in source.execute(f'SELECT {listed} FROM "{table.name}"'):  # noqa: S608 - our own names
            copy.write_row(row)
            count += 1
    return count
