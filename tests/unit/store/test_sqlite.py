"""SQLite as the engine: how connections are set, and what its errors mean."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from keyworks.errors import InternalError, KeyworksError, OperatorError, Unavailable
from keyworks.store.sqlite import _prepare, connect, connect_to_look, is_busy, translated

FULL: Final = 2


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "some.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    connection.execute("CREATE TABLE child (parent_id INTEGER REFERENCES parent (id))")
    connection.close()
    return file


@pytest.fixture
def connection(file: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(file)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", FULL), ("foreign_keys", 1), ("busy_timeout", 0)],
)
def test_connections_are_durable_and_never_block(
    connection: sqlite3.Connection, pragma: str, value: object
) -> None:
    assert connection.execute(f"PRAGMA {pragma}").fetchall() == [(value,)]


def test_a_reference_to_nothing_is_refused(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO child VALUES (1)")


def test_a_database_is_never_created_silently(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="There is no database"):
        connect(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_told_to_the_operator(tmp_path: Path) -> None:
    file = tmp_path / "text.db"
    file.write_bytes(b"No database at all. " * 100)
    with pytest.raises(OperatorError, match="is no Keyworks database"):
        connect(file)


def test_a_folder_is_told_to_the_operator(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="Is a directory"):
        connect(tmp_path)


def test_a_place_where_processes_cannot_share_memory_is_refused() -> None:
    """A database in memory keeps its own journal mode, as a network share does."""
    with pytest.raises(OperatorError, match="local disk"):
        _prepare(sqlite3.connect(":memory:"))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY, Unavailable),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Unavailable),
        (sqlite3.SQLITE_LOCKED, Unavailable),
        (sqlite3.SQLITE_FULL, Unavailable),
        (sqlite3.SQLITE_IOERR_FSYNC, Unavailable),
        (sqlite3.SQLITE_READONLY_DIRECTORY, Unavailable),
        (sqlite3.SQLITE_CORRUPT_INDEX, OperatorError),
        (sqlite3.SQLITE_NOTADB, OperatorError),
        (sqlite3.SQLITE_CANTOPEN, OperatorError),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, InternalError),
        (sqlite3.SQLITE_ERROR, InternalError),
    ],
)
def test_each_failure_has_a_cause_of_ours(code: int, kind: type[KeyworksError]) -> None:
    """Extended result codes count as the primary code in their low octet."""
    error = sqlite3.OperationalError("what the driver says")
    error.sqlite_errorcode = code
    assert type(translated(error)) is kind
    assert "what the driver says" not in translated(error).detail


def test_only_a_lock_is_worth_trying_again() -> None:
    busy, full = sqlite3.OperationalError("busy"), sqlite3.OperationalError("full")
    busy.sqlite_errorcode, full.sqlite_errorcode = sqlite3.SQLITE_BUSY_RECOVERY, sqlite3.SQLITE_FULL
    assert is_busy(busy)
    assert not is_busy(full)
    assert not is_busy(sqlite3.ProgrammingError("no code at all"))


def test_a_connection_to_look_writes_nothing_and_leaves_nothing_behind(file: Path) -> None:
    before = file.read_bytes()
    with closing(connect_to_look(file)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("CREATE TABLE anything (id INTEGER)")
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_connection_to_look_sees_what_another_one_writes(file: Path, connection: sqlite3.Connection) -> None:
    with closing(connect_to_look(file)) as other:
        connection.execute("CREATE TABLE anything (id INTEGER)")
        assert other.execute("SELECT count(*) FROM anything").fetchall() == [(0,)]
