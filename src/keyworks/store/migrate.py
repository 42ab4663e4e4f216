"""The schema's versions. Alembic is imported here alone: it is heavy, and needed once per upgrade.

A version is added with ``alembic revision --autogenerate`` on an upgraded database; the tests compare what the
versions make with what the rooms declare.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from keyworks.errors import OperatorError
from keyworks.store.file import check_exists, unusable
from keyworks.store.sqlite import is_busy, translated

HEAD: Final = "0006"
"""The version this code works with."""


def migrate(file: Path) -> None:
    """Create a database, or bring it to the present version: all steps, or none where one fails.

    Raises:
        OperatorError: The file is no database, a damaged one, or a newer release's.
        InternalError: A step failed; the database is as it was.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError
    from sqlalchemy import URL, create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    config = Config()
    location = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", location.replace("%", "%%"))
    # The driver by itself would commit after each statement that changes the schema.
    engine = create_engine(
        URL.create("sqlite", database=str(file)), poolclass=NullPool, connect_args={"isolation_level": None}
    )
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except CommandError as error:
        raise OperatorError(f"{file} was made by a newer release than this one; use that.") from error
    except DBAPIError as error:
        raise (translated(error.orig) if isinstance(error.orig, sqlite3.Error) else error) from error


def version_of(file: Path) -> str:
    """Return a database's schema version.

    Raises:
        OperatorError: There is no database, or the file is none of ours, or the system does not let it be used.
        Unavailable: It is busy.
    """
    check_exists(file)
    try:
        with closing(sqlite3.connect(file)) as connection:
            rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error as error:
        raise (translated(error) if is_busy(error) else unusable(file, error)) from error
    return str(rows[0][0]) if rows else "none"


def check_version(file: Path) -> None:
    """Refuse a database of another version than this code's.

    Raises:
        OperatorError: There is none, or it has to be upgraded first, or is newer than the code.
    """
    found = version_of(file)
    if found != HEAD:
        raise OperatorError(
            f"{file} has schema version {found}, this release works with {HEAD}; run `keyworks upgrade` "
            "with the newer of both releases."
        )
