"""The records of stored keys."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from keyworks.errors import InternalError, OperatorError
from keyworks.keys.purpose import Purpose
from keyworks.keys.records import SealedKey, find_key, insert_key, key_id_of
from keyworks.store.engine import Store, Transaction
from keyworks.testing import NOON, software_signer, throwaway_store

KEY = SealedKey("key-1", Purpose.CA, "P-256", software_signer().public_key, b"sealed octets", NOON)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with throwaway_store(tmp_path) as store:
        yield store


def keep(tx: Transaction, keys: Sequence[SealedKey]) -> list[None]:
    for key in keys:
        insert_key(tx, key)
    return [None] * len(keys)


async def test_a_key_is_read_as_it_was_written(store: Store) -> None:
    await store.write(keep, KEY)
    assert await store.read(lambda tx: find_key(tx, KEY.id)) == KEY
    assert await store.read(lambda tx: key_id_of(tx, KEY.public_key)) == KEY.id


async def test_a_key_that_is_not_there_is_none(store: Store) -> None:
    await store.write(keep, KEY)
    other = software_signer().public_key
    assert await store.read(lambda tx: (find_key(tx, "key-2"), key_id_of(tx, other))) == (None, None)


@pytest.mark.parametrize(
    "twin", [replace(KEY, id="key-2"), replace(KEY, public_key=software_signer().public_key)]
)
async def test_neither_a_public_key_nor_an_id_is_stored_twice(store: Store, twin: SealedKey) -> None:
    await store.write(keep, KEY)
    with pytest.raises(InternalError):
        await store.write(keep, twin)
    assert await store.read(lambda tx: find_key(tx, KEY.id)) == KEY


async def test_a_key_is_stored_only_together_with_what_it_is_made_for(store: Store) -> None:
    def changed_their_mind(tx: Transaction, keys: Sequence[SealedKey]) -> list[None]:
        keep(tx, keys)
        raise OperatorError("No authority, no key.")

    with pytest.raises(OperatorError):
        await store.write(changed_their_mind, KEY)
    assert await store.read(lambda tx: find_key(tx, KEY.id)) is None


def test_what_is_sealed_is_not_shown() -> None:
    assert "sealed octets" not in repr(KEY)
