"""Key-encryption keys that requesters share with the installation: added, listed, removed."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from keyworks.access import key_encryption_key as access
from keyworks.access import records
from keyworks.access.key_encryption_key import KeyEncryptionKey, KeyEncryptionKeys, StoredKey
from keyworks.access.principal import Kind
from keyworks.errors import OperatorError
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction

_IDENTIFIER_OCTETS = 16


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key-encryption key as an operator asks for it.

    Args:
        identifier: What both sides call it; ``None`` has one made.
        octets: Of one that is taken over; ``None`` has one made.
        bits: Of one that is made: 128, 192 or 256.
    """

    identifier: bytes | None = None
    octets: bytes | None = field(default=None, repr=False)
    bits: int = 256


def make_key(owner: str, new: NewKey) -> KeyEncryptionKey:
    """Return the key, which is nowhere yet; what the operator leaves open is random."""
    return KeyEncryptionKey(
        identifier=secrets.token_bytes(_IDENTIFIER_OCTETS) if new.identifier is None else new.identifier,
        owner=owner,
        octets=secrets.token_bytes(new.bits // 8) if new.octets is None else new.octets,
    )


async def add_key(installation: Installation, key: KeyEncryptionKey) -> None:
    """Let an owner's key be used from its next request on.

    Raises:
        OperatorError: There is a key of this identifier.
    """
    row = {
        "identifier": key.identifier,
        "owner": key.owner,
        "bits": key.bits,
        "sealed": KeyEncryptionKeys(installation.store, installation.keystore).seal(key),
        "added_at": installation.clock.now(),
    }
    detail = (("identifier", key.identifier.hex()), ("bits", str(key.bits)))
    entry = event(installation, "key.shared", key.owner, detail)
    if not await installation.store.write(_add, (row, entry)):
        raise OperatorError(
            f"There is a key-encryption key {key.identifier.hex()} already; remove it, or choose another "
            "identifier."
        )


def _add(tx: Transaction, items: Sequence[tuple[dict[str, Any], SealedEntry]]) -> list[bool]:
    for row, _ in items:
        kind, _, name = str(row["owner"]).partition(":")
        if kind != Kind.DEVICE.value and records.find_account(tx, name) is None:  # removed since it was found
            raise OperatorError(f"There is no {kind} '{name}' any more; nothing was changed.")
    return [_entered(tx, bool(tx.execute(records.INSERT_KEK, row)), entry) for row, entry in items]


def _entered(tx: Transaction, changed: bool, entry: SealedEntry) -> bool:
    """Enter what was done, if anything was."""
    if changed:
        insert_entries(tx, [entry])
    return changed


async def remove_key(installation: Installation, owner: str, identifier: bytes) -> None:
    """Forget an owner's key: nothing is encrypted with it from the next request on.

    Raises:
        OperatorError: The owner has no such key.
    """
    detail = (("identifier", identifier.hex()),)
    entry = event(installation, "key.forgotten", owner, detail)
    wanted = {"owner": owner, "identifier": identifier}
    if not await installation.store.write(_remove, (wanted, entry)):
        raise OperatorError(f"It has no key-encryption key {identifier.hex()}; list those it has.")


def _remove(tx: Transaction, items: Sequence[tuple[dict[str, Any], SealedEntry]]) -> list[bool]:
    return [_entered(tx, bool(tx.execute(records.DELETE_KEK, wanted)), entry) for wanted, entry in items]


async def keys_of(installation: Installation, owner: str) -> list[StoredKey]:
    """Return an owner's keys, oldest first."""
    return await installation.store.read(lambda tx: access.keys_of(tx, owner))
