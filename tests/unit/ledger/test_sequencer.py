"""The sequencer: every entry gets one place, whoever sequences and however many do."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from keyworks.errors import Unavailable
from keyworks.ledger import records
from keyworks.ledger.checkpoint import Checkpoint, NoteKey, verify_checkpoint
from keyworks.ledger.entry import Entry, SealedEntry, seal
from keyworks.ledger.proof import check_consistency, check_inclusion
from keyworks.ledger.sequencer import BATCH, Sequencer
from keyworks.ledger.tree import consistency_path, inclusion_path, root_of
from keyworks.store.engine import Store, Transaction
from keyworks.store.opening import open_store
from keyworks.testing import NOON, FixedClock, software_signer, sql, throwaway_databases, throwaway_store

ORIGIN = "keyworks/test/1"
SIGNER = software_signer("Ed25519")
KEY = NoteKey.of(ORIGIN, SIGNER.public_key)


class _HeldSigner:
    """Signs when it is let go: two sequencers then certainly read the same head."""

    public_key = SIGNER.public_key
    algorithm = SIGNER.algorithm

    def __init__(self) -> None:
        self.asked = asyncio.Semaphore(0)
        self.go = asyncio.Event()

    async def sign(self, message: bytes) -> bytes:
        self.asked.release()
        await self.go.wait()
        return await SIGNER.sign(message)


@pytest.fixture
async def store(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with throwaway_store(tmp_path, clock) as store:
        yield store


@pytest.fixture
async def other(store: Store, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    """A second worker's store on the same database."""
    assert await store.read(records.current_root)
    second = open_store(throwaway_databases().empty(tmp_path), clock)
    yield second
    await second.close()


@pytest.fixture
def sequencer(store: Store, clock: FixedClock) -> Sequencer:
    return Sequencer(store, SIGNER, ORIGIN, clock)


def _entries(count: int) -> list[SealedEntry]:
    return [seal(Entry(NOON, "operator:a", "local", f"thing:{number}", "x", "ok")) for number in range(count)]


async def _enter(store: Store, count: int) -> None:
    await store.write(lambda tx, items: records.enter(tx, items[0])[:1], _entries(count))


async def _leaves(store: Store) -> list[bytes]:
    placed = await store.read(lambda tx: records.entries_between(tx, 0, 1 << 40))
    assert [one.index for one in placed] == list(range(len(placed)))
    return [one.leaf_hash for one in placed]


async def _checkpoints(store: Store) -> list[Checkpoint]:
    notes = await store.read(lambda tx: tx.execute(sql("SELECT note FROM checkpoint ORDER BY size")))
    return [verify_checkpoint(note, KEY) for (note,) in notes]


async def _check_ledger(store: Store, count: int) -> None:
    """Check what every ledger promises: all entries placed once, every checkpoint true of them."""
    leaves = await _leaves(store)
    assert len(leaves) == len(set(leaves)) == count
    assert await store.read(records.current_root) == (count, root_of(leaves))
    checkpoints = await _checkpoints(store)
    assert [one.root for one in checkpoints] == [root_of(leaves[: one.size]) for one in checkpoints]
    assert checkpoints[-1].size == count


async def test_waiting_entries_get_their_places_in_the_order_of_their_ids(
    store: Store, sequencer: Sequencer
) -> None:
    entries = _entries(5)
    for entry in reversed(entries):
        await store.write(records.enter, entry)
    assert await sequencer.sequence_once() == 5
    assert await _leaves(store) == [entry.leaf_hash for entry in entries]


async def test_a_checkpoint_is_signed_over_what_the_ledger_then_is(store: Store, sequencer: Sequencer) -> None:
    await _enter(store, 3)
    await sequencer.sequence_once()
    [checkpoint] = await _checkpoints(store)
    assert checkpoint == Checkpoint(ORIGIN, 3, root_of(await _leaves(store)))


async def test_nothing_waiting_makes_no_checkpoint(store: Store, sequencer: Sequencer) -> None:
    assert await sequencer.sequence_once() == 0
    assert await _checkpoints(store) == []


async def test_a_late_entry_with_a_smaller_id_is_still_placed(store: Store, sequencer: Sequencer) -> None:
    """A worker may be slow to write what it sealed, or its clock may lag."""
    late, early = _entries(2)
    await store.write(records.enter, early)
    await sequencer.sequence_once()
    await store.write(records.enter, late)
    assert await sequencer.sequence_once() == 1
    assert await _leaves(store) == [early.leaf_hash, late.leaf_hash]
    await _check_ledger(store, 2)


async def test_a_backlog_is_placed_in_batches(store: Store, sequencer: Sequencer) -> None:
    await _enter(store, BATCH + 5)
    assert [await sequencer.sequence_once() for _ in range(3)] == [BATCH, 5, 0]
    await _check_ledger(store, BATCH + 5)


async def test_full_tiles_are_stored_once_they_are_full(store: Store, sequencer: Sequencer) -> None:
    """C2SP tlog-tiles: a full tile never changes."""
    for count in (records.TILE - 1, 1, records.TILE, 2 * records.TILE + 3):
        await _enter(store, count)
        await sequencer.sequence_once()
    leaves = await _leaves(store)
    stored = await store.read(lambda tx: tx.execute(sql("SELECT level, place, hashes FROM tile")))
    tile = records.TILE
    expected = [(0, place, b"".join(leaves[place * tile : (place + 1) * tile])) for place in range(4)]
    assert sorted(stored) == expected


async def test_proofs_are_made_of_tiles_and_entries(store: Store, sequencer: Sequencer) -> None:
    sizes: list[int] = []
    for count in (5, 300, 200):
        await _enter(store, count)
        await sequencer.sequence_once()
        sizes.append(sum(sizes[-1:]) + count)
    leaves = await _leaves(store)
    size, root = await store.read(records.current_root)

    def prove(tx: Transaction) -> None:
        def node(level: int, index: int) -> bytes:
            return records.node_of(tx, level, index)

        for index in (0, 4, 5, 255, 256, 304, 504):
            check_inclusion(leaves[index], index, size, inclusion_path(node, index, size), root)
        for old in (*sizes, 256, 257):
            check_consistency(old, root_of(leaves[:old]), size, root, consistency_path(node, old, size))

    await store.read(prove)


async def test_of_two_sequencers_that_saw_one_head_one_wins_and_nothing_is_lost(
    store: Store, other: Store, clock: FixedClock
) -> None:
    held = _HeldSigner()
    await _enter(store, 10)
    rounds = [Sequencer(one, held, ORIGIN, clock).sequence_once() for one in (store, other)]
    racing = asyncio.gather(*rounds)
    for _ in rounds:
        await held.asked.acquire()
    held.go.set()
    assert sorted(await racing) == [0, 10]
    assert len(await _checkpoints(store)) == 1
    await _check_ledger(store, 10)


async def test_entries_that_one_sequencer_did_not_see_are_placed_by_the_next_round(
    store: Store, other: Store, sequencer: Sequencer, clock: FixedClock
) -> None:
    held = _HeldSigner()
    await _enter(store, 4)
    slow = asyncio.ensure_future(Sequencer(other, held, ORIGIN, clock).sequence_once())
    await held.asked.acquire()
    await _enter(store, 3)
    assert await sequencer.sequence_once() == 7
    held.go.set()
    assert await slow == 0
    await _check_ledger(store, 7)


async def test_many_rounds_of_two_sequencers_while_entries_arrive_never_fork_the_tree(
    store: Store, other: Store, clock: FixedClock
) -> None:
    sequencers = [Sequencer(one, SIGNER, ORIGIN, clock) for one in (store, other)]
    for step in range(25):
        await asyncio.gather(
            _enter(store, 1 + step % 3), _enter(other, 2), *(one.sequence_once() for one in sequencers)
        )
    while await sequencers[0].sequence_once():
        pass
    await _check_ledger(store, sum(3 + step % 3 for step in range(25)))


async def test_a_clock_that_lags_a_little_never_sets_the_ledgers_time_back(
    store: Store, sequencer: Sequencer, clock: FixedClock
) -> None:
    await _enter(store, 1)
    await sequencer.sequence_once()
    clock.advance(timedelta(seconds=-30))
    await _enter(store, 1)
    await sequencer.sequence_once()
    times = await store.read(lambda tx: tx.execute(sql("SELECT at FROM checkpoint")))
    assert times == [(NOON,), (NOON,)]


async def test_running_places_what_waits_and_once_more_when_it_is_stopped(
    store: Store, clock: FixedClock
) -> None:
    await _enter(store, BATCH + 1)
    signer, stop = _HeldSigner(), asyncio.Event()
    signer.go.set()
    running = asyncio.create_task(Sequencer(store, signer, ORIGIN, clock).run(stop))
    for _batch in range(2):
        await signer.asked.acquire()
    await _enter(store, 2)
    stop.set()
    await running
    await _check_ledger(store, BATCH + 3)


async def test_running_outlives_a_store_that_is_not_available(store: Store, clock: FixedClock) -> None:
    class Away(_HeldSigner):
        async def sign(self, message: bytes) -> bytes:
            if not self.go.is_set():
                self.asked.release()
                self.go.set()
                raise Unavailable("The token is away.")
            return await SIGNER.sign(message)

    await _enter(store, 1)
    signer, stop = Away(), asyncio.Event()
    running = asyncio.create_task(Sequencer(store, signer, ORIGIN, clock).run(stop))
    await signer.asked.acquire()
    stop.set()
    await running
    await _check_ledger(store, 1)


async def test_a_body_can_be_redacted_and_the_ledger_still_verifies(store: Store, sequencer: Sequencer) -> None:
    """A leaf commits to a body; what is proven does not need it."""
    await _enter(store, 3)
    await sequencer.sequence_once()
    before = await store.read(records.current_root)
    redact = sql("UPDATE entry SET body = :none, salt = :none WHERE leaf_index = :place")
    await store.write(lambda tx, items: [tx.execute(redact, {"none": b"", "place": item}) for item in items], 1)
    assert await store.read(records.current_root) == before
    await _check_ledger(store, 3)
    found = await store.read(lambda tx: records.entries_between(tx, 0, 3))
    assert [bool(one.body) for one in found] == [True, False, True]
    assert json.loads(found[0].body)["object"] == "thing:0"
