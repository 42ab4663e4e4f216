"""Anchors, accounts, one-time secrets and epochs in the database."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from keyworks.access import records
from keyworks.access.principal import Kind
from keyworks.access.records import Account
from keyworks.access.secret import OneTimeSecret
from keyworks.errors import NotAuthorized
from keyworks.service.authorities import list_generations
from keyworks.service.installation import Installation
from keyworks.store.engine import Store, Transaction
from keyworks.testing import throwaway_store

T = TypeVar("T")
SECRET: dict[str, Any] = {
    "id": "secret-1",
    "mac": b"mac",
    "principal_kind": "station",
    "principal_name": "line-1",
    "channel_label": "stations",
    "created_at": 1,
    "expires_at": 100,
    "bound_key": None,
    "spent": 0,
}
STORED = OneTimeSecret("secret-1", Kind.STATION, "line-1", "stations", 100, None, spent=False)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with throwaway_store(tmp_path) as store:
        yield store


@pytest.fixture
async def secret(store: Store) -> Store:
    """A store with one unused secret."""
    await _do(store, lambda tx: tx.execute(records.INSERT_SECRET, SECRET))
    return store


async def _do(store: Store, what: Callable[[Transaction], T]) -> T:
    def write(tx: Transaction, items: Sequence[None]) -> list[T]:
        return [what(tx) for _ in items]

    return await store.write(write, None)


async def _stored(store: Store) -> OneTimeSecret | None:
    return await store.read(lambda tx: records.find_secret(tx, b"mac"))


async def test_a_secret_is_found_by_what_is_stored_of_it_alone(secret: Store) -> None:
    assert await _stored(secret) == STORED
    assert await secret.read(lambda tx: records.find_secret(tx, b"other")) is None


async def test_a_secret_is_bound_to_the_first_key_it_is_used_for(secret: Store) -> None:
    await secret.write(records.bind_secret, ("secret-1", b"key"))
    found = await _stored(secret)
    assert found is not None
    assert (found.bound_key, found.spent) == (b"key", False)


async def test_an_identical_retry_may_use_the_secret_again(secret: Store) -> None:
    for _ in range(3):
        await secret.write(records.bind_secret, ("secret-1", b"key"))
    with pytest.raises(NotAuthorized, match="used for another key"):
        await secret.write(records.bind_secret, ("secret-1", b"other key"))
    found = await _stored(secret)
    assert found is not None
    assert found.bound_key == b"key"


@pytest.mark.parametrize("bound", [True, False])
async def test_a_secret_is_spent_once_for_the_key_that_is_certified(secret: Store, bound: bool) -> None:
    """Whether it was bound before, or the server made the key for this very certificate."""
    if bound:
        await secret.write(records.bind_secret, ("secret-1", b"key"))
    await _do(secret, lambda tx: records.spend_secret(tx, "secret-1", b"key"))
    for key in (b"key", b"other key"):
        with pytest.raises(NotAuthorized, match="is spent"):
            await _do(secret, lambda tx, key=key: records.spend_secret(tx, "secret-1", key))  # type: ignore[misc]
    found = await _stored(secret)
    assert found is not None
    assert (found.bound_key, found.spent, found.replaced) == (b"key", True, False)


async def test_a_secret_that_is_bound_is_not_spent_for_another_key(secret: Store) -> None:
    await secret.write(records.bind_secret, ("secret-1", b"key"))
    with pytest.raises(NotAuthorized):
        await _do(secret, lambda tx: records.spend_secret(tx, "secret-1", b"other key"))
    found = await _stored(secret)
    assert found is not None
    assert (found.bound_key, found.spent) == (b"key", False)


async def test_an_unknown_secret_is_neither_bound_nor_spent(secret: Store) -> None:
    with pytest.raises(NotAuthorized):
        await secret.write(records.bind_secret, ("none", b"key"))
    with pytest.raises(NotAuthorized):
        await _do(secret, lambda tx: records.spend_secret(tx, "none", b"key"))
    assert await _stored(secret) == STORED


def _account(name: str, *labels: str, kind: Kind = Kind.STATION, active: bool = True) -> Account:
    names = {"dns": ("a.example", "b.example"), "ip": ()}
    return Account(f"id of {name}", kind, name, active, frozenset(labels), names, "hall-1")


async def test_accounts_are_listed_by_name_with_their_channels_and_names(store: Store) -> None:
    second = _account("line-2", kind=Kind.SERVICE, active=False)
    first = _account("line-1", "idevid", "stations")
    for one in (second, first):
        await _do(store, lambda tx, one=one: records.put_account(tx, one, 1))  # type: ignore[misc]
    assert await store.read(records.list_accounts) == [first, second]
    assert await store.read(lambda tx: records.find_account(tx, "line-1")) == first
    assert await store.read(lambda tx: records.find_account(tx, "")) is None
    assert await store.read(lambda tx: records.find_account(tx, "line-%")) is None


async def test_an_account_that_is_changed_keeps_its_id(store: Store) -> None:
    await _do(store, lambda tx: records.put_account(tx, _account("line-1", "idevid"), 1))
    other = replace(_account("line-1", "stations", active=False), id="other", names={}, site=None)
    await _do(store, lambda tx: records.put_account(tx, other, 1))
    assert await store.read(records.list_accounts) == [replace(other, id="id of line-1")]


async def test_an_account_goes_together_with_its_unused_secrets(secret: Store) -> None:
    gone = replace(_account(STORED.principal_name, "stations"), kind=STORED.principal_kind)
    await _do(secret, lambda tx: records.put_account(tx, gone, 1))
    await _do(secret, lambda tx: records.remove_account(tx, gone))
    assert await secret.read(records.list_accounts) == []
    left = await _stored(secret)
    assert left is not None
    assert left.replaced


async def test_epochs_begin_at_zero_and_move_apart(store: Store) -> None:
    assert await store.read(records.read_epoch) == (0, 0)
    await _do(store, records.advance_trust)
    await _do(store, records.advance_trust)
    await _do(store, records.advance_revocation)
    assert await store.read(records.read_epoch) == (2, 1)


async def test_anchors_are_listed_by_name_and_gone_once_removed(store: Store, supplier: Installation) -> None:
    [*_, issuing] = await list_generations(supplier)
    for name in ("b", "a"):
        row = {
            "id": name,
            "name": name,
            "der": issuing.certificate.der,
            "vouches_for": "device",
            "manufacturer": "Example",
            "created_at": 1,
        }
        await _do(store, lambda tx, row=row: tx.execute(records.PUT_ANCHOR, row))  # type: ignore[misc]
    listed = await store.read(records.list_anchors)
    assert [(one.name, one.certificate, one.vouches_for, one.manufacturer) for one in listed] == [
        ("a", issuing.certificate, Kind.DEVICE, "Example"),
        ("b", issuing.certificate, Kind.DEVICE, "Example"),
    ]
    await _do(store, lambda tx: tx.execute(records.DELETE_ANCHOR, {"name": "a"}))
    assert [one.name for one in await store.read(records.list_anchors)] == ["b"]
