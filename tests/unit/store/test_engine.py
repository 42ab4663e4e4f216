"""Transactions and the group commit."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, bindparam, insert, select

from keyworks.errors import InternalError, KeyworksError, NotAuthorized, OperatorError, Unavailable
from keyworks.store.engine import MAX_GROUP, Store, Transaction
from keyworks.store.migrate import migrate
from keyworks.store.statement import Statement
from keyworks.testing import NOON, FixedClock

_note = Table("note", MetaData(), Column("id", Integer, primary_key=True), Column("text", Text, unique=True))
_INSERT = Statement(insert(_note).values(text=bindparam("text")))
_SELECT = Statement(select(_note.c.text).order_by(_note.c.id))
FEW = 3


def _write(tx: Transaction, texts: Sequence[str]) -> list[str]:
    for text in texts:
        if text.startswith("refused"):
            raise NotAuthorized(f"{text} may not be written.")
        if text.startswith("bug"):
            raise TypeError(text)
        tx.execute(_INSERT, {"text": text})
    return [text.upper() for text in texts]


def _write_other(tx: Transaction, texts: Sequence[str]) -> list[str]:
    tx.execute_many(_INSERT, [{"text": text} for text in texts])
    return [text[::-1] for text in texts]


def _read(tx: Transaction) -> list[str]:
    return [row[0] for row in tx.execute(_SELECT)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database with one small table beside the rooms' own."""
    file = tmp_path / "engine.db"
    migrate(file)
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT UNIQUE)")
    connection.close()
    return file


@pytest.fixture
async def store(file: Path, clock: FixedClock) -> AsyncIterator[Store]:
    store = Store.open(file, clock, FEW)
    yield store
    await store.close()


@pytest.fixture
async def other(file: Path, clock: FixedClock) -> AsyncIterator[Store]:
    """A second worker's store on the same database."""
    store = Store.open(file, clock, FEW)
    yield store
    await store.close()


@pytest.fixture
def executed(store: Store) -> list[str]:
    """What the writing connection executes from now on."""
    executed: list[str] = []
    store._connection.set_trace_callback(executed.append)
    return executed


async def _settled(*writes: "asyncio.Future[str] | asyncio.Task[str]") -> list[str | BaseException]:
    return await asyncio.gather(*writes, return_exceptions=True)


def _submit(store: Store, *texts: str) -> list["asyncio.Task[str]"]:
    return [asyncio.ensure_future(store.write(_write, text)) for text in texts]


async def test_writes_submitted_together_share_one_transaction(store: Store, executed: list[str]) -> None:
    assert await _settled(*_submit(store, "a", "b", "c")) == ["A", "B", "C"]
    assert executed.count("COMMIT") == 1
    assert await store.read(_read) == ["a", "b", "c"]


async def test_a_write_submitted_while_others_are_submitted_joins_their_group(
    store: Store, executed: list[str]
) -> None:
    first = _submit(store, "a")
    await asyncio.sleep(0)
    assert await _settled(*first, *_submit(store, "b")) == ["A", "B"]
    assert executed.count("COMMIT") == 1


async def test_a_write_is_on_disk_when_it_returns(store: Store, file: Path) -> None:
    await store.write(_write, "durable")
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT text FROM note").fetchall() == [("durable",)]
    connection.close()


async def test_a_group_has_at_most_its_size(store: Store, executed: list[str]) -> None:
    texts = [str(number) for number in range(2 * MAX_GROUP + 1)]
    assert await _settled(*_submit(store, *texts)) == texts
    assert executed.count("COMMIT") == 3
    assert await store.read(_read) == texts


async def test_different_write_functions_share_a_transaction_and_keep_their_outcomes(
    store: Store, executed: list[str]
) -> None:
    writes = [(_write, "ab"), (_write_other, "cd"), (_write, "ef"), (_write_other, "gh")]
    submitted = [asyncio.ensure_future(store.write(write, text)) for write, text in writes]
    assert await _settled(*submitted) == ["AB", "dc", "EF", "hg"]
    assert executed.count("COMMIT") == 1


@pytest.mark.parametrize(
    ("bad", "error"), [("refused", NotAuthorized), ("bug", TypeError), ("twice", InternalError)]
)
async def test_one_failing_write_never_fails_its_group(store: Store, bad: str, error: type[Exception]) -> None:
    await store.write(_write, "twice")
    outcomes = await _settled(*_submit(store, "a", bad, "c"))
    assert [outcomes[0], type(outcomes[1]), outcomes[2]] == ["A", error, "C"]
    assert await store.read(_read) == ["twice", "a", "c"]


async def test_several_failing_writes_each_get_their_own_error(store: Store) -> None:
    outcomes = await _settled(*_submit(store, "bug 1", "refused 1", "a", "bug 2", "refused 2"))
    assert [str(outcome) for outcome in outcomes] == [
        *("bug 1", "refused 1 may not be written.", "A"),
        *("bug 2", "refused 2 may not be written."),
    ]
    assert await store.write(_write, "later") == "LATER"


async def test_one_failing_write_costs_its_group_few_commits(store: Store, executed: list[str]) -> None:
    outcomes = await _settled(*_submit(store, *map(str, range(100)), "refused"))
    assert outcomes[:100] == [*map(str, range(100))]
    assert executed.count("COMMIT") <= 7


async def test_a_failing_write_leaves_nothing_of_itself(store: Store) -> None:
    def half(tx: Transaction, texts: Sequence[str]) -> list[str]:
        _write(tx, texts)
        raise NotAuthorized("Changed my mind.")

    with pytest.raises(NotAuthorized):
        await store.write(half, "half")
    assert await store.read(_read) == []


async def test_a_commit_that_fails_fails_only_whose_write_it_was(store: Store) -> None:
    """A reference that is checked at the end of the transaction: every write succeeds, the commit does not."""

    def dangling(tx: Transaction, items: Sequence[str]) -> list[str]:
        tx._connection.execute("PRAGMA defer_foreign_keys=ON")
        tx._connection.executemany("INSERT INTO station_channel VALUES (?, 'x')", [[item] for item in items])
        return list(items)

    outcomes = await _settled(
        *_submit(store, "a"), asyncio.ensure_future(store.write(dangling, "nobody")), *_submit(store, "b")
    )
    assert [outcomes[0], type(outcomes[1]), outcomes[2]] == ["A", InternalError, "B"]
    assert await store.read(_read) == ["a", "b"]


async def test_a_write_function_with_too_few_outcomes_writes_nothing(store: Store) -> None:
    def forgetful(tx: Transaction, texts: Sequence[str]) -> list[str]:
        return _write(tx, texts)[1:]

    with pytest.raises(ValueError, match="zip"):
        await store.write(forgetful, "lost")
    assert await store.read(_read) == []


async def test_whoever_stops_waiting_does_not_disturb_the_group(store: Store) -> None:
    waiting = _submit(store, "a", "b", "refused", "c")
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[2].cancel()
    assert (await _settled(*waiting))[1::2] == ["B", "C"]


async def test_reads_of_one_turn_see_one_snapshot_whatever_others_write(store: Store, file: Path) -> None:
    await store.write(_write, "before")
    connection = sqlite3.connect(file)

    def query(tx: Transaction) -> tuple[list[str], list[str]]:
        found = _read(tx)
        with connection:
            connection.execute("INSERT INTO note (text) VALUES ('meanwhile')")
        return found, _read(tx)

    assert await store.read(query) == (["before"], ["before"])
    connection.close()
    assert await store.read(_read) == ["before"]
    await asyncio.sleep(0)
    assert await store.read(_read) == ["before", "meanwhile"]


async def test_what_this_store_has_written_is_seen_at_once(store: Store) -> None:
    assert await store.read(_read) == []
    writing = _submit(store, "new")
    while not writing[0].done():
        await store.read(_read)
        await asyncio.sleep(0)
    assert await store.read(_read) == ["new"]


async def test_a_query_cannot_write(store: Store) -> None:
    with pytest.raises(KeyworksError):
        await store.read(lambda tx: tx.execute(_INSERT, {"text": "sneaked in"}))
    assert await store.read(_read) == []


async def test_a_failing_query_gives_its_error_and_the_next_one_works(store: Store) -> None:
    def query(_tx: Transaction) -> None:
        raise NotAuthorized("Not for you.")

    with pytest.raises(NotAuthorized):
        await store.read(query)
    assert await store.read(_read) == []


async def test_two_workers_write_to_one_database_without_losing_anything(store: Store, other: Store) -> None:
    texts = [str(number) for number in range(40)]
    halves = zip(_submit(store, *texts[::2]), _submit(other, *texts[1::2]), strict=True)
    assert await _settled(*(write for pair in halves for write in pair)) == texts
    assert sorted(await store.read(_read)) == sorted(await other.read(_read)) == sorted(texts)


async def test_a_worker_waits_for_the_other_without_blocking_the_loop(store: Store, other: Store) -> None:
    other._connection.execute("BEGIN IMMEDIATE")
    waiting = asyncio.ensure_future(store.write(_write, "patient"))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    other._connection.execute("ROLLBACK")
    assert await waiting == "PATIENT"


async def test_a_database_that_stays_busy_is_unavailable_and_nothing_is_written(
    store: Store, other: Store
) -> None:
    other._connection.execute("BEGIN IMMEDIATE")
    outcomes = await _settled(*_submit(store, "a", "b"))
    assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable]
    other._connection.execute("ROLLBACK")
    assert await store.read(_read) == []


async def test_reading_waits_for_nobody_who_writes(store: Store, other: Store) -> None:
    other._connection.execute("BEGIN IMMEDIATE")
    other._connection.execute("INSERT INTO note (text) VALUES ('not yet')")
    assert await store.read(_read) == []


@pytest.mark.parametrize("busy_times", [1, FEW - 1])
async def test_a_query_is_tried_again_while_another_process_puts_the_database_in_order(
    store: Store, busy_times: int
) -> None:
    tries = []

    def query(tx: Transaction) -> list[str]:
        tries.append(tx)
        if len(tries) <= busy_times:
            raise _recovery()
        return _read(tx)

    assert await store.read(query) == []
    assert len(tries) == busy_times + 1


async def test_a_database_that_stays_locked_is_unavailable_to_readers(store: Store) -> None:
    def query(_tx: Transaction) -> None:
        raise _recovery()

    with pytest.raises(Unavailable, match="busy"):
        await store.read(query)
    assert await store.read(_read) == []


def _recovery() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY_RECOVERY
    return error


@pytest.mark.parametrize(
    "pragma",
    [
        pytest.param("PRAGMA max_page_count=1", id="full"),
        pytest.param("PRAGMA query_only=ON", id="read-only"),
    ],
)
async def test_a_disk_that_takes_no_more_is_unavailable_and_what_was_written_stays(
    store: Store, pragma: str
) -> None:
    await store.write(_write, "before")
    store._connection.execute(pragma)
    outcomes = await _settled(*_submit(store, "x" * 100_000, "y" * 100_000))
    assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable]
    assert await store.read(_read) == ["before"]
    store._connection.execute("PRAGMA max_page_count=100000")
    store._connection.execute("PRAGMA query_only=OFF")
    assert await store.write(_write, "after") == "AFTER"


async def test_a_damaged_page_is_told_to_the_operator(store: Store, file: Path, clock: FixedClock) -> None:
    await _settled(*_submit(store, *(str(number) * 400 for number in range(200))))
    await store.close()
    octets = bytearray(file.read_bytes())
    octets[-40 * 4096 :] = b"\xa5" * (40 * 4096)
    file.write_bytes(octets)
    damaged = Store.open(file, clock, FEW)
    with pytest.raises(OperatorError, match="damaged"):
        await damaged.read(_read)
    await damaged.close()


async def test_a_clock_set_back_writes_nothing(store: Store, clock: FixedClock) -> None:
    await store.write(_write, "before")
    clock.advance(timedelta(seconds=-61))
    with pytest.raises(Unavailable, match="clock was set back") as refused:
        await store.write(_write, "in the past")
    assert str(NOON) in refused.value.private
    assert await store.read(_read) == ["before"]
    clock.advance(timedelta(seconds=61))
    assert await store.write(_write, "after") == "AFTER"


async def test_a_clock_set_back_is_noticed_by_another_worker_and_after_a_restart(
    store: Store, file: Path
) -> None:
    await store.write(_write, "before")
    restarted = Store.open(file, FixedClock(NOON - 3600), FEW)
    with pytest.raises(Unavailable, match="clock was set back"):
        await restarted.write(_write, "in the past")
    await restarted.close()


async def test_a_clock_that_is_slewed_back_a_little_goes_on(store: Store, clock: FixedClock) -> None:
    await store.write(_write, "before")
    clock.advance(timedelta(seconds=-60))
    assert await store.write(_write, "still") == "STILL"


async def test_the_high_water_mark_never_sinks(store: Store, clock: FixedClock) -> None:
    for step in (0, -30, -40):
        clock.at = NOON + step
        await store.write(_write, str(step))
    clock.at = NOON - 61
    with pytest.raises(Unavailable):
        await store.write(_write, "three small steps are one large one")


async def test_closing_finishes_what_was_submitted(file: Path, clock: FixedClock) -> None:
    store = Store.open(file, clock, FEW)
    submitted = _submit(store, "a", "b")
    await asyncio.sleep(0)
    await store.close()
    assert await _settled(*submitted) == ["A", "B"]


async def test_a_closed_store_is_unavailable(file: Path, clock: FixedClock) -> None:
    store = Store.open(file, clock, FEW)
    await store.close()
    with pytest.raises(Unavailable, match="closed"):
        await store.write(_write, "late")
    with pytest.raises(Unavailable, match="closed"):
        await store.read(_read)


async def test_closing_twice_does_no_harm(file: Path, clock: FixedClock) -> None:
    store = Store.open(file, clock, FEW)
    await store.close()
    await store.close()


def test_a_store_is_refused_in_a_forked_child(file: Path, clock: FixedClock) -> None:
    """SQLite: "do not carry an open database across a fork"."""
    store = Store.open(file, clock, FEW)
    child = os.fork()
    if child == 0:
        try:
            store.read(_read).send(None)
        except InternalError:
            os._exit(17)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 17
    asyncio.run(store.close())
