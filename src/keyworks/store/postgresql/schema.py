"""The tables of a PostgreSQL database: their version, and a transaction that changes them."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Final

import psycopg
from psycopg import errors as refusals
from psycopg import sql
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from keyworks.store.location import PostgreSQLServer
from keyworks.store.postgresql.connection import WRITE_LOCK, connect, translated

_HOLD: Final = "SELECT pg_try_advisory_lock(%s)"
_ALONE: Final = "SELECT pg_advisory_xact_lock(%s)"


def version(location: PostgreSQLServer, query: str) -> str | None:
    """Return what ``query`` says is the version; ``None`` where there are no tables of ours.

    Raises:
        OperatorError: The server refuses.
        Unavailable: It cannot be reached.
    """
    try:
        with closing(connect(location, looks=True)) as connection:
            rows = connection.execute(query).fetchall()
    except refusals.UndefinedTable:
        return None
    except psycopg.Error as error:
        raise translated(error) from error
    return str(rows[0][0]) if rows else None


@contextmanager
def holding(location: PostgreSQLServer) -> Iterator[bool]:
    """Yield whether this process is the one that makes an installation in a database, until the block ends.

    Raises:
        KeyworksError: The server cannot be reached.
    """
    try:
        connection = connect(location)
    except psycopg.Error as error:
        raise translated(error) from error
    with closing(connection):
        [(held,)] = connection.execute(_HOLD, (WRITE_LOCK + 1,)).fetchall()
        yield bool(held)


def has_rows(location: PostgreSQLServer, tables: Sequence[str]) -> bool:
    """Return whether one of some tables has rows.

    Raises:
        KeyworksError: The server cannot be reached.
    """
    some = [sql.SQL("EXISTS (SELECT 1 FROM {})").format(sql.Identifier(one)) for one in tables]
    try:
        with closing(connect(location, looks=True)) as connection:
            [(found,)] = connection.execute(sql.SQL("SELECT {}").format(sql.SQL(" OR ").join(some))).fetchall()
    except psycopg.Error as error:
        raise translated(error) from error
    return bool(found)


@contextmanager
def changing(location: PostgreSQLServer) -> Iterator[Connection]:
    """Yield a connection in a transaction that nobody writes beside.

    Raises:
        KeyworksError: A step failed, or the server cannot be reached; the database is as it was.
    """

    def opened() -> psycopg.Connection[tuple[object, ...]]:
        connection = connect(location, patient=True)
        connection.autocommit = False
        return connection

    engine = create_engine("postgresql+psycopg://", creator=opened, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(_ALONE, (WRITE_LOCK,))
            yield connection
            connection.commit()
    except psycopg.Error as error:
        raise translated(error) from error
    except DBAPIError as error:
        raise (translated(error.orig) if isinstance(error.orig, psycopg.Error) else error) from error
