"""Making a key of our own: stored sealed and entered in the ledger before anything is signed with it."""

from collections.abc import Sequence

from keyworks.keys.purpose import Purpose
from keyworks.keys.records import SealedKey, insert_key
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction


async def make_key(installation: Installation, purpose: Purpose, key_type: str, for_whom: str) -> SealedKey:
    """Make a key, durable and recorded.

    Args:
        installation: Where.
        purpose: What it is for; decides which wrapping key seals it.
        key_type: Such as ``P-256``.
        for_whom: The object it belongs to, as the ledger says it.

    Raises:
        OperatorError: There is no such key type.
    """
    key = await installation.keystore.generate(purpose, key_type)
    detail = (("key", key.id), ("key_type", key_type), ("public_key", key.public_key.fingerprint.hex()))
    entry = installation.operator.entry(key.created_at, for_whom, "key.generated", detail)
    await installation.store.write(_write, (key, entry))
    return key


def _write(tx: Transaction, made: Sequence[tuple[SealedKey, SealedEntry]]) -> list[None]:
    for key, entry in made:
        insert_key(tx, key)
        insert_entries(tx, [entry])
    return [None] * len(made)
