"""The schema's versions. Alembic is imported here alone: it is heavy, and needed once per upgrade.

A version is added with ``alembic revision --autogenerate`` on an upgraded database; the tests compare what the
versions make with what the rooms declare.
"""

import sqlite3
from pathlib import Path
from typing import Final

from keyworks.errors import OperatorError

HEAD: Final = "0001"
"""The version this code works with."""


def migrate(file: Path) -> None:
    """Create a database, or bring it to the present version."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    engine = create_engine(f"sqlite:///{file}", poolclass=NullPool)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_version(file: Path) -> None:
    """Refuse a database of another version than this code's.

    Raises:
        OperatorError: There is none, or it has to be upgraded first, or is newer than the code.
    """
    if not file.exists():
        raise OperatorError(f"There is no database {file}; create the installation with `keyworks init`.")
    connection = sqlite3.connect(file)
    try:
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error as error:
        raise OperatorError(f"{file} is no Keyworks database, or it is damaged.") from error
    finally:
        connection.close()
    if rows != [(HEAD,)]:
        found = rows[0][0] if rows else "none"
        raise OperatorError(
            f"{file} has schema version {found}, this release works with {HEAD}; run `keyworks upgrade` "
            "with the newer of both releases."
        )
