"""What is peculiar to a database in a file."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence

import pytest

from keyworks.errors import InternalError, OperatorError, Unavailable
from keyworks.store.engine import Store, Transaction
from keyworks.store.location import SQLiteFile
from keyworks.store.opening import open_store
from keyworks.store.sqlite import SQLiteDatabase
from keyworks.testing import FixedClock, sql
from tests.unit.store.conftest import beside

FEW = 3


def _write(tx: Transaction, texts: Sequence[str]) -> list[str]:
    tx.execute_many(sql("INSERT INTO note (text) VALUES (:text)"), [{"text": text} for text in texts])
    return [text.upper() for text in texts]


def _read(tx: Transaction) -> list[str]:
    return [row[0] for row in tx.execute(sql("SELECT text FROM note ORDER BY id"))]


@pytest.fixture
async def store(file: SQLiteFile, clock: FixedClock) -> AsyncIterator[Store]:
    store = open_store(file, clock, FEW)
    yield store
    await store.close()


def raw(store: Store) -> sqlite3.Connection:
    assert isinstance(store._database, SQLiteDatabase)
    return store._database._connection


def _submit(store: Store, *texts: str) -> list["asyncio.Task[str]"]:
    return [asyncio.ensure_future(store.write(_write, text)) for text in texts]


async def _settled(*writes: "asyncio.Future[str] | asyncio.Task[str]") -> list[str | BaseException]:
    return await asyncio.gather(*writes, return_exceptions=True)


async def test_reads_of_one_turn_share_a_snapshot(store: Store, file: SQLiteFile) -> None:
    await store.write(_write, "before")
    assert await store.read(_read) == ["before"]
    beside(file, "INSERT INTO note (text) VALUES ('meanwhile')")
    assert await store.read(_read) == ["before"]
    await asyncio.sleep(0)
    assert await store.read(_read) == ["before", "meanwhile"]


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
    raw(store).execute(pragma)
    outcomes = await _settled(*_submit(store, "x" * 100_000, "y" * 100_000))
    assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable]
    assert await store.read(_read) == ["before"]
    raw(store).execute("PRAGMA max_page_count=100000")
    raw(store).execute("PRAGMA query_only=OFF")
    assert await store.write(_write, "after") == "AFTER"


async def test_a_damaged_page_is_told_to_the_operator(
    store: Store, file: SQLiteFile, clock: FixedClock
) -> None:
    await _settled(*_submit(store, *(str(number) * 400 for number in range(200))))
    await store.close()
    octets = bytearray(file.path.read_bytes())
    octets[-40 * 4096 :] = b"\xa5" * (40 * 4096)
    file.path.write_bytes(octets)
    damaged = open_store(file, clock, FEW)
    with pytest.raises(OperatorError, match="damaged"):
        await damaged.read(_read)
    await damaged.close()


async def test_a_commit_that_fails_fails_only_whose_write_it_was(store: Store) -> None:
    """A reference that is checked at the end of the transaction: every write succeeds, the commit does not."""

    def dangling(tx: Transaction, items: Sequence[str]) -> list[str]:
        tx.execute(sql("PRAGMA defer_foreign_keys=ON"))
        tx.execute_many(sql("INSERT INTO account_channel VALUES (:id, 'x')"), [{"id": item} for item in items])
        return list(items)

    outcomes = await _settled(
        *_submit(store, "a"), asyncio.ensure_future(store.write(dangling, "nobody")), *_submit(store, "b")
    )
    assert [outcomes[0], type(outcomes[1]), outcomes[2]] == ["A", InternalError, "B"]
    assert await store.read(_read) == ["a", "b"]
