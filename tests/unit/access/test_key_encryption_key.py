"""Key-encryption keys: read from files of any kind, used for their owner alone, sealed at rest."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import bindparam, update

from keyworks.access.key_encryption_key import (
    MAX_IDENTIFIER_OCTETS,
    KeyEncryptionKey,
    KeyEncryptionKeys,
    keys_of,
    parse_identifier,
    parse_key,
)
from keyworks.access.records import key_encryption_key
from keyworks.errors import IntegrityFailure, OperatorError
from keyworks.service.installation import Installation
from keyworks.service.key_encryption_keys import add_key
from keyworks.store.engine import Transaction
from keyworks.store.statement import Statement
from keyworks.testing import NOON

KEY = bytes(range(1, 33))
OWN = KeyEncryptionKey(b"key 1", "device:1", KEY)
_MOVE = Statement(update(key_encryption_key).values(owner=bindparam("new_owner")))


@pytest.mark.parametrize("length", [16, 24, 32])
def test_a_key_is_read_as_it_is_or_in_hexadecimal(length: int) -> None:
    """RFC 3394 §2.2: key-encryption keys of 128, 192 and 256 bits."""
    key = KEY[:length]
    for octets in (key, key.hex().encode(), key.hex().upper().encode() + b"\r\n", b" " + key.hex().encode()):
        assert parse_key(octets) == key


def test_the_octets_of_a_key_may_be_white_space() -> None:
    assert parse_key(b"\n" * 16) == b"\n" * 16


@pytest.mark.parametrize(
    ("octets", "length"),
    [(b"", 0), (KEY[:15], 15), (KEY + b"\n", 33), (b"00" * 15, 15), (b"0123456789abcdef", 8)],
)
def test_what_is_no_key_is_refused_by_its_length_alone(octets: bytes, length: int) -> None:
    with pytest.raises(OperatorError, match=f"A key of {length} octets") as refused:
        parse_key(octets)
    assert octets.hex() not in str(refused.value) or not octets


def test_an_identifier_is_written_in_hexadecimal() -> None:
    """RFC 4108 §2.2.5: an OCTET STRING."""
    assert parse_identifier("0A1b") == b"\x0a\x1b"
    for text in ("", "0", "xy", "0a 1b", "0a" * (MAX_IDENTIFIER_OCTETS + 1)):
        with pytest.raises(OperatorError, match="in hexadecimal"):
            parse_identifier(text)


def test_a_key_is_in_no_text() -> None:
    assert repr(KEY) not in repr(OWN)


async def test_a_key_is_found_for_its_owner_alone(operator: Installation) -> None:
    keys = KeyEncryptionKeys(operator.store, operator.keystore)
    await add_key(operator, OWN)
    assert await keys.find("device:1", b"key 1") == KEY
    for owner, identifier in (("device:2", b"key 1"), ("device:1", b"key 2"), ("device:1", b"")):
        assert await keys.find(owner, identifier) is None
    [stored] = await operator.store.read(lambda tx: keys_of(tx, "device:1"))
    assert (stored.identifier, stored.bits, stored.added_at) == (b"key 1", 256, NOON)
    assert await operator.store.read(lambda tx: keys_of(tx, "device:2")) == []


async def test_a_key_that_was_moved_to_another_owner_does_not_open(operator: Installation) -> None:
    """Whoever can write into the database cannot have a key used for somebody else."""

    def move(tx: Transaction, owners: Sequence[str]) -> list[None]:
        for owner in owners:
            tx.execute(_MOVE, {"new_owner": owner})
        return [None] * len(owners)

    await add_key(operator, OWN)
    await operator.store.write(move, "device:2")
    with pytest.raises(IntegrityFailure, match="damaged or moved"):
        await KeyEncryptionKeys(operator.store, operator.keystore).find("device:2", b"key 1")


@pytest.mark.file
async def test_no_key_is_stored_in_the_clear(operator: Installation) -> None:
    await add_key(operator, OWN)
    folder: Path = operator.home
    await operator.store.close()
    stored = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
    assert OWN.identifier in stored
    assert KEY not in stored
    assert KEY.hex().encode() not in stored
