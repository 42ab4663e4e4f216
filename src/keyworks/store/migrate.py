"""The schema's versions. Alembic is imported here alone: it is heavy, and needed once per upgrade.

A version is added with ``alembic revision --autogenerate`` on an upgraded database; the tests compare what the
versions make with what the rooms declare, on every engine.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keyworks.errors import OperatorError
from keyworks.store.file import check_exists, unusable
from keyworks.store.location import Location, PostgreSQLServer, SQLiteFile
from keyworks.store.schema import metadata
from keyworks.store.sqlite import is_busy, translated

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD: Final = "0007"
"""The version this code works with."""

NONE: Final = "none"
"""The version of a database that is none of ours yet."""

_VERSION: Final = "SELECT version_num FROM alembic_version"


def migrate(location: Location) -> None:
    """Create a database's tables, or bring them to the present version: all steps, or none where one fails.

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
    except CommandError as error:
        raise OperatorError(f"{location} was made by a newer release than this one; use that.") from error


def remove_tables(location: Location) -> None:
    """Remove every table of ours from a database, with all that is in them: of an installation never finished.

    Raises:
        Unavailable: It cannot be reached.
    """
    with _changing(location) as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")


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
