"""SQLite: a database in one file, its connections, and what its errors mean.

The commit itself runs in the event loop: handing it to a thread and back cost more than the wait on the disks
we measured.
"""

import asyncio
import os
import random
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from keyworks.errors import InternalError, KeyworksError, OperatorError, Unavailable
from keyworks.store.engine import NO_PARAMETERS, Database, Transaction
from keyworks.store.file import DatabaseFile, check_exists, unusable
from keyworks.store.statement import Statement

_T = TypeVar("_T")
_Item = TypeVar("_Item")

ATTEMPTS: Final = 2400
"""Tries to get the database while others hold it: about five seconds, so that a busy one still lets each in."""

_LONGEST_PAUSE: Final = 0.002
"""A try costs ten microseconds; with pauses of up to 20 ms, two workers issued 15 % less, and some waited."""

_CACHED_STATEMENTS: Final = 512

_OPENING_SECONDS: Final = 5.0
"""How long opening may wait for a process that is just closing the database or putting it in order."""

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_NO_ROOM: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY})


class SQLiteTransaction(Transaction):
    """What works on a connection that has begun."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(
        self, statement: Statement, parameters: Mapping[str, Any] = NO_PARAMETERS
    ) -> list[tuple[Any, ...]]:
        """Execute one statement and return all its rows."""
        compiled = statement.sqlite
        return self._connection.execute(compiled.text, compiled.bind(parameters)).fetchall()

    def execute_many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute one statement for each row of parameters."""
        compiled = statement.sqlite
        self._connection.executemany(compiled.text, [compiled.bind(row) for row in rows])

    def together(self, work: Callable[[Transaction, _Item], _T], items: Sequence[_Item]) -> list[_T]:
        """Return what ``work`` returns for each item, one after the other: nothing is far away here."""
        return [work(self, item) for item in items]


class SQLiteDatabase(Database):
    """One file, opened by one process; others may have it open too.

    Args:
        path: The file; it exists and has the present schema.
        attempts: How often to try while other processes hold the database.
        reads: Whether it is for looking only: nothing can be written, and nothing of the file changes.

    Raises:
        OperatorError: There is none, or it cannot be used; the sentence says why.
    """

    def __init__(self, path: Path, attempts: int = ATTEMPTS, *, reads: bool = False) -> None:
        self.snapshots = 0
        self._attempts = attempts
        # One connection, because a second one would forget its pages whenever the first writes. Reads and
        # writes do not mix all the same: nothing is awaited between a write's beginning and its end.
        self._file = DatabaseFile(path)
        self._connection = (connect_to_look if reads else connect)(path)
        self._transaction = SQLiteTransaction(self._connection)
        self._closed = False

    async def read(self, query: Callable[[Transaction], _T]) -> _T:
        """Return what ``query`` reads, from the snapshot of this turn of the event loop."""
        attempt = 0
        while True:
            try:
                return self._read_once(query)
            except sqlite3.Error as error:
                # Readers do not wait for writers, but for whoever puts the log in order after a crash.
                if not is_busy(error):
                    raise translated(error) from error
            await self._pause(attempt)
            attempt += 1

    def _read_once(self, query: Callable[[Transaction], _T]) -> _T:
        if not self._connection.in_transaction:
            self._file.check()
            self._connection.execute("BEGIN")
            asyncio.get_running_loop().call_soon(self._end_snapshot)
        changes = self._connection.total_changes
        try:
            result = query(self._transaction)
        except sqlite3.Error:
            self._end_snapshot()
            raise
        if self._connection.total_changes != changes:
            self._end_snapshot()
            raise InternalError("A query wrote, which only a write function may; nothing of it is kept.")
        return result

    def _end_snapshot(self) -> None:
        self.snapshots += 1
        if not self._closed and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    async def begin(self) -> None:
        """Take the write lock, waiting without blocking the loop while another process holds it."""
        attempt = 0
        while True:
            self._end_snapshot()
            self._file.check()
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                if not is_busy(error):
                    raise translated(error) from error
            else:
                return
            await self._pause(attempt)
            attempt += 1

    async def _pause(self, attempt: int) -> None:
        """Wait after a failed attempt: longer and longer, out of step with other processes, not for ever."""
        if attempt + 1 >= self._attempts:
            raise Unavailable("The database is busy; ask again.")
        pause = min(_LONGEST_PAUSE, 0.001 * 2 ** min(attempt, 8))
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret

    async def run(self, work: Callable[[Transaction], _T]) -> _T:
        """Return what ``work`` returns."""
        try:
            return work(self._transaction)
        except sqlite3.Error as error:
            raise translated(error) from error

    async def commit(self) -> None:
        """Commit: when it returns, what was written is on the disk."""
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise translated(error) from error
        self._end_snapshot()

    async def roll_back(self) -> None:
        """Undo what was written, unless SQLite has done so by itself."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    async def close(self) -> None:
        """Close the file."""
        self._closed = True
        self._connection.close()


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
