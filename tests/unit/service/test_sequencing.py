"""The sequencer of an installation."""

import pytest

from keyworks.errors import OperatorError
from keyworks.ledger.checkpoint import verify_checkpoint
from keyworks.ledger.records import COUNT_WAITING, SELECT_CHECKPOINT
from keyworks.service.installation import Installation, open_installation
from keyworks.service.ledger import ledger_identity
from keyworks.service.sequencing import open_sequencer
from keyworks.store.engine import Store
from keyworks.testing import sql


async def test_checkpoints_are_signed_with_the_ledgers_own_key(supplier: Installation) -> None:
    identity = await ledger_identity(supplier)
    [(count,)] = await supplier.store.read(lambda tx: tx.execute(COUNT_WAITING))
    await (await open_sequencer(supplier)).sequence_once()
    [(note,)] = await supplier.store.read(lambda tx: tx.execute(SELECT_CHECKPOINT))
    assert verify_checkpoint(note, identity.key).size == count


async def test_a_ledger_keeps_its_name_and_key_over_a_restart(supplier: Installation) -> None:
    before = await ledger_identity(supplier)
    async with open_installation(supplier.home, supplier.clock) as reopened:
        after = await ledger_identity(reopened)
        await (await open_sequencer(reopened)).sequence_once()
    assert after.key == before.key


async def _without_a_name(store: Store) -> None:
    await store.write(
        lambda tx, items: [
            tx.execute(sql("DELETE FROM ledger_identity WHERE id = :id"), {"id": item}) for item in items
        ],
        1,
    )


async def test_a_ledger_without_a_name_is_told(supplier: Installation) -> None:
    await _without_a_name(supplier.store)
    with pytest.raises(OperatorError, match="has no name yet"):
        await open_sequencer(supplier)
