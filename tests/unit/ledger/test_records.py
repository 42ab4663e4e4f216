"""The ledger's tables: entries, the tree's head, tiles, and the nodes that proofs are made of."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from keyworks.errors import IntegrityFailure, NotAuthorized
from keyworks.ledger import records
from keyworks.ledger.entry import Entry, SealedEntry, seal
from keyworks.ledger.tree import EMPTY_ROOT, leaf_hash, root_of
from keyworks.store.engine import Store, Transaction
from keyworks.testing import throwaway_store

SIZE = 2 * records.TILE + 77
LEAVES = tuple(leaf_hash(str(number).encode()) for number in range(SIZE))


def _entry(action: str = "something.happened") -> SealedEntry:
    return seal(Entry(1, "operator:a", "local", "thing:1", action, "ok"))


def _place(tx: Transaction, leaves: Sequence[bytes]) -> list[None]:
    """Write placed entries straight away, with full tiles but for the second one."""
    for place, leaf in enumerate(leaves):
        row: dict[str, object] = {"id": f"{place:05}", "at": 1, "action": "x", "body": b"{}", "salt": b""}
        row.update(leaf_hash=leaf, object=None)
        tx.execute(records.INSERT_ENTRY, row)
        tx.execute(records.PLACE_ENTRY, {"wanted_id": row["id"], "place": place})
    hashes = b"".join(leaves[: records.TILE])
    tx.execute(records.INSERT_TILE, {"level": 0, "place": 0, "hashes": hashes})
    return [None] * len(leaves)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with throwaway_store(tmp_path) as store:
        yield store


@pytest.fixture
async def placed(store: Store) -> Store:
    await store.write(lambda tx, items: _place(tx, items[0])[:1], LEAVES)
    return store


async def test_entries_are_written_in_the_transaction_of_what_they_record(store: Store) -> None:
    def record(tx: Transaction, entries: Sequence[SealedEntry]) -> list[None]:
        records.insert_entries(tx, entries)
        raise NotAuthorized("What was recorded did not happen after all.")

    with pytest.raises(NotAuthorized):
        await store.write(record, _entry())
    assert await store.read(lambda tx: tx.execute(records.COUNT_WAITING)) == [(0,)]


async def test_an_entry_waits_until_the_sequencer_places_it(store: Store) -> None:
    entry = _entry()
    await store.write(records.enter, entry)
    found = await store.read(lambda tx: records.find_entry(tx, entry.id))
    assert found == records.StoredEntry(None, entry.id, entry.body, entry.salt, entry.leaf_hash)


async def test_the_newest_entries_of_an_action_come_first(store: Store) -> None:
    entries = [_entry(action) for action in ("device.registered", "device.shipped", "key.generated")]
    for entry in entries:
        await store.write(records.enter, entry)
    found = await store.read(lambda tx: records.newest_entries(tx, action="device.", most=5))
    assert [one.id for one in found] == [entries[1].id, entries[0].id]


async def test_an_entry_is_found_by_its_place(placed: Store) -> None:
    found = await placed.read(lambda tx: records.find_entry(tx, "300"))
    assert found is not None
    assert (found.index, found.leaf_hash) == (300, LEAVES[300])


@pytest.mark.parametrize("name", [str(SIZE), "9" * 19, "9" * 5000, "٣", "-1", "", "no such id"])
async def test_what_is_no_entry_is_not_found(placed: Store, name: str) -> None:
    found = await placed.read(lambda tx: records.find_entry(tx, name))
    assert found is None


async def test_a_new_ledger_is_an_empty_tree(store: Store) -> None:
    frontier, at = await store.read(records.read_head)
    assert (frontier.size, at) == (0, 0)
    assert await store.read(records.current_root) == (0, EMPTY_ROOT)
    assert hashlib.sha256().digest() == EMPTY_ROOT


@pytest.mark.parametrize("level", range(10))
async def test_nodes_are_the_same_whether_they_come_from_tiles_or_from_entries(
    placed: Store, level: int
) -> None:
    """The first tile is stored, the second one has to be made of its entries, the third is partial."""
    count = SIZE >> level
    found = await placed.read(lambda tx: [records.node_of(tx, level, index) for index in range(count)])
    assert found == [root_of(LEAVES[index << level : (index + 1) << level]) for index in range(count)]


async def test_part_of_a_tile_can_be_read(placed: Store) -> None:
    for place in (0, 1):
        found = await placed.read(lambda tx, place=place: records.tile_hashes(tx, 0, place, 5, 100))  # type: ignore[misc]
        start = place * records.TILE + 100
        assert found == list(LEAVES[start : start + 5])


async def test_missing_entries_are_noticed(placed: Store) -> None:
    with pytest.raises(IntegrityFailure, match="lacks entries between 512 and 768"):
        await placed.read(lambda tx: records.tile_hashes(tx, 0, 2, records.TILE))
