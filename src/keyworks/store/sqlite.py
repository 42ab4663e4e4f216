"""SQLite as the engine: connections, and what its errors mean."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from keyworks.errors import InternalError, KeyworksError, OperatorError, Unavailable
from keyworks.store.file import check_exists, unusable

_CACHED_STATEMENTS: Final = 512

_OPENING_SECONDS: Final = 5.0
"""How long opening may wait for a process that is just closing the database or putting it in order."""

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_NO_ROOM: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY})


def connect(path: Path) -> sqlite3.Connection:
    """Open a database that exists.

    WAL lets readers go on while one writes; FULL makes every commit durable before it returns. Waiting for a
    lock is the engine's business, asynchronously, because waiting in SQLite would stall the event loop.

    Raises:
        OperatorError: There is no database, or it is not one, or the system does not let it be used.
        Unavailable: It is busy.
    """
    return _opened(path, _prepare)


def connect_to_look(path: Path) -> sqlite3.Connection:
    """Open a database that exists, for a connection that can change nothing, nor how it is stored.

    Where this process may write at all, SQLite may too: it puts away files of its own when it closes, which it
    would leave behind otherwise.

    Raises:
        OperatorError: There is no database, or it is not one, or the system does not let it be used.
        Unavailable: It is busy.
    """
    return _opened(path, _prepare_to_look, writing=os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _opened(
    path: Path, prepare: Callable[[sqlite3.Connection], None], *, writing: bool = True
) -> sqlite3.Connection:
    check_exists(path)
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'rw' if writing else 'ro'}",
            uri=True,
            isolation_level=None,
            cached_statements=_CACHED_STATEMENTS,
            timeout=_OPENING_SECONDS,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise unusable(path, error) from error
    try:
        prepare(connection)
    except sqlite3.Error as error:
        connection.close()
        raise (translated(error) if is_busy(error) else unusable(path, error)) from error
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    [(mode,)] = connection.execute("PRAGMA journal_mode=WAL").fetchall()
    if mode != "wal":
        connection.close()
        raise OperatorError(
            "The file system of the database cannot share memory between processes, as a network share cannot; "
            "move the database to a local disk."
        )
    _set(connection)


def _prepare_to_look(connection: sqlite3.Connection) -> None:
    _set(connection)
    connection.execute("PRAGMA query_only=ON")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchall()  # only now the file is opened


def _set(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA busy_timeout=0")


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether another process holds the lock just now."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY


def translated(error: sqlite3.Error) -> KeyworksError:
    """Return an error of ours that says what the driver's means."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _BUSY:
        return Unavailable("The database is busy; ask again.", private=str(error))
    if code in _NO_ROOM:
        return Unavailable(
            "The database cannot be written; the operator has to look at the disk.", private=str(error)
        )
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return OperatorError("The database file is damaged or is no database; restore it from a backup.")
    if code == sqlite3.SQLITE_CANTOPEN:
        return OperatorError("The database file cannot be opened; check its path and permissions.")
    return InternalError("The database refused a statement.", private=f"{os.getpid()}: {error}")
