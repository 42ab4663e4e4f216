"""What is peculiar to a database on a server: connections that are lost, and who stands still with the lock."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg
import pytest

from keyworks.errors import DatabaseLost, InternalError, Unavailable
from keyworks.store.engine import Store, Transaction
from keyworks.store.location import PostgreSQLServer
from keyworks.store.migrate import migrate
from keyworks.store.opening import open_store
from keyworks.store.postgresql import connection as connections
from keyworks.store.postgresql.connection import WRITE_LOCK, Connection, connect, translated
from keyworks.store.postgresql.database import PostgreSQLDatabase
from keyworks.testing import FixedClock, sql
from keyworks.testing.postgresql import SETTINGS, running_cluster, start, stop
from tests.unit.store.conftest import beside

SECONDS: Final = 3.0
"""Longer than anything here may take that does not wait for a server on purpose."""


def _write(tx: Transaction, texts: Sequence[str]) -> list[str]:
    tx.execute_many(sql("INSERT INTO note (text) VALUES (:text)"), [{"text": text} for text in texts])
    return [text.upper() for text in texts]


def _read(tx: Transaction) -> list[str]:
    return [row[0] for row in tx.execute(sql("SELECT text FROM note ORDER BY id"))]


@pytest.fixture
async def store(server: PostgreSQLServer, clock: FixedClock) -> AsyncIterator[Store]:
    store = open_store(server, clock)
    yield store
    await store.close()


@pytest.fixture
async def other(server: PostgreSQLServer, clock: FixedClock) -> AsyncIterator[Store]:
    """Another node's."""
    store = open_store(server, clock)
    yield store
    await store.close()


def _database(store: Store) -> PostgreSQLDatabase:
    assert isinstance(store._database, PostgreSQLDatabase)
    return store._database


def _end_connections(server: PostgreSQLServer) -> None:
    beside(
        server,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid != pg_backend_pid()",
    )


async def test_a_query_on_a_lost_connection_is_asked_on_a_new_one(
    store: Store, server: PostgreSQLServer
) -> None:
    assert await store.read(_read) == []
    _end_connections(server)
    assert await store.read(_read) == []


async def test_a_write_on_a_lost_connection_is_made_on_a_new_one(
    store: Store, server: PostgreSQLServer
) -> None:
    await store.write(_write, "before")
    _end_connections(server)
    assert await store.write(_write, "after") == "AFTER"
    assert await store.read(_read) == ["before", "after"]


async def test_a_connection_lost_in_a_transaction_loses_the_whole_group_and_the_next_one_works(
    store: Store, server: PostgreSQLServer
) -> None:
    def cut(tx: Transaction, texts: Sequence[str]) -> list[str]:
        _write(tx, texts)
        _end_connections(server)
        return _write(tx, [f"{text} too" for text in texts])

    writes = [asyncio.ensure_future(store.write(write, text)) for write, text in ((_write, "a"), (cut, "b"))]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(one) for one in outcomes] == [DatabaseLost] * 2
    assert await store.read(_read) == []
    assert await store.write(_write, "after") == "AFTER"


async def test_a_commit_whose_answer_is_lost_is_found_to_have_been_made(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.write(_write, "before")
    execute = Connection.execute

    def losing(connection: Connection, query: Any, *args: Any, **how: Any) -> Any:
        done = execute(connection, query, *args, **how)
        if query == "COMMIT":
            connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return done

    monkeypatch.setattr(Connection, "execute", losing)
    assert await store.write(_write, "made") == "MADE"
    monkeypatch.undo()
    assert await store.read(_read) == ["before", "made"]
    assert await store.write(_write, "after") == "AFTER"


async def test_a_commit_that_never_arrived_is_found_not_to_have_been_made(
    store: Store, server: PostgreSQLServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = Connection.execute

    def losing(connection: Connection, query: Any, *args: Any, **how: Any) -> Any:
        if query == "COMMIT":
            _end_connections(server)
        return execute(connection, query, *args, **how)

    monkeypatch.setattr(Connection, "execute", losing)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await store.write(_write, "lost")
    monkeypatch.undo()
    assert await store.read(_read) == []
    assert await store.write(_write, "after") == "AFTER"


async def test_a_commit_that_a_crash_has_lost_is_not_taken_for_another_one_of_its_number(
    clock: FixedClock,
) -> None:
    """A number that no log had yet is given again, and what gets it may be committed before we ask."""
    with running_cluster() as cluster:
        cluster.execute("CREATE DATABASE {}", "notes")
        server = PostgreSQLServer(cluster.url("notes"))
        migrate(server)
        beside(server, "CREATE TABLE note (id BIGSERIAL PRIMARY KEY, text TEXT UNIQUE)")
        store = open_store(server, clock)
        await store.write(_write, "before")
        database = _database(store)
        await database.begin()
        await database.run(lambda tx: _write(tx, ["lost"]))
        cluster.process.send_signal(signal.SIGQUIT)
        cluster.process.wait(SECONDS)
        again = start(cluster.folder, SETTINGS)
        try:
            for number in range(20):
                beside(server, f"INSERT INTO note (text) VALUES ('other {number}')")  # noqa: S608 - numbers
            with pytest.raises(DatabaseLost):
                await database.commit()
            found = await store.read(_read)
            assert (found[0], "lost" in found, len(found)) == ("before", False, 21)
        finally:
            await store.close()
            stop(again)


async def test_a_statement_that_is_refused_refuses_none_that_comes_later(store: Store) -> None:
    """The driver may take what an aborted pipeline left out for prepared on the server."""

    def failing(tx: Transaction) -> list[str]:
        return [str(row) for row in tx.execute(sql("SELECT 1 / 0"))]

    for together in (1, 0, 0, 2, 1, 0, 3, 0, 0, 2):
        asked = [store.read(failing) for _ in range(together)]
        outcomes = await asyncio.gather(*asked, store.read(_read), return_exceptions=True)
        assert [type(one) for one in outcomes] == [InternalError] * together + [list]


async def test_what_was_decided_before_the_lock_is_seen_whatever_the_server_s_isolation_is(
    server: PostgreSQLServer, clock: FixedClock
) -> None:
    isolated = PostgreSQLServer(f"{server.url}%20-c%20default_transaction_isolation%3Dserializable")
    first, second = (open_store(isolated, clock) for _ in range(2))
    await _database(first).begin()
    await _database(first).run(lambda tx: _write(tx, ["first"]))
    waiting = asyncio.ensure_future(_database(second).begin())
    await asyncio.sleep(0.05)
    await _database(first).commit()
    await waiting
    assert await _database(second).run(_read) == ["first"]
    await _database(second).roll_back()
    await asyncio.gather(first.close(), second.close())


async def test_who_stands_still_between_two_steps_of_a_pipeline_loses_the_lock_too(
    store: Store, server: PostgreSQLServer
) -> None:
    """To the server such a session is busy: it waits for what comes next."""
    with psycopg.connect(server.url) as still:
        still.execute("SELECT pg_advisory_xact_lock(%s)", [WRITE_LOCK])
        with suppress(psycopg.OperationalError), still.pipeline():
            assert still.execute("SELECT 1").fetchall() == [(1,)]
            outcome: str | BaseException = Unavailable("")
            while isinstance(outcome, Unavailable):
                [outcome] = await asyncio.gather(store.write(_write, "patient"), return_exceptions=True)
            assert outcome == "PATIENT"


async def test_a_node_that_stands_still_with_the_lock_loses_it(store: Store, other: Store) -> None:
    """Stopped with SIGSTOP, say, or cut off: the others write on, and what it had begun is undone."""
    database = _database(other)
    await database.begin()
    await database.run(lambda tx: _write(tx, ["begun"]))
    outcome: str | BaseException = Unavailable("")
    while isinstance(outcome, Unavailable):  # it has waited as long as it may
        [outcome] = await asyncio.gather(store.write(_write, "patient"), return_exceptions=True)
    assert outcome == "PATIENT"
    with pytest.raises(Unavailable):
        await database.commit()
    assert await store.read(_read) == ["patient"]
    assert await other.write(_write, "awake") == "AWAKE"


async def test_waiting_for_the_server_lets_the_event_loop_go_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a server that gives no answer is given up."""
    monkeypatch.setattr(connections, "_ANSWER_SECONDS", -0.5)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    counting = asyncio.create_task(count())
    with pytest.raises(Unavailable, match="cannot be reached"):
        await store.read(lambda tx: tx.execute(sql("SELECT pg_sleep(5)")))
    counting.cancel()
    assert turns > 5
    assert await store.read(_read) == []


async def test_a_server_that_stops_is_unavailable_at_once_and_works_again_by_itself(clock: FixedClock) -> None:
    with running_cluster() as cluster:
        cluster.execute("CREATE DATABASE {}", "notes")
        server = PostgreSQLServer(cluster.url("notes"))
        migrate(server)
        beside(server, "CREATE TABLE note (id BIGSERIAL PRIMARY KEY, text TEXT UNIQUE)")
        store = open_store(server, clock)
        assert await store.write(_write, "before") == "BEFORE"
        stop(cluster.process)
        begun = time.monotonic()
        for attempt in (store.read(_read), store.write(_write, "lost"), store.read(_read)):
            with pytest.raises(Unavailable, match="cannot be reached"):
                await attempt
        assert time.monotonic() - begun < SECONDS
        again = start(cluster.folder, SETTINGS)
        try:
            while True:
                try:
                    assert await store.write(_write, "after") == "AFTER"
                except Unavailable:
                    await asyncio.sleep(0.1)
                else:
                    break
            assert await store.read(_read) == ["before", "after"]
        finally:
            await store.close()
            stop(again)


async def test_a_read_only_server_is_unavailable_to_writers(
    server: PostgreSQLServer, clock: FixedClock
) -> None:
    """A standby, for one."""
    options = server.url.partition("&options=")[0] + "&options=-c%20default_transaction_read_only%3Don"
    store = open_store(PostgreSQLServer(options), clock)
    assert await store.read(_read) == []
    with pytest.raises(Unavailable, match="read-only"):
        await store.write(_write, "no")
    await store.close()


async def test_a_store_for_looking_writes_nothing(server: PostgreSQLServer, clock: FixedClock) -> None:
    store = open_store(server, clock, looks=True)
    with pytest.raises(Unavailable, match="read-only"):
        await store.write(_write, "no")
    assert await store.read(_read) == []
    await store.close()


def test_every_commit_is_durable_whatever_the_server_was_told(server: PostgreSQLServer) -> None:
    lax = server.url.partition("&options=")[0] + "&options=-c%20synchronous_commit%3D{}"
    for told, found in (("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply", "remote_apply")):
        connection = connect(PostgreSQLServer(lax.format(told)))
        assert connection.execute("SHOW synchronous_commit").fetchall() == [(found,)]
        connection.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.replace("postgres@", "nobody@"), "refuses this node"),
        (lambda url: url.replace("/throwaway", "/elsewhere"), "refuses this node"),
        (lambda url: url.replace("host=/", "host=/no"), "cannot be reached"),
    ],
)
async def test_why_a_server_is_not_reached_is_told(
    server: PostgreSQLServer, clock: FixedClock, change: Any, words: str
) -> None:
    store = open_store(PostgreSQLServer(change(server.url)), clock)
    with pytest.raises(Unavailable, match=words):
        await store.read(_read)
    with pytest.raises(Unavailable):
        await store.write(_write, "no")
    await store.close()


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (psycopg.errors.DiskFull("no space left"), Unavailable),
        (psycopg.errors.LockNotAvailable("lock timeout"), Unavailable),
        (psycopg.errors.QueryCanceled("statement timeout"), Unavailable),
        (psycopg.errors.AdminShutdown("terminating connection"), Unavailable),
        (psycopg.errors.TooManyConnections("sorry, too many clients already"), Unavailable),
        (psycopg.OperationalError("server closed the connection"), Unavailable),
        (psycopg.errors.UniqueViolation("duplicate key"), InternalError),
        (psycopg.errors.UndefinedTable("no such table"), InternalError),
    ],
)
def test_errors_of_the_server_have_our_causes(error: psycopg.Error, cause: type[Exception]) -> None:
    translation = translated(error)
    assert isinstance(translation, cause)
    assert str(error) not in translation.detail


async def test_work_that_goes_together_has_its_results_in_order(store: Store) -> None:
    def work(tx: Transaction, number: int) -> list[Any]:
        if number % 3 == 0:
            return [number]
        own = {"text": f"{number:03}"}
        tx.execute(sql("INSERT INTO note (text) VALUES (:text)"), own)
        return [number, *tx.execute(sql("SELECT count(*) FROM note WHERE text <= :text"), own)]

    def write(tx: Transaction, items: Sequence[int]) -> list[list[Any]]:
        return tx.together(work, items)

    writes = [asyncio.ensure_future(store.write(write, number)) for number in range(20)]
    found = await asyncio.gather(*writes)
    assert found == [[n] if n % 3 == 0 else [n, (n - n // 3,)] for n in range(20)]


async def test_of_work_that_goes_together_one_failure_fails_its_write_alone(store: Store) -> None:
    def work(tx: Transaction, text: str) -> str:
        tx.execute(sql("INSERT INTO note (text) VALUES (:text)"), {"text": text})
        if text == "bad":
            raise ValueError(text)
        return text

    def write(tx: Transaction, items: Sequence[str]) -> list[str]:
        return tx.together(work, items)

    writes = [asyncio.ensure_future(store.write(write, text)) for text in ("a", "bad", "c", "a", "d")]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [outcomes[0], type(outcomes[1]), outcomes[2], type(outcomes[3]), outcomes[4]] == [
        *("a", ValueError, "c", InternalError, "d"),
    ]
    assert await store.read(_read) == ["a", "c", "d"]


def test_a_server_of_ones_own_is_gone_with_its_maker() -> None:
    with running_cluster() as cluster:
        assert cluster.execute("SELECT 1") == [(1,)]
        folder = cluster.folder
    assert not folder.exists()
    assert cluster.process.returncode in (0, -signal.SIGINT)
