"""Making a key of our own: stored sealed and entered in the ledger before anything is signed with it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select

from keyworks.authority.records import certificate
from keyworks.errors import KeyworksError
from keyworks.keys.purpose import Purpose
from keyworks.keys.records import SealedKey, delete_key, insert_key
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction
from keyworks.store.statement import Statement

_IS_CERTIFIED: Final = Statement(
    select(certificate.c.id)
    .where(certificate.c.owner == bindparam("owner"), certificate.c.public_key == bindparam("public_key"))
    .limit(1)
)


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
    entry = _entry(installation, key, for_whom, "key.generated")
    await installation.store.write(_write, _Made(key, for_whom, entry))
    return key


@asynccontextmanager
async def key_to_certify(
    installation: Installation, purpose: Purpose, key_type: str, owner: str
) -> AsyncIterator[SealedKey]:
    """Make a key that is certified inside: one that is not, because somebody else was faster, is destroyed.

    Args:
        installation: Where.
        purpose: What it is for.
        key_type: Such as ``P-256``.
        owner: Whose certificate it is for, such as ``authority:root``.

    Raises:
        OperatorError: There is no such key type.
    """
    key = await make_key(installation, purpose, key_type, owner)
    try:
        yield key
    finally:
        made = _Made(key, owner, _entry(installation, key, owner, "key.destroyed"))
        with suppress(KeyworksError):  # what went wrong inside counts; a key more does no harm
            if not await installation.store.read(lambda tx: _is_certified(tx, made)):
                await installation.store.write(_destroy, made)


@dataclass(frozen=True, slots=True)
class _Made:
    key: SealedKey
    owner: str
    entry: SealedEntry


def _entry(installation: Installation, key: SealedKey, for_whom: str, action: str) -> SealedEntry:
    detail = (("key", key.id), ("key_type", key.key_type), ("public_key", key.public_key.fingerprint.hex()))
    return installation.operator.entry(installation.clock.now(), for_whom, action, detail)


def _write(tx: Transaction, items: Sequence[_Made]) -> list[None]:
    for one in items:
        insert_key(tx, one.key)
        insert_entries(tx, [one.entry])
    return [None] * len(items)


def _is_certified(tx: Transaction, made: _Made) -> bool:
    wanted = {"owner": made.owner, "public_key": made.key.public_key.fingerprint}
    return bool(tx.execute(_IS_CERTIFIED, wanted))


def _destroy(tx: Transaction, items: Sequence[_Made]) -> list[None]:
    for one in items:
        if not _is_certified(tx, one):
            delete_key(tx, one.key.id)
            insert_entries(tx, [one.entry])
    return [None] * len(items)
