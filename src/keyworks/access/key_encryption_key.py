"""Key-encryption keys: secret keys that requesters share with the installation.

What is made here for a requester can be encrypted with one, so that TLS alone need not protect it. Each belongs
to one owner and is used for nobody else. It wraps keys and does nothing else: a secret that is shared for
another purpose is another kind of thing. It is stored sealed, bound to its owner and its identifier.

Source: RFC 7030 §4.4.1.1; RFC 5652 §6.2.3 (KEKRecipientInfo); RFC 3394 §2.2 (lengths).
"""

import re
from dataclasses import dataclass, field
from typing import Final

from keyworks.access import records
from keyworks.errors import OperatorError
from keyworks.keys.software import KeyStore
from keyworks.store.engine import Store, Transaction

LENGTHS: Final = (16, 24, 32)
"""Octets of an AES key."""

MAX_KEY_FILE_OCTETS: Final = 256
MAX_IDENTIFIER_OCTETS: Final = 64
_HEXADECIMAL: Final = re.compile(r"(?:[0-9a-fA-F]{2})+")


@dataclass(frozen=True, slots=True)
class KeyEncryptionKey:
    """A key-encryption key with what it is.

    Args:
        identifier: What both sides call it; unique.
        owner: Whose it is, such as ``device:ID``.
        octets: 16, 24 or 32; never shown.
    """

    identifier: bytes
    owner: str
    octets: bytes = field(repr=False)

    @property
    def bits(self) -> int:
        """Return its length."""
        return 8 * len(self.octets)


def parse_key(octets: bytes) -> bytes:
    """Return the key in a file: its octets as they are, or in hexadecimal.

    Args:
        octets: At most ``MAX_KEY_FILE_OCTETS``.

    Raises:
        OperatorError: They are no key, or not of a length that AES has.
    """
    text = octets.strip().decode("ascii", "replace")
    key = bytes.fromhex(text) if _HEXADECIMAL.fullmatch(text) else octets
    if len(key) not in LENGTHS:
        raise OperatorError(
            f"A key of {len(key)} octets was given; AES has keys of 16, 24 or 32, which may be in hexadecimal."
        )
    return key


def parse_identifier(text: str) -> bytes:
    """Return an identifier that is written in hexadecimal.

    Raises:
        OperatorError: It is not, or longer than anybody needs.
    """
    if not _HEXADECIMAL.fullmatch(text) or len(text) > 2 * MAX_IDENTIFIER_OCTETS:
        raise OperatorError(
            f"The identifier has to be 1 to {MAX_IDENTIFIER_OCTETS} octets in hexadecimal, such as 0a1b2c3d."
        )
    return bytes.fromhex(text)


class KeyEncryptionKeys:
    """The key-encryption keys that are shared.

    Args:
        store: Where they are, sealed.
        keystore: Seals and opens them.
    """

    def __init__(self, store: Store, keystore: KeyStore) -> None:
        self._store = store
        self._keystore = keystore

    async def find(self, owner: str, identifier: bytes) -> bytes | None:
        """Return the owner's key of this identifier; of another's, nothing, as of one that does not exist.

        Raises:
            IntegrityFailure: What is stored of it was damaged or moved.
        """
        wanted = {"owner": owner, "identifier": identifier}
        rows = await self._store.read(lambda tx: tx.execute(records.SELECT_KEK, wanted))
        return self._keystore.open_secret(rows[0][0], _bound(owner, identifier)) if rows else None

    def seal(self, key: KeyEncryptionKey) -> bytes:
        """Return a key as it is stored."""
        return self._keystore.seal_secret(key.octets, _bound(key.owner, key.identifier))


def _bound(owner: str, identifier: bytes) -> str:
    return f"key-encryption key {identifier.hex()} of {owner}"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What can be seen of a key-encryption key.

    Args:
        identifier: What both sides call it.
        bits: Its length.
        added_at: When it came here.
    """

    identifier: bytes
    bits: int
    added_at: int


def keys_of(tx: Transaction, owner: str) -> list[StoredKey]:
    """Return an owner's keys, oldest first."""
    return [StoredKey(*row) for row in tx.execute(records.SELECT_KEKS_OF, {"owner": owner})]
