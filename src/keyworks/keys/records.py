"""Tables and statements of the key store."""

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Column, Integer, LargeBinary, Table, Text, bindparam, delete, insert, select

from keyworks.algorithms.public_key import PublicKey
from keyworks.errors import BadSubjectKey, IntegrityFailure
from keyworks.keys.purpose import Purpose
from keyworks.store.engine import Transaction
from keyworks.store.schema import metadata
from keyworks.store.statement import Statement

master_key: Final = Table(
    "master_key",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
    Column("scrypt_n", Integer, nullable=False),
    Column("scrypt_r", Integer, nullable=False),
    Column("scrypt_p", Integer, nullable=False),
    Column("created_at", Integer, nullable=False),
)
"""How the master key is made of the passphrase; the key itself is nowhere."""

wrapping_key: Final = Table(
    "wrapping_key",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
sealed_key: Final = Table(
    "sealed_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("key_type", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Integer, nullable=False),
)

INSERT_MASTER: Final = Statement(insert(master_key))
SELECT_MASTER: Final = Statement(
    select(master_key.c.salt, master_key.c.scrypt_n, master_key.c.scrypt_r, master_key.c.scrypt_p)
)
INSERT_WRAPPING: Final = Statement(insert(wrapping_key))
SELECT_WRAPPING: Final = Statement(select(wrapping_key.c.purpose, wrapping_key.c.sealed))
_INSERT_KEY: Final = Statement(insert(sealed_key))
_DELETE_KEY: Final = Statement(delete(sealed_key).where(sealed_key.c.id == bindparam("id")))
_SELECT_KEY: Final = Statement(select(*sealed_key.c).where(sealed_key.c.id == bindparam("id")))
_SELECT_ID: Final = Statement(select(sealed_key.c.id).where(sealed_key.c.public_key == bindparam("public_key")))


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A private key as it is stored.

    Args:
        id: Opaque; associated data of the sealing.
        purpose: Decides which wrapping key seals it.
        key_type: Such as ``P-256``.
        public_key: Its public half.
        sealed: Nonce and ciphertext of its PKCS#8 form.
        created_at: When it was made.
    """

    id: str
    purpose: Purpose
    key_type: str
    public_key: PublicKey
    sealed: bytes = field(repr=False)
    created_at: int


def insert_key(tx: Transaction, key: SealedKey) -> None:
    """Write a key, in the transaction of what it is made for."""
    tx.execute(
        _INSERT_KEY,
        {
            "id": key.id,
            "purpose": key.purpose.value,
            "key_type": key.key_type,
            "public_key": key.public_key.spki,
            "sealed": key.sealed,
            "created_at": key.created_at,
        },
    )


def delete_key(tx: Transaction, key_id: str) -> None:
    """Remove a key that nothing was ever made with."""
    tx.execute(_DELETE_KEY, {"id": key_id})


def find_key(tx: Transaction, key_id: str) -> SealedKey | None:
    """Return a key by its id.

    Raises:
        IntegrityFailure: Its record is damaged.
    """
    for row in tx.execute(_SELECT_KEY, {"id": key_id}):
        try:
            return SealedKey(row[0], Purpose(row[1]), row[2], PublicKey.parse(row[3]), row[4], row[5])
        except (ValueError, BadSubjectKey) as error:
            raise IntegrityFailure("The record of a stored key is damaged.", private=f"key {key_id}") from error
    return None


def key_id_of(tx: Transaction, public_key: PublicKey) -> str | None:
    """Return the id of the key whose public half is ``public_key``."""
    rows = tx.execute(_SELECT_ID, {"public_key": public_key.spki})
    return rows[0][0] if rows else None
