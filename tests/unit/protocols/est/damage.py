"""An authority that cannot sign for a while: what is stored of its key is damaged, and mended later."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import bindparam, select, update

from keyworks.keys.records import sealed_key
from keyworks.store.engine import Store, Transaction
from keyworks.store.statement import Statement

_SELECT = Statement(select(sealed_key.c.id, sealed_key.c.sealed).where(sealed_key.c.purpose == "ca"))
_CHANGE = Statement(
    update(sealed_key).where(sealed_key.c.id == bindparam("wanted_id")).values(sealed=bindparam("octets"))
)


def _change(tx: Transaction, items: Sequence[Sequence[tuple[str, bytes]]]) -> list[None]:
    for rows in items:
        for identifier, octets in rows:
            tx.execute(_CHANGE, {"wanted_id": identifier, "octets": octets})
    return [None] * len(items)


@asynccontextmanager
async def damaged_authority_keys(store: Store) -> AsyncIterator[None]:
    """Damage the stored keys of all authorities until the block ends; those opened before go on working."""
    rows = await store.read(lambda tx: tx.execute(_SELECT))
    await store.write(_change, [(identifier, b"damaged") for identifier, _ in rows])
    try:
        yield
    finally:
        await store.write(_change, rows)
