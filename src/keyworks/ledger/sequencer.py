"""The sequencer: gives waiting entries their place, and signs what the ledger then is.

Any number of workers may run one. Whoever swaps the tree head first has won; the others' work is undone, and no
checkpoint of theirs ever leaves the transaction.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keyworks.algorithms.signer import Signer
from keyworks.errors import Unavailable
from keyworks.ledger import records
from keyworks.ledger.checkpoint import Checkpoint, sign_checkpoint
from keyworks.ledger.tree import Frontier
from keyworks.store.clock import Clock
from keyworks.store.engine import Store, Transaction

BATCH: Final = 1000
"""Entries placed in one transaction; more would keep the issuing path waiting for the lock."""

INTERVAL_SECONDS: Final = 1.0
"""How long an entry waits for its place at most, while anybody serves."""


@dataclass(frozen=True, slots=True)
class _Extension:
    """A tree made larger, to be recorded if nobody was faster.

    Args:
        old_size: What it extends.
        identifiers: Ids of the entries, in order.
        leaves: Their leaf hashes.
        frontier: Of the larger tree.
        at: When.
        note: The signed checkpoint.
    """

    old_size: int
    identifiers: tuple[str, ...]
    leaves: tuple[bytes, ...]
    frontier: Frontier
    at: int
    note: str


class Sequencer:
    """Extends the tree.

    Args:
        store: Where entries wait.
        signer: The ledger's key, Ed25519.
        origin: The ledger's name in its checkpoints.
        clock: Tells the time of a checkpoint, which never decreases.
    """

    def __init__(self, store: Store, signer: Signer, origin: str, clock: Clock) -> None:
        self._store = store
        self._signer = signer
        self._origin = origin
        self._clock = clock

    async def sequence_once(self) -> int:
        """Give up to ``BATCH`` waiting entries their place; return how many.

        Raises:
            Unavailable: The database or the key cannot be used now; the entries wait.
        """
        waiting, (frontier, last) = await self._store.read(_waiting)
        if not waiting:
            return 0
        old_size = frontier.size
        for _, leaf in waiting:
            frontier.append(leaf)
        at = max(last, self._clock.now())
        note = await sign_checkpoint(Checkpoint(self._origin, frontier.size, frontier.root), self._signer)
        identifiers, leaves = zip(*waiting, strict=True)
        extension = _Extension(old_size, identifiers, leaves, frontier, at, note)
        return len(waiting) if await self._store.write(_extend, extension) else 0

    async def run(self, stop: asyncio.Event) -> None:
        """Sequence until ``stop`` is set, and once more then."""
        while not stop.is_set():
            full = await self._round()
            if not full:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), INTERVAL_SECONDS)
        await self._round()

    async def _round(self) -> bool:
        try:
            return await self.sequence_once() == BATCH
        except Unavailable:
            return False


def _waiting(tx: Transaction) -> tuple[list[tuple[str, bytes]], tuple[Frontier, int]]:
    rows = tx.execute(records.SELECT_WAITING, {"most": BATCH})
    return [(row[0], row[1]) for row in rows], records.read_head(tx)


def _extend(tx: Transaction, extensions: Sequence[_Extension]) -> list[bool]:
    return [_extend_one(tx, extension) for extension in extensions]


def _extend_one(tx: Transaction, extension: _Extension) -> bool:
    if extension.old_size == 0 and not tx.execute(records.SELECT_HEAD):
        tx.execute(records.INSERT_HEAD, {"at": extension.at})
    swapped = tx.execute(
        records.SWAP_HEAD,
        {
            "old_size": extension.old_size,
            "new_size": extension.frontier.size,
            "new_frontier": extension.frontier.encode(),
            "new_at": extension.at,
        },
    )
    if not swapped:
        return False
    places = enumerate(extension.identifiers, extension.old_size)
    tx.execute_many(records.PLACE_ENTRY, [{"wanted_id": one, "place": place} for place, one in places])
    _write_tiles(tx, extension)
    note = {"size": extension.frontier.size, "at": extension.at, "note": extension.note}
    tx.execute(records.INSERT_CHECKPOINT, note)
    return True


def _write_tiles(tx: Transaction, extension: _Extension) -> None:
    """Write the tiles that this extension fills, lowest level first: upper ones are made of lower ones."""
    level, before, after = 0, extension.old_size, extension.frontier.size
    while after // records.TILE:
        for place in range(before // records.TILE, after // records.TILE):
            hashes = b"".join(records.tile_hashes(tx, level, place, records.TILE))
            tx.execute(records.INSERT_TILE, {"level": level, "place": place, "hashes": hashes})
        level, before, after = level + 1, before // records.TILE, after // records.TILE
