"""The store: transactions, and the group commit through which everything is written.

A commit costs an fsync, whatever is in it. So writes that are submitted while the event loop is busy share one
transaction; a write that is alone is committed at once. The commit itself runs in the event loop: handing it to
a thread and back cost more than the wait on the disks we measured.
"""

import asyncio
import os
import random
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.sqlite import insert

from keyworks.errors import InternalError, KeyworksError, Unavailable
from keyworks.store import sqlite
from keyworks.store.clock import Clock
from keyworks.store.file import DatabaseFile
from keyworks.store.schema import clock_mark
from keyworks.store.statement import Statement

_T = TypeVar("_T")
_Item = TypeVar("_Item")
_Outcome = TypeVar("_Outcome")

MAX_GROUP: Final = 256
"""Writes in one transaction; more would make the first of them wait too long."""

ATTEMPTS: Final = 240
"""Tries to get the database while others hold it: about five seconds, so that a busy one still lets each in."""

_LONGEST_PAUSE: Final = 0.02
SET_BACK_SECONDS: Final = 60
"""How far the clock may run behind the last write before we refuse to write: NTP slews, it does not jump."""

_NO_PARAMETERS: Final[Mapping[str, Any]] = {}
_MARK: Final = Statement(select(clock_mark.c.at))
_set_mark: Final = insert(clock_mark).values(id=1, at=bindparam("at"))
_SET_MARK: Final = Statement(
    _set_mark.on_conflict_do_update(index_elements=[clock_mark.c.id], set_={"at": _set_mark.excluded.at})
)


class _Forks:
    """How often this process was forked since this module was loaded; asking for its id costs a system call."""

    count = 0

    def note(self) -> None:
        """Note that this is a new process."""
        self.count += 1


_forks: Final = _Forks()
os.register_at_fork(after_in_child=_forks.note)


class Transaction:
    """What a query or a write function works with."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(
        self, statement: Statement, parameters: Mapping[str, Any] = _NO_PARAMETERS
    ) -> list[tuple[Any, ...]]:
        """Execute one statement and return all its rows."""
        return self._connection.execute(statement.text, statement.bind(parameters)).fetchall()

    def execute_many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute one statement for each row of parameters."""
        self._connection.executemany(statement.text, [statement.bind(row) for row in rows])


@dataclass(slots=True, eq=False)
class _Write:
    """One submitted write, until its transaction is durable."""

    write: Callable[[Transaction, Sequence[Any]], Sequence[Any]]
    item: Any
    future: "asyncio.Future[Any]"


class Store:
    """A database, opened by one process.

    Args:
        path: The SQLite file; it exists and has the present schema.
        clock: For the high-water mark.
        attempts: How often to try while other processes hold the database.
        reads: Whether it is for looking only: nothing can be written, and nothing of the file changes.

    Attributes:
        snapshots: How many have ended. While the number stays, whatever was read would be read again.
    """

    def __init__(self, path: Path, clock: Clock, attempts: int = ATTEMPTS, *, reads: bool = False) -> None:
        self._clock = clock
        self._attempts = attempts
        # One connection, because a second one would forget its pages whenever the first writes. Reads and
        # writes do not mix all the same: nothing is awaited between a write's beginning and its end.
        self._file = DatabaseFile(path)
        self._connection = (sqlite.connect_to_look if reads else sqlite.connect)(path)
        self._transaction = Transaction(self._connection)
        self._forks = _forks.count
        self._waiting: list[_Write] = []
        self.snapshots = 0
        self._committer: asyncio.Task[None] | None = None
        self._closed = False
        self._mark = 0
        self._corrects = False

    @classmethod
    def open(cls, path: Path, clock: Clock, attempts: int = ATTEMPTS) -> "Store":
        """Open the database in ``path``.

        Raises:
            OperatorError: There is none, or it cannot be used; the sentence says why.
        """
        return cls(path, clock, attempts)

    @classmethod
    def look(cls, path: Path, clock: Clock) -> "Store":
        """Open the database in ``path`` for looking only.

        Raises:
            OperatorError: There is none, or it cannot be used; the sentence says why.
        """
        return cls(path, clock, reads=True)

    async def read(self, query: Callable[[Transaction], _T]) -> _T:
        """Return what ``query`` reads from one consistent snapshot.

        All reads in one turn of the event loop share a snapshot, unless this store commits in between: what
        somebody here has written is always seen, what another process has written at the next turn.

        Args:
            query: It may run twice, so it must do nothing but read.

        Raises:
            Unavailable: The database is busy or gone.
            KeyworksError: What ``query`` raises, or what the database's failure means.
        """
        attempt = 0
        while True:
            self._check_usable()
            try:
                return self._read_once(query)
            except sqlite3.Error as error:
                # Readers do not wait for writers, but for whoever puts the log in order after a crash.
                if not sqlite.is_busy(error):
                    raise sqlite.translated(error) from error
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

    async def write(
        self, write: Callable[[Transaction, Sequence[_Item]], Sequence[_Outcome]], item: _Item
    ) -> _Outcome:
        """Write durably, and return the outcome once it is on disk.

        Args:
            write: Called with all items submitted for it in this group, in order; returns their outcomes.
                It may run twice, so it must do nothing but work with the transaction.
            item: What to write.

        Raises:
            Unavailable: The database is busy, full or gone, or the clock was set back; nothing was written.
            Exception: What ``write`` raises for this item alone; its group is written without it.
        """
        self._check_usable()
        future: asyncio.Future[_Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Write(write, item, future))
        if self._committer is None:
            self._committer = asyncio.create_task(self._commit_waiting())
        return await future

    async def correct_clock(
        self, write: Callable[[Transaction, Sequence[_Item]], Sequence[_Outcome]], item: _Item
    ) -> _Outcome:
        """Write as ``write`` does, however far the clock is behind; the present time becomes the last record's.

        Raises:
            Unavailable: The database is busy, full or gone; nothing was written.
        """
        self._mark, self._corrects = 0, True
        try:
            return await self.write(write, item)
        finally:
            self._corrects = False

    async def close(self) -> None:
        """Finish what was submitted, and close."""
        self._closed = True
        if self._committer is not None:
            await self._committer
        self._connection.close()

    def _check_usable(self) -> None:
        if self._closed:
            raise Unavailable("The store is closed; the server is stopping.")
        if self._forks != _forks.count:
            raise InternalError("A store does not survive a fork; open it in the child.")

    async def _commit_waiting(self) -> None:
        """Commit group after group until nothing waits; one task at a time."""
        try:
            # Whatever is ready to run may submit first; if nothing is, this costs one turn of the loop.
            await asyncio.sleep(0)
            while self._waiting:
                group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
                await self._commit(group)
                await asyncio.sleep(0)
        finally:
            self._committer = None

    async def _commit(self, group: list[_Write]) -> None:
        try:
            await self._begin()
        except KeyworksError as error:
            _fail(group, error)
            return
        try:
            outcomes = self._run(group)
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever submitted the write gets it
            self._roll_back()
            if len(group) == 1:
                _fail(group, sqlite.translated(error) if isinstance(error, sqlite3.Error) else error)
                return
            # Halves, not one by one: who submits what fails must not cost the others a commit each.
            middle = len(group) // 2
            await self._commit(group[:middle])
            await self._commit(group[middle:])
        else:
            self._end_snapshot()
            for one, outcome in zip(group, outcomes, strict=True):
                if not one.future.cancelled():
                    one.future.set_result(outcome)

    def _run(self, group: list[_Write]) -> list[Any]:
        """Run the writes of a group, those of one function together; return outcomes in submitted order."""
        tx = self._transaction
        self._keep_mark(tx)
        together: dict[Any, list[int]] = {}
        for place, one in enumerate(group):
            together.setdefault(one.write, []).append(place)
        outcomes: list[Any] = [None] * len(group)
        for write, places in together.items():
            found = write(tx, [group[place].item for place in places])
            for place, outcome in zip(places, found, strict=True):
                outcomes[place] = outcome
        return outcomes

    async def _begin(self) -> None:
        """Take the write lock, waiting without blocking the loop while another process holds it."""
        attempt = 0
        while True:
            self._end_snapshot()
            self._file.check()
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                if not sqlite.is_busy(error):
                    raise sqlite.translated(error) from error
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

    def _keep_mark(self, tx: Transaction) -> None:
        """Notice a clock that was set back: times and serial numbers would lie."""
        now = self._clock.now()
        if now == self._mark:
            return
        mark = clock_mark_of(tx)
        if now < mark - SET_BACK_SECONDS and not self._corrects:
            raise Unavailable(
                "The machine's clock was set back behind the last record; the operator has to correct it "
                "(`keyworks clock show`).",
                private=f"clock {now}, last record {mark}",
            )
        if now > mark or self._corrects:
            tx.execute(_SET_MARK, {"at": now})
        self._mark = now

    def _roll_back(self) -> None:
        self._mark = 0
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def clock_mark_of(tx: Transaction) -> int:
    """Return the latest instant at which anything was written; 0 if nothing ever was."""
    rows = tx.execute(_MARK)
    return int(rows[0][0]) if rows else 0


def _fail(group: list[_Write], error: Exception) -> None:
    for one in group:
        if not one.future.cancelled():
            one.future.set_exception(error)
