"""Transactions and the group commit."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, bindparam, insert, select

from keyworks.errors import InternalError, KeyworksError, NotAuthorized, Unavailable
from keyworks.store.engine import MAX_GROUP, Store, Transaction
from keyworks.store.location import Location
from keyworks.store.opening import open_store
from keyworks.store.statement import Statement
from keyworks.testing import NOON, FixedClock
from tests.unit.store.conftest import beside

_note = Table("note", MetaData(), Column("id", Integer, primary_key=True), Column("text", Text, unique=True))
_INSERT = Statement(insert(_note).values(text=bindparam("text")))
_SELECT = Statement(select(_note.c.text).order_by(_note.c.id))
_WRONG = Statement(select(Table("nowhere", MetaData(), Column("text", Text)).c.text))
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
async def store(location: Location, clock: FixedClock) -> AsyncIterator[Store]:
    store = open_store(location, clock, FEW)
    yield store
    await store.close()


@pytest.fixture
async def other(location: Location, clock: FixedClock) -> AsyncIterator[Store]:
    """A second worker's store on the same database."""
    store = open_store(location, clock, FEW)
    yield store
    await store.close()


@pytest.fixture
def commits(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One element for each commit from now on."""
    commits: list[None] = []
    commit = store._database.commit

    async def counted() -> None:
        await commit()
        commits.append(None)

    monkeypatch.setattr(store._database, "commit", counted)
    return commits


async def _settled(*writes: "asyncio.Future[str] | asyncio.Task[str]") -> list[str | BaseException]:
    return await asyncio.gather(*writes, return_exceptions=True)


def _submit(store: Store, *texts: str) -> list["asyncio.Task[str]"]:
    return [asyncio.ensure_future(store.write(_write, text)) for text in texts]


async def test_writes_submitted_together_share_one_transaction(store: Store, commits: list[None]) -> None:
    assert await _settled(*_submit(store, "a", "b", "c")) == ["A", "B", "C"]
    assert len(commits) == 1
    assert await store.read(_read) == ["a", "b", "c"]


async def test_a_write_submitted_while_others_are_submitted_joins_their_group(
    store: Store, commits: list[None]
) -> None:
    first = _submit(store, "a")
    await asyncio.sleep(0)
    assert await _settled(*first, *_submit(store, "b")) == ["A", "B"]
    assert len(commits) == 1


async def test_a_write_is_on_disk_when_it_returns(store: Store, location: Location) -> None:
    await store.write(_write, "durable")
    assert beside(location, "SELECT text FROM note") == [("durable",)]


async def test_a_group_has_at_most_its_size(store: Store, commits: list[None]) -> None:
    texts = [str(number) for number in range(2 * MAX_GROUP + 1)]
    assert await _settled(*_submit(store, *texts)) == texts
    assert len(commits) == 3
    assert await store.read(_read) == texts


async def test_different_write_functions_share_a_transaction_and_keep_their_outcomes(
    store: Store, commits: list[None]
) -> None:
    writes = [(_write, "ab"), (_write_other, "cd"), (_write, "ef"), (_write_other, "gh")]
    submitted = [asyncio.ensure_future(store.write(write, text)) for write, text in writes]
    assert await _settled(*submitted) == ["AB", "dc", "EF", "hg"]
    assert len(commits) == 1


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


async def test_one_failing_write_costs_its_group_few_commits(store: Store, commits: list[None]) -> None:
    outcomes = await _settled(*_submit(store, *map(str, range(100)), "refused"))
    assert outcomes[:100] == [*map(str, range(100))]
    assert len(commits) <= 7


async def test_a_failing_write_leaves_nothing_of_itself(store: Store) -> None:
    def half(tx: Transaction, texts: Sequence[str]) -> list[str]:
        _write(tx, texts)
        raise NotAuthorized("Changed my mind.")

    with pytest.raises(NotAuthorized):
        await store.write(half, "half")
    assert await store.read(_read) == []


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


async def test_a_query_sees_one_snapshot_whatever_others_write(store: Store, location: Location) -> None:
    await store.write(_write, "before")

    def query(tx: Transaction) -> tuple[list[str], list[str]]:
        found = _read(tx)
        beside(location, "INSERT INTO note (text) VALUES ('meanwhile')")
        return found, _read(tx)

    assert await store.read(query) == (["before"], ["before"])
    await asyncio.sleep(0)
    assert await store.read(_read) == ["before", "meanwhile"]


async def test_queries_that_are_asked_together_are_answered_each(store: Store) -> None:
    await store.write(_write, "a")

    def refused(tx: Transaction) -> list[str]:
        raise NotAuthorized(f"Not for you, though there is {_read(tx)}.")

    def wrong(tx: Transaction) -> list[str]:
        return [row[0] for row in tx.execute(_WRONG)]

    queries = [_read, refused, lambda tx: _read(tx) + _read(tx), wrong, lambda _: ["nothing"], _read]
    outcomes = await _settled(*(asyncio.ensure_future(store.read(one)) for one in queries))  # type: ignore[arg-type]
    assert [outcomes[0], outcomes[2], *outcomes[4:]] == [  # type: ignore[comparison-overlap]
        ["a"],
        ["a", "a"],
        ["nothing"],
        ["a"],
    ]
    assert str(outcomes[1]) == "Not for you, though there is ['a']."
    assert isinstance(outcomes[3], InternalError)


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
    await other._database.begin()
    waiting = asyncio.ensure_future(store.write(_write, "patient"))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    await other._database.roll_back()
    assert await waiting == "PATIENT"


async def test_what_is_submitted_while_another_worker_writes_comes_along(
    store: Store, other: Store, commits: list[None]
) -> None:
    await other._database.begin()
    writes = _submit(store, "a")
    for _ in range(3):
        await asyncio.sleep(0)
    writes += _submit(store, "b", "c")
    await other._database.roll_back()
    assert await _settled(*writes) == ["A", "B", "C"]
    assert len(commits) == 1


async def test_a_database_that_stays_busy_is_unavailable_and_nothing_is_written(
    store: Store, other: Store
) -> None:
    await other._database.begin()
    outcomes = await _settled(*_submit(store, "a", "b"))
    assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable]
    await other._database.roll_back()
    assert await store.read(_read) == []


async def test_reading_waits_for_nobody_who_writes(store: Store, other: Store) -> None:
    await other._database.begin()
    await other._database.run(lambda tx: _write(tx, ["not yet"]))
    assert await store.read(_read) == []
    await other._database.roll_back()


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
    store: Store, location: Location
) -> None:
    await store.write(_write, "before")
    restarted = open_store(location, FixedClock(NOON - 3600), FEW)
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


async def test_closing_finishes_what_was_submitted(location: Location, clock: FixedClock) -> None:
    store = open_store(location, clock, FEW)
    submitted = _submit(store, "a", "b")
    await asyncio.sleep(0)
    await store.close()
    assert await _settled(*submitted) == ["A", "B"]


async def test_a_closed_store_is_unavailable(location: Location, clock: FixedClock) -> None:
    store = open_store(location, clock, FEW)
    await store.close()
    with pytest.raises(Unavailable, match="closed"):
        await store.write(_write, "late")
    with pytest.raises(Unavailable, match="closed"):
        await store.read(_read)


async def test_closing_twice_does_no_harm(location: Location, clock: FixedClock) -> None:
    store = open_store(location, clock, FEW)
    await store.close()
    await store.close()


def test_a_store_is_refused_in_a_forked_child(location: Location, clock: FixedClock) -> None:
    """SQLite: "do not carry an open database across a fork"; of a connection to a server, both would read."""
    store = open_store(location, clock, FEW)
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
