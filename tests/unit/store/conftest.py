"""Both engines, for what has to be true on either."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from keyworks.store.location import Location, SQLiteFile
from keyworks.testing import Databases
from keyworks.testing.postgresql import ServerDatabases

IMPATIENT = "&options=-c%20lock_timeout%3D200ms%20-c%20idle_in_transaction_session_timeout%3D400ms"
"""Of a server: how long it lets us wait, and stand still."""


def beside(location: Location, statement: str) -> list[tuple[Any, ...]]:
    """Execute a statement on a connection of its own, durably, and return its rows."""
    connect: Any = sqlite3.connect if isinstance(location, SQLiteFile) else psycopg.connect
    with closing(connect(location.path if isinstance(location, SQLiteFile) else location.url)) as connection:
        cursor = connection.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
        connection.commit()
        return list(rows)


_TABLE = "CREATE TABLE note (id {} PRIMARY KEY, text TEXT UNIQUE)"


@pytest.fixture
def file(tmp_path: Path) -> SQLiteFile:
    """A file with one small table beside the rooms' own."""
    file = Databases().empty(tmp_path)
    beside(file, _TABLE.format("INTEGER"))
    assert isinstance(file, SQLiteFile)
    return file


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Location]:
    """A database of a server with one small table beside the rooms' own."""
    servers: ServerDatabases = request.getfixturevalue("servers")
    location = servers.empty(tmp_path)
    beside(location, _TABLE.format("BIGSERIAL"))
    yield type(location)(location.url + IMPATIENT)
    servers.forget()


@pytest.fixture(params=["file", "server"])
def location(request: pytest.FixtureRequest) -> Location:
    """Either."""
    found: Location = request.getfixturevalue(request.param)
    return found
