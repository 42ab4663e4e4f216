"""Tables and statements of the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    bindparam,
    func,
    insert,
    select,
    update,
)

from keyworks.errors import IntegrityFailure
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.tree import EMPTY_ROOT, HASH_OCTETS, Frontier, root_of
from keyworks.store.engine import Transaction
from keyworks.store.schema import metadata, where
from keyworks.store.statement import Statement

TILE: Final = 256
"""Hashes in a full tile (C2SP tlog-tiles); a tile covers eight levels of the tree."""

_DEVICE: Final = "device:"
_MOST_DIGITS: Final = 18
"""Of a place in the tree; what is longer is no number that the database could hold."""

entry: Final = Table(
    "entry",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("leaf_index", Integer),
    Column("object", Text),
    Index("entry_place", "leaf_index", unique=True, **where("leaf_index IS NOT NULL")),
    Index("entry_waiting", "id", **where("leaf_index IS NULL")),
    Index("entry_object", "object", **where("object IS NOT NULL")),
)
"""``object``: what the entry is about, where that is a device: so that its history is found."""

ledger_identity: Final = Table(
    "ledger_identity",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False),
    Column("key_id", Text, nullable=False),
)
"""The ledger's name in its checkpoints, and the key that signs them; neither ever changes silently."""

tree_head: Final = Table(
    "tree_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("size", Integer, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("at", Integer, nullable=False),
)
checkpoint: Final = Table(
    "checkpoint",
    metadata,
    Column("size", Integer, primary_key=True, autoincrement=False),
    Column("at", Integer, nullable=False),
    Column("note", Text, nullable=False),
)
tile: Final = Table(
    "tile",
    metadata,
    Column("level", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("hashes", LargeBinary, nullable=False),
)

INSERT_IDENTITY: Final = Statement(
    insert(ledger_identity).values(id=1, origin=bindparam("origin"), key_id=bindparam("key_id"))
)
SELECT_IDENTITY: Final = Statement(select(ledger_identity.c.origin, ledger_identity.c.key_id))
INSERT_ENTRY: Final = Statement(
    insert(entry).values(
        {name: bindparam(name) for name in ("id", "at", "action", "body", "salt", "leaf_hash", "object")}
    )
)
SELECT_WAITING: Final = Statement(
    select(entry.c.id, entry.c.leaf_hash)
    .where(entry.c.leaf_index.is_(None))
    .order_by(entry.c.id)
    .limit(bindparam("most"))
)
PLACE_ENTRY: Final = Statement(
    update(entry).where(entry.c.id == bindparam("wanted_id")).values(leaf_index=bindparam("place"))
)
INSERT_HEAD: Final = Statement(insert(tree_head).values(id=1, size=0, frontier=b"", at=bindparam("at")))
SELECT_HEAD: Final = Statement(select(tree_head.c.size, tree_head.c.frontier, tree_head.c.at))
SWAP_HEAD: Final = Statement(
    update(tree_head)
    .where(tree_head.c.id == 1, tree_head.c.size == bindparam("old_size"))
    .values(size=bindparam("new_size"), frontier=bindparam("new_frontier"), at=bindparam("new_at"))
    .returning(tree_head.c.size)
)
INSERT_CHECKPOINT: Final = Statement(
    insert(checkpoint).values(size=bindparam("size"), at=bindparam("at"), note=bindparam("note"))
)
SELECT_CHECKPOINT: Final = Statement(select(checkpoint.c.note).order_by(checkpoint.c.size.desc()).limit(1))
INSERT_TILE: Final = Statement(
    insert(tile).values(level=bindparam("level"), place=bindparam("place"), hashes=bindparam("hashes"))
)
SELECT_TILE: Final = Statement(
    select(tile.c.hashes).where(tile.c.level == bindparam("level"), tile.c.place == bindparam("place"))
)
SELECT_LEAVES: Final = Statement(
    select(entry.c.leaf_hash)
    .where(entry.c.leaf_index >= bindparam("start"), entry.c.leaf_index < bindparam("end"))
    .order_by(entry.c.leaf_index)
)
_STORED: Final = (entry.c.leaf_index, entry.c.id, entry.c.body, entry.c.salt, entry.c.leaf_hash)
SELECT_RANGE: Final = Statement(
    select(*_STORED)
    .where(entry.c.leaf_index >= bindparam("start"), entry.c.leaf_index < bindparam("end"))
    .order_by(entry.c.leaf_index)
)
SELECT_ABOUT: Final = Statement(
    select(*_STORED).where(entry.c.object == bindparam("object")).order_by(entry.c.id)
)
SELECT_ENTRY: Final = Statement(select(*_STORED).where(entry.c.id == bindparam("id")))
SELECT_NEWEST: Final = Statement(
    select(*_STORED)
    .where(entry.c.action.like(bindparam("action")))
    .order_by(entry.c.id.desc())
    .limit(bindparam("most"))
)
SELECT_FROM: Final = Statement(
    select(*_STORED)
    .where(entry.c.id >= bindparam("first"), entry.c.action == bindparam("action"))
    .order_by(entry.c.id)
    .limit(bindparam("most"))
)
SELECT_OLDEST_WAITING: Final = Statement(
    select(entry.c.at).where(entry.c.leaf_index.is_(None)).order_by(entry.c.id).limit(1)
)
COUNT_WAITING: Final = Statement(select(func.count()).select_from(entry).where(entry.c.leaf_index.is_(None)))


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as read back.

    Args:
        index: Its place in the tree; ``None`` while it waits for the sequencer.
        id: Opaque.
        body: Canonical JSON.
        salt: Of its commitment.
        leaf_hash: Its leaf.
    """

    index: int | None
    id: str
    body: bytes
    salt: bytes
    leaf_hash: bytes


def insert_entries(tx: Transaction, entries: Sequence[SealedEntry]) -> None:
    """Write entries, not yet placed, in the transaction of what they record."""
    if entries:
        tx.execute_many(
            INSERT_ENTRY,
            [
                {
                    "id": one.id,
                    "at": one.at,
                    "action": one.action,
                    "body": one.body,
                    "salt": one.salt,
                    "leaf_hash": one.leaf_hash,
                    "object": one.object if one.object.startswith(_DEVICE) else None,
                }
                for one in entries
            ],
        )


def enter(tx: Transaction, entries: Sequence[SealedEntry]) -> list[None]:
    """Write entries that stand alone (a write function)."""
    insert_entries(tx, entries)
    return [None] * len(entries)


def read_head(tx: Transaction) -> tuple[Frontier, int]:
    """Return the tree's frontier, and when it last grew; an empty tree if it never did."""
    rows = tx.execute(SELECT_HEAD)
    if not rows:
        return Frontier(), 0
    size, frontier, at = rows[0]
    return Frontier.parse(size, frontier), at


def waiting_of(tx: Transaction) -> tuple[int, int | None]:
    """Return how many entries wait for their place, and when the oldest of them was made."""
    [(count,)] = tx.execute(COUNT_WAITING)
    oldest = tx.execute(SELECT_OLDEST_WAITING)
    return count, int(oldest[0][0]) if oldest else None


def tile_hashes(tx: Transaction, level: int, place: int, count: int, offset: int = 0) -> list[bytes]:
    """Return ``count`` hashes of a tile from ``offset`` on, from the tile itself or from what it is made of.

    Raises:
        IntegrityFailure: Entries are missing.
    """
    stored = tx.execute(SELECT_TILE, {"level": level, "place": place})
    if stored:
        hashes: bytes = stored[0][0]
        ends = range(offset * HASH_OCTETS, (offset + count) * HASH_OCTETS, HASH_OCTETS)
        return [hashes[at : at + HASH_OCTETS] for at in ends]
    first = place * TILE + offset
    if level:
        return [root_of(tile_hashes(tx, level - 1, child, TILE)) for child in range(first, first + count)]
    leaves = [row[0] for row in tx.execute(SELECT_LEAVES, {"start": first, "end": first + count})]
    if len(leaves) != count:
        raise IntegrityFailure(f"The ledger lacks entries between {first} and {first + count}.")
    return leaves


def node_of(tx: Transaction, level: int, index: int) -> bytes:
    """Return the hash of the perfect subtree of ``2**level`` leaves that starts at ``index * 2**level``."""
    tile_level, height = divmod(level, 8)
    first = index << height
    place, offset = divmod(first, TILE)
    return root_of(tile_hashes(tx, tile_level, place, 1 << height, offset))


def newest_entries(tx: Transaction, *, action: str, most: int) -> list[StoredEntry]:
    """Return the newest entries whose action starts with ``action``, newest first."""
    return [_stored(row) for row in tx.execute(SELECT_NEWEST, {"action": f"{action}%", "most": most})]


def entries_between(tx: Transaction, start: int, end: int) -> list[StoredEntry]:
    """Return the placed entries from ``start`` to ``end`` (exclusive)."""
    return [_stored(row) for row in tx.execute(SELECT_RANGE, {"start": start, "end": end})]


def entries_from(tx: Transaction, first: str, *, action: str, most: int) -> list[StoredEntry]:
    """Return the entries of one action from an id (or the beginning of one) on, in the order of their ids."""
    return [_stored(row) for row in tx.execute(SELECT_FROM, {"first": first, "action": action, "most": most})]


def find_entry(tx: Transaction, identifier: str) -> StoredEntry | None:
    """Return one entry by its id or by its place in the tree."""
    if identifier.isascii() and identifier.isdecimal() and len(identifier) <= _MOST_DIGITS:
        found = entries_between(tx, int(identifier), int(identifier) + 1)
    else:
        found = [_stored(row) for row in tx.execute(SELECT_ENTRY, {"id": identifier})]
    return found[0] if found else None


def entries_about(tx: Transaction, what: str) -> list[StoredEntry]:
    """Return every entry about a device (``device:ID``), oldest first."""
    return [_stored(row) for row in tx.execute(SELECT_ABOUT, {"object": what})]


def _stored(row: tuple[Any, ...]) -> StoredEntry:
    return StoredEntry(*row)


def current_root(tx: Transaction) -> tuple[int, bytes]:
    """Return the tree's size and root."""
    frontier, _ = read_head(tx)
    return frontier.size, frontier.root if frontier.size else EMPTY_ROOT
