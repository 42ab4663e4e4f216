"""The store: transactions, and the group commit through which everything is written.

A commit costs an fsync, whatever is in it. So writes that are submitted while the event loop is busy share one
transaction; a write that is alone is committed at once. Who keeps the rows is a ``Database``: a file
(``store/sqlite.py``) or a server (``store/postgresql.py``).
"""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import bindparam, select

from keyworks.errors import DatabaseLost, InternalError, KeyworksError, Unavailable
from keyworks.store.clock import Clock
from keyworks.store.schema import clock_mark
from keyworks.store.statement import Statement, insert

_T = TypeVar("_T")
_Item = TypeVar("_Item")
_Outcome = TypeVar("_Outcome")

MAX_GROUP: Final = 256
"""Writes in one transaction; more would make the first of them wait too long."""

SET_BACK_SECONDS: Final = 60
"""How far the clock may run behind the last write before we refuse to write: NTP slews, it does not jump."""

NO_PARAMETERS: Final[Mapping[str, Any]] = {}
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


class Transaction(ABC):
    """What a query or a write function works with."""

    __slots__ = ()

    @abstractmethod
    def execute(
        self, statement: Statement, parameters: Mapping[str, Any] = NO_PARAMETERS
    ) -> list[tuple[Any, ...]]:
        """Execute one statement and return all its rows."""

    @abstractmethod
    def execute_many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute one statement for each row of parameters."""

    @abstractmethod
    def together(
        self, work: "Callable[[Transaction, _Item], _Outcome]", items: Sequence[_Item]
    ) -> list[_Outcome]:
        """Return what ``work`` returns for each item.

        Statements of different items are executed in no order that could be relied on, but that of the items
        where all take the same step. So the items must have nothing to do with each other.
        """


class Database(ABC):
    """Where rows are kept: reads, and one transaction after the other that writes.

    Attributes:
        snapshots: How many have begun and ended. Whatever is read after the number was looked at would be read
            again as long as it stays.
    """

    snapshots: int

    @abstractmethod
    async def read(self, query: Callable[[Transaction], _T]) -> _T:
        """Return what ``query`` reads from one consistent snapshot.

        Raises:
            Unavailable: The database is busy or gone.
            KeyworksError: What ``query`` raises, or what the database's failure means.
        """

    @abstractmethod
    async def begin(self) -> None:
        """Begin a transaction that writes; no other one is open in any process meanwhile.

        Raises:
            Unavailable: The database is busy or gone.
        """

    @abstractmethod
    async def run(self, work: Callable[[Transaction], _T]) -> _T:
        """Return what ``work`` returns, within the transaction that was begun.

        Raises:
            Exception: What ``work`` raises, or what the database's failure means.
        """

    @abstractmethod
    async def commit(self) -> None:
        """Make the transaction durable.

        Raises:
            KeyworksError: It is not; nothing of it is kept.
        """

    @abstractmethod
    async def roll_back(self) -> None:
        """End a transaction that failed; never fails itself."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of it."""


@dataclass(slots=True, eq=False)
class _Write:
    """One submitted write, until its transaction is durable."""

    write: Callable[[Transaction, Sequence[Any]], Sequence[Any]]
    item: Any
    future: "asyncio.Future[Any]"


class Store:
    """A database, opened by one process.

    Args:
        database: Where the rows are; it exists and has the present schema.
        clock: For the high-water mark.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._forks = _forks.count
        self._waiting: list[_Write] = []
        self._committer: asyncio.Task[None] | None = None
        self._closed = False
        self._mark = 0
        self._corrects = False

    @property
    def snapshots(self) -> int:
        """Return how many snapshots have begun and ended, as ``Database`` says."""
        return self._database.snapshots

    async def read(self, query: Callable[[Transaction], _T]) -> _T:
        """Return what ``query`` reads from one consistent snapshot.

        Reads in one turn of the event loop may share a snapshot, unless this store commits in between: what
        somebody here has written is always seen, what another process has written at the next turn.

        Args:
            query: It may run twice, so it must do nothing but read.

        Raises:
            Unavailable: The database is busy or gone.
            KeyworksError: What ``query`` raises, or what the database's failure means.
        """
        self._check_usable()
        return await self._database.read(query)

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
            await asyncio.shield(self._committer)
        await self._database.close()

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
                first = min(len(self._waiting), MAX_GROUP)
                try:
                    await self._database.begin()
                except Exception as error:  # noqa: BLE001 - whatever it is, whoever submitted a write gets it
                    _fail(self._take(first), error)
                else:
                    # What was submitted while another process held the database comes along.
                    await self._finish(self._take(MAX_GROUP))
                await asyncio.sleep(0)
        finally:
            self._committer = None

    def _take(self, most: int) -> list[_Write]:
        group, self._waiting = self._waiting[:most], self._waiting[most:]
        return group

    async def _commit(self, group: list[_Write]) -> None:
        try:
            await self._database.begin()
        except KeyworksError as error:
            _fail(group, error)
        else:
            await self._finish(group)

    async def _finish(self, group: list[_Write]) -> None:
        """Write a group in the transaction that has begun, and commit it."""
        database = self._database
        try:
            outcomes = await database.run(lambda tx: self._run(tx, group))
            await database.commit()
        except DatabaseLost as error:
            self._mark = 0
            await database.roll_back()
            _fail(group, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever submitted the write gets it
            self._mark = 0
            await database.roll_back()
            if len(group) == 1:
                _fail(group, error)
                return
            # Halves, not one by one: who submits what fails must not cost the others a commit each.
            middle = len(group) // 2
            await self._commit(group[:middle])
            await self._commit(group[middle:])
        else:
            for one, outcome in zip(group, outcomes, strict=True):
                if not one.future.cancelled():
                    one.future.set_result(outcome)

    def _run(self, tx: Transaction, group: list[_Write]) -> list[Any]:
        """Run the writes of a group, those of one function together; return outcomes in submitted order."""
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


def clock_mark_of(tx: Transaction) -> int:
    """Return the latest instant at which anything was written; 0 if nothing ever was."""
    rows = tx.execute(_MARK)
    return int(rows[0][0]) if rows else 0


def _fail(group: list[_Write], error: Exception) -> None:
    for one in group:
        if not one.future.cancelled():
            one.future.set_exception(error)
