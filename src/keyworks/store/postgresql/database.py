"""A PostgreSQL database as one process uses it.

Reads that are asked for together travel together. Whatever writes takes one lock of the whole database first:
so all that the rooms decide in a transaction (who owns a key, how far a quota has been used) is decided one
after the other, as in SQLite.

A connection that is lost in a COMMIT leaves open what became of it. The server's own numbers of transactions do
not tell: after a crash or a failover they are given again. So each transaction numbers itself, in a row of its
process, and whether that is there is looked up, under the lock that the transaction would still hold.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from keyworks.errors import DatabaseLost, InternalError, KeyworksError, Unavailable
from keyworks.store.engine import NO_PARAMETERS, Database, Transaction
from keyworks.store.location import PostgreSQLServer
from keyworks.store.postgresql.connection import BUSY, WRITE_LOCK, Connection, connect, translated
from keyworks.store.postgresql.round import Query, run_round, run_together
from keyworks.store.statement import Statement
from keyworks.store.switching import switched

_T = TypeVar("_T")
_Item = TypeVar("_Item")

_RETRY_SECONDS: Final = 0.5
"""After an attempt to connect that failed, the next one is made no sooner; until then everything is refused."""

_FATE_SECONDS: Final = 8.0
_FATE_PAUSE: Final = 0.1
_READERS: Final = 2
_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
"""Whatever the server's default is: an older snapshot than the lock would not see what was decided before."""

_LOCK: Final = "SELECT pg_advisory_xact_lock(%s)"
_MARK: Final = """
    INSERT INTO writer_mark (id, number, at) VALUES (%s, %s, extract(epoch FROM now())::bigint)
    ON CONFLICT (id) DO UPDATE SET number = EXCLUDED.number, at = EXCLUDED.at
"""
_FORGET: Final = "DELETE FROM writer_mark WHERE at < extract(epoch FROM now())::bigint - 7 * 86400"
_MARKED: Final = "SELECT number FROM writer_mark WHERE id = %s"
_END_IDLE: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (classid::bigint << 32) | objid::bigint = %s
    AND (state LIKE 'idle in transaction%%' OR (state = 'active' AND wait_event = 'ClientRead'))
    AND state_change < clock_timestamp() - current_setting('idle_in_transaction_session_timeout')::interval
"""


class _OwnTransaction(Transaction):
    """What a write function works with."""

    __slots__ = ("_connection", "_cursor")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor(binary=True)

    def execute(
        self, statement: Statement, parameters: Mapping[str, Any] = NO_PARAMETERS
    ) -> list[tuple[Any, ...]]:
        """Execute one statement and return all its rows."""
        compiled = statement.postgresql
        cursor = self._cursor.execute(compiled.text, compiled.bind(parameters))
        return cursor.fetchall() if cursor.description is not None else []

    def execute_many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute one statement for each row of parameters, in one journey."""
        compiled = statement.postgresql
        self._cursor.executemany(compiled.text, [compiled.bind(row) for row in rows])

    def together(self, work: Callable[[Transaction, _Item], _T], items: Sequence[_Item]) -> list[_T]:
        """Return what ``work`` returns for each item, each step of all in one journey."""
        if len(items) == 1:
            return [work(self, items[0])]
        return run_together(self._connection, work, items)


@dataclass(slots=True, eq=False)
class _Reader:
    """A place for a round: its connection, once there is one."""

    connection: Connection | None = None


class PostgreSQLDatabase(Database):
    """A database on a server, as one process uses it. Connections are made when they are needed, and again.

    Args:
        location: Where it is.
        looks: Whether it is for looking only.
    """

    def __init__(self, location: PostgreSQLServer, *, looks: bool = False) -> None:
        self.snapshots = 0
        self._location = location
        self._looks = looks
        self._asked: dict[Callable[[Transaction], Any], Query] = {}
        self._readers = [_Reader() for _ in range(_READERS)]
        self._rounds: set[asyncio.Task[None]] = set()
        self._starts = False
        self._writer: Connection | None = None
        self._process = secrets.token_hex(16)
        self._number = 0
        self._refused_until = 0.0

    async def read(self, query: Callable[[Transaction], _T]) -> _T:
        """Return what ``query`` reads, together with all queries of this turn of the event loop.

        The same query is asked once for all who ask for it together.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()
        self._asked.setdefault(query, Query(query)).futures.append(future)
        if not self._starts:
            self._starts = True
            loop.call_soon(self._start_round)
        return await future

    def _start_round(self) -> None:
        """Take along whatever is asked for, if a connection is free; otherwise it goes with the next one."""
        self._starts = False
        if self._asked and self._readers:
            asked, self._asked = list(self._asked.values()), {}
            self.snapshots += 1
            task = asyncio.get_running_loop().create_task(self._round(asked, self._readers.pop()))
            self._rounds.add(task)
            task.add_done_callback(self._rounds.discard)

    async def _round(self, asked: list[Query], reader: _Reader) -> None:
        try:
            await self._answer(asked, reader)
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever asked gets it
            for one in asked:
                if not one.answered:
                    one.end(None, error)
        finally:
            self.snapshots += 1
            self._readers.append(reader)
            self._start_round()

    async def _answer(self, asked: list[Query], reader: _Reader) -> None:
        """Answer queries; where the connection turns out to be lost, on a new one."""
        for last in (False, True):
            connection = reader.connection = reader.connection or await self._connect(looks=True)
            try:
                await switched(run_round, connection, asked)
            except psycopg.Error as error:
                answers = await _undone(connection)
                _give_up(connection)
                reader.connection = None
                if answers and not isinstance(error, BUSY):
                    await self._apart(asked, reader, error)
                    return
                if answers or last:
                    raise translated(error) from error
            else:
                return

    async def _apart(self, asked: list[Query], reader: _Reader, error: psycopg.Error) -> None:
        """Answer each query by itself: which one it was that the server refused, nobody knows."""
        if len(asked) == 1:
            raise translated(error) from error
        for one in asked:
            try:
                await self._answer([one], reader)
            except KeyworksError as own:
                one.end(None, own)

    async def _connect(self, *, looks: bool) -> Connection:
        """Return a new connection; where one was just refused, say so at once.

        Raises:
            Unavailable: There is no server now, or it refuses.
        """
        if time.monotonic() < self._refused_until:
            raise DatabaseLost("The database cannot be reached; ask again.")
        try:
            return await asyncio.to_thread(connect, self._location, looks=looks)
        except psycopg.Error as error:
            self._refused_until = time.monotonic() + _RETRY_SECONDS
            raise translated(error) from error

    async def begin(self) -> None:
        """Take the write lock of the whole database, in the order in which it was asked for."""
        for last in (False, True):
            connection = self._writer = self._writer or await self._connect(looks=self._looks)
            try:
                self._number += 1
                await switched(_begin, connection, self._process, self._number)
            except psycopg.Error as error:
                answers = await _undone(connection)
                ended = answers and await self._end_idle(connection)
                _give_up(connection)
                self._writer = None
                if last or (answers and not ended):
                    raise translated(error) from error
            else:
                return

    async def _end_idle(self, connection: Connection) -> bool:
        """End the session of a node that stands still with the lock; return whether there was one.

        The server's own time limit would do it, but for the flush requests with which the driver ends a
        pipeline: after one of them PostgreSQL does not count the time.
        """
        try:
            return bool(await switched(_end_idle, connection))
        except psycopg.Error:
            return False

    async def run(self, work: Callable[[Transaction], _T]) -> _T:
        """Return what ``work`` returns."""
        connection = self._own_writer
        try:
            return await switched(work, _OwnTransaction(connection))
        except psycopg.Error as error:
            raise translated(error) from error

    @property
    def _own_writer(self) -> Connection:
        if self._writer is None:
            raise InternalError("A transaction goes on that has not begun.")
        return self._writer

    async def commit(self) -> None:
        """Commit: when it returns, it is durable, on a synchronous standby too where there is one."""
        connection = self._own_writer
        try:
            await switched(connection.execute, "COMMIT")
        except psycopg.Error as error:
            await self.roll_back()
            if self._writer is not None:
                raise translated(error) from error
            await self._find_fate(error)
        self.snapshots += 1

    async def _find_fate(self, lost: psycopg.Error) -> None:
        """Return if the transaction was committed whose connection was lost.

        Raises:
            Unavailable: It was not, or nobody can say now. Whoever asks the same again gets the right answer.
        """
        ends = time.monotonic() + _FATE_SECONDS
        while time.monotonic() < ends:
            try:
                connection = self._writer = self._writer or await self._connect(looks=False)
                found = await switched(_is_marked, connection, self._process, self._number)
            except (Unavailable, psycopg.Error):
                await self.roll_back()
                if self._writer is not None:  # whoever has the lock may be what is left of the lost connection
                    await self._end_idle(self._writer)
                await asyncio.sleep(_FATE_PAUSE)
                continue
            if found:
                return
            break
        raise DatabaseLost("The database cannot be reached; ask again.", private=str(lost)) from lost

    async def roll_back(self) -> None:
        """Undo what was written; a connection on which the server has refused something is given up."""
        connection = self._writer
        if connection is None:
            return
        refused = connection.info.transaction_status is TransactionStatus.INERROR
        if not await _undone(connection) or refused:
            _give_up(connection)
            self._writer = None

    async def close(self) -> None:
        """Let what is asked for be answered, and close the connections."""
        while self._rounds:
            await asyncio.wait(self._rounds)
        for connection in (*(reader.connection for reader in self._readers), self._writer):
            if connection is not None:
                connection.close()


def _give_up(connection: Connection) -> None:
    """Close a connection on which something was refused.

    The driver may take a statement for prepared that an aborted pipeline never brought to the server, and then
    everybody who comes with it is refused, for as long as the connection lasts.
    """
    connection.close()


async def _undone(connection: Connection) -> bool:
    """End a transaction that failed; return whether the server answers, and close the connection if not."""
    try:
        if not connection.closed:
            await switched(connection.execute, "ROLLBACK")
    except psycopg.Error:
        connection.close()
    return not connection.closed


def _end_idle(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(_END_IDLE, [WRITE_LOCK]).fetchall()


def _begin(connection: Connection, process: str, number: int) -> None:
    """Begin, lock, and say which transaction it is: one journey."""
    with connection.pipeline():
        connection.execute(_BEGIN)
        connection.execute(_LOCK, [WRITE_LOCK])
        connection.execute(_MARK, [process, number])
        if number == 1:
            connection.execute(_FORGET)


def _is_marked(connection: Connection, process: str, number: int) -> bool:
    """Return whether a transaction was committed: nobody who might still do it has the lock."""
    with connection.pipeline():
        connection.execute(_BEGIN)
        connection.execute(_LOCK, [WRITE_LOCK])
        cursor = connection.execute(_MARKED, [process])
        connection.execute("ROLLBACK")
    return any(int(found) >= number for (found,) in cursor.fetchall())
