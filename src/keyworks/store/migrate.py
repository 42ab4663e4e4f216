"""The schema's versions. Alembic is imported here alone: it is heavy, and needed once per upgrade.

A version is added with ``alembic revision --autogenerate`` on an upgraded database; the tests compare what the
versions make with what the rooms declare, on every engine.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import Table

from keyworks.errors import OperatorError
from keyworks.store.engine import NO_PARAMETERS, Transaction
from keyworks.store.file import check_exists, unusable
from keyworks.store.location import Location, PostgreSQLServer, SQLiteFile
from keyworks.store.sqlite import is_busy, translated
from keyworks.store.statement import Compiled, Statement

if TYPE_CHECKING:
    from sqlalchemy import Connection

_T = TypeVar("_T")
_Item = TypeVar("_Item")

HEAD: Final = "0008"
"""The version this code works with."""

NONE: Final = "none"
"""The version of a database that is none of ours yet."""

_VERSION: Final = "SELECT version_num FROM alembic_version"


def migrate(location: Location, also: Callable[[Transaction], None] = lambda _: None) -> None:
    """Create a database's tables, or bring them to the present version: all steps, or none where one fails.

    Args:
        location: Of the database.
        also: Works in the same transaction, on the present tables.

    Raises:
        OperatorError: It is no database, a damaged one, or a newer release's.
        Unavailable: It cannot be reached.
        InternalError: A step failed; the database is as it was.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    folder = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    try:
        with _changing(location) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            also(_Changing(connection))
    except CommandError as error:
        raise OperatorError(f"{location} was made by a newer release than this one; use that.") from error


class _Changing(Transaction):
    """The transaction that changes tables, for statements like anybody's."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    def _compiled(self, statement: Statement) -> Compiled:
        return statement.sqlite if self._connection.dialect.name == "sqlite" else statement.postgresql

    def execute(
        self, statement: Statement, parameters: Mapping[str, Any] = NO_PARAMETERS
    ) -> list[tuple[Any, ...]]:
        """Execute one statement and return all its rows."""
        compiled = self._compiled(statement)
        result = self._connection.exec_driver_sql(compiled.text, dict(compiled.bind(parameters)))
        return [tuple(row) for row in result] if result.returns_rows else []

    def execute_many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute one statement for each row of parameters."""
        for row in rows:
            self.execute(statement, row)

    def together(self, work: Callable[[Transaction, _Item], _T], items: Sequence[_Item]) -> list[_T]:
        """Return what ``work`` returns for each item, one after the other."""
        return [work(self, item) for item in items]


def remove_tables(location: Location, tables: Sequence[Table]) -> None:
    """Remove tables from a database, with all that is in them: of an installation never finished.

    Args:
        location: Of the database.
        tables: All that it has.

    Raises:
        Unavailable: It cannot be reached.
    """
    with _changing(location) as connection:
        for one in reversed(tables):
            one.drop(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")


@contextmanager
def alone(location: PostgreSQLServer) -> Iterator[None]:
    """Keep others from making an installation in a database until the block ends.

    Raises:
        OperatorError: Somebody does.
        Unavailable: It cannot be reached.
    """
    from keyworks.store.postgresql.schema import holding

    with holding(location) as held:
        if not held:
            raise OperatorError(f"Somebody makes an installation in {location} just now; nothing was changed.")
        yield


def is_empty(location: PostgreSQLServer, tables: Sequence[Table]) -> bool:
    """Return whether a database of the present version has no rows: whoever made its tables came no further.

    Args:
        location: Of the database.
        tables: All that it has.

    Raises:
        Unavailable: It cannot be reached.
    """
    from keyworks.store.postgresql.schema import has_rows

    return version_of(location) == HEAD and not has_rows(location, [one.name for one in tables])


@contextmanager
def _changing(location: Location) -> Iterator["Connection"]:
    """Yield a connection in a transaction that nobody else writes beside."""
    if isinstance(location, SQLiteFile):
        with _changing_file(location.path) as connection:
            yield connection
    else:
        from keyworks.store.postgresql.schema import changing

        with changing(location) as connection:
            yield connection


@contextmanager
def _changing_file(path: Path) -> Iterator["Connection"]:
    from sqlalchemy import URL, create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    # The driver by itself would commit after each statement that changes the schema.
    engine = create_engine(
        URL.create("sqlite", database=str(path)), poolclass=NullPool, connect_args={"isolation_level": None}
    )
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()
    except DBAPIError as error:
        raise (translated(error.orig) if isinstance(error.orig, sqlite3.Error) else error) from error


def version_of(location: Location) -> str:
    """Return a database's schema version.

    Raises:
        OperatorError: There is no database, or it is none of ours, or the system does not let it be used.
        Unavailable: It is busy, or cannot be reached.
    """
    if isinstance(location, PostgreSQLServer):
        from keyworks.store.postgresql.schema import version

        return version(location, _VERSION) or NONE
    check_exists(location.path)
    try:
        with closing(sqlite3.connect(location.path)) as connection:
            rows = connection.execute(_VERSION).fetchall()
    except sqlite3.Error as error:
        raise (translated(error) if is_busy(error) else unusable(location.path, error)) from error
    return str(rows[0][0]) if rows else NONE


def check_version(location: Location) -> None:
    """Refuse a database of another version than this code's.

    Raises:
        OperatorError: There is none, or it has to be upgraded first, or is newer than the code.
        Unavailable: It is busy, or cannot be reached.
    """
    found = version_of(location)
    if found == NONE and isinstance(location, PostgreSQLServer):
        raise OperatorError(f"There is no installation in {location}; correct database.url in keyworks.toml.")
    if found != HEAD:
        raise OperatorError(
            f"{location} has schema version {found}, this release works with {HEAD}; run `keyworks upgrade` "
            "with the newer of both releases."
        )
