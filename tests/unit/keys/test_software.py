"""Software keys: sealed at rest, opened at first use, never shown."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from keyworks.algorithms.registry import KEY_TYPES
from keyworks.errors import BadSignature, IntegrityFailure, InternalError, OperatorError
from keyworks.keys.master import SealingKey, derive_master
from keyworks.keys.purpose import Purpose
from keyworks.keys.records import SealedKey, find_key, insert_key, key_id_of
from keyworks.keys.software import (
    KeyStore,
    create_key_store,
    make_private_key,
    prepare_key_store,
    public_key_of,
    signer_of,
)
from keyworks.store.engine import Store, Transaction
from keyworks.testing import NOON, FixedClock, sql, throwaway_store

PASSPHRASE = b"correct horse battery staple"
NEW = prepare_key_store(PASSPHRASE, NOON)
MASTER = derive_master(PASSPHRASE, NEW.salt)
"""Made once: its scrypt takes a tenth of a second."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with throwaway_store(tmp_path) as store:
        await store.write(create_key_store, NEW)
        yield store


@pytest.fixture
def keystore(store: Store, clock: FixedClock) -> KeyStore:
    """What ``KeyStore.open`` returns."""
    wrapping = {purpose: SealingKey(MASTER.open(sealed, purpose)) for purpose, sealed in NEW.sealed.items()}
    return KeyStore(store, wrapping, clock)


def _keep(tx: Transaction, keys: Sequence[SealedKey]) -> list[None]:
    for key in keys:
        insert_key(tx, key)
    return [None] * len(keys)


async def _kept(store: Store, keystore: KeyStore, purpose: Purpose = Purpose.CA) -> SealedKey:
    key = await keystore.generate(purpose, "P-256")
    await store.write(_keep, key)
    return key


async def _execute(store: Store, words: str, **values: object) -> None:
    await store.write(lambda tx, items: [tx.execute(sql(words), item) for item in items], values)


@pytest.mark.parametrize("key_type", KEY_TYPES)
async def test_every_key_type_is_stored_and_signs_what_its_public_key_verifies(
    store: Store, keystore: KeyStore, key_type: str
) -> None:
    key = await keystore.generate(Purpose.CA, key_type)
    assert (key.key_type, key.public_key.key_type) == (key_type, key_type)
    await store.write(_keep, key)
    signer = await keystore.signer(key.id)
    signature = await signer.sign(b"message")
    key.public_key.verify(signature, b"message", signer.algorithm)
    with pytest.raises(BadSignature):
        key.public_key.verify(signature, b"massage", signer.algorithm)


@pytest.mark.parametrize(
    "key_type", ["", "P-192", "p-256", "rsa-1024", "rsa-8193", "rsa-", "rsa-x", "rsa--1", "Ed25519 "]
)
async def test_what_is_no_key_type_is_told_with_those_there_are(keystore: KeyStore, key_type: str) -> None:
    with pytest.raises(OperatorError, match="is no key type; choose one of P-256"):
        await keystore.generate(Purpose.CA, key_type)


async def test_a_generated_key_is_nowhere_until_it_is_written(store: Store, keystore: KeyStore) -> None:
    key = await keystore.generate(Purpose.CA, "P-256")
    with pytest.raises(IntegrityFailure, match="not in the key store"):
        await keystore.signer(key.id)
    assert await store.read(lambda tx: key_id_of(tx, key.public_key)) is None


async def test_a_key_is_found_by_its_public_half(store: Store, keystore: KeyStore) -> None:
    key = await _kept(store, keystore)
    assert await store.read(lambda tx: key_id_of(tx, key.public_key)) == key.id
    assert await store.read(lambda tx: find_key(tx, key.id)) == key


@pytest.mark.file
async def test_no_private_key_and_no_passphrase_is_stored_in_the_clear(
    store: Store, keystore: KeyStore, tmp_path: Path
) -> None:
    key = await _kept(store, keystore, Purpose.TLS)
    private = load_pem_private_key(await keystore.private_key_pem(key.id), None)
    scalar = private.private_numbers().private_value.to_bytes(32, "big")  # type: ignore[union-attr]
    await store.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert key.public_key.spki in stored
    assert scalar not in stored
    assert PASSPHRASE not in stored


async def test_a_key_is_opened_once_and_only_when_it_is_used(store: Store, keystore: KeyStore) -> None:
    key = await _kept(store, keystore)
    signer = await keystore.signer(key.id)
    await _execute(store, "DELETE FROM sealed_key")
    assert await keystore.signer(key.id) is signer


async def test_a_secret_is_sealed_for_what_it_is_and_outlives_a_restart(
    store: Store, keystore: KeyStore, clock: FixedClock
) -> None:
    first, second = (keystore.seal_secret(b"secret", "one of device:1") for _ in range(2))
    assert first != second
    assert b"secret" not in first
    again = await KeyStore.open(store, PASSPHRASE, clock)
    assert again.open_secret(first, "one of device:1") == b"secret"
    for sealed, what in ((first, "one of device:2"), (first[:-1] + bytes((first[-1] ^ 1,)), "one of device:1")):
        with pytest.raises(IntegrityFailure, match="does not open"):
            again.open_secret(sealed, what)


async def test_secrets_are_not_sealed_with_the_key_that_makes_macs(keystore: KeyStore) -> None:
    sealed = keystore.seal_secret(b"secret", "one of device:1")
    wrapping = SealingKey(MASTER.open(NEW.sealed[Purpose.SECRETS], Purpose.SECRETS))
    with pytest.raises(IntegrityFailure):
        wrapping.open(sealed, "one of device:1")


async def test_a_key_outlives_a_restart(store: Store, keystore: KeyStore, clock: FixedClock) -> None:
    key = await _kept(store, keystore)
    signer = await (await KeyStore.open(store, PASSPHRASE, clock)).signer(key.id)
    key.public_key.verify(await signer.sign(b"message"), b"message", signer.algorithm)


async def test_opening_a_key_store_opens_no_key(store: Store, keystore: KeyStore, clock: FixedClock) -> None:
    key = await _kept(store, keystore)
    await _execute(store, "UPDATE sealed_key SET sealed = :octets", octets=b"\x00")
    reopened = await KeyStore.open(store, PASSPHRASE, clock)
    with pytest.raises(IntegrityFailure):
        await reopened.signer(key.id)


async def test_a_wrong_passphrase_is_told_to_the_operator(store: Store, clock: FixedClock) -> None:
    with pytest.raises(OperatorError, match="passphrase does not open") as refused:
        await KeyStore.open(store, PASSPHRASE + b"!", clock)
    assert PASSPHRASE.decode() not in str(refused.value)


async def test_an_installation_without_keys_is_told(tmp_path: Path, clock: FixedClock) -> None:
    async with throwaway_store(tmp_path) as store:
        with pytest.raises(OperatorError, match="no keys yet"):
            await KeyStore.open(store, PASSPHRASE, clock)


async def test_a_key_store_is_never_made_anew(store: Store, keystore: KeyStore, clock: FixedClock) -> None:
    key = await _kept(store, keystore)
    with pytest.raises(OperatorError, match="has a key store already"):
        await store.write(create_key_store, prepare_key_store(PASSPHRASE, NOON))
    await (await KeyStore.open(store, PASSPHRASE, clock)).signer(key.id)


async def test_each_purpose_has_a_wrapping_key_of_its_own(store: Store, keystore: KeyStore) -> None:
    assert len({sealing.octets for sealing in keystore._wrapping.values()}) == len(Purpose)
    key = await _kept(store, keystore, Purpose.LEDGER)
    await _execute(store, "UPDATE sealed_key SET purpose = 'tls'")
    with pytest.raises(IntegrityFailure, match="does not open"):
        await keystore.private_key_pem(key.id)


async def test_a_wrapping_key_cannot_stand_for_another(store: Store, clock: FixedClock) -> None:
    await _execute(
        store,
        "UPDATE wrapping_key SET sealed = (SELECT sealed FROM wrapping_key WHERE purpose = 'tls') "
        "WHERE purpose = 'ca'",
    )
    with pytest.raises(OperatorError, match="does not open"):
        await KeyStore.open(store, PASSPHRASE, clock)


async def test_a_missing_wrapping_key_is_noticed(store: Store, clock: FixedClock) -> None:
    await _execute(store, "DELETE FROM wrapping_key WHERE purpose = 'ledger'")
    with pytest.raises(IntegrityFailure, match="wrapping key is missing"):
        await KeyStore.open(store, PASSPHRASE, clock)


async def test_a_purpose_that_this_release_does_not_know_is_told(store: Store, clock: FixedClock) -> None:
    await _execute(store, "UPDATE wrapping_key SET purpose = 'code' WHERE purpose = 'ca'")
    with pytest.raises((OperatorError, IntegrityFailure)):
        await KeyStore.open(store, PASSPHRASE, clock)


async def test_a_sealed_key_moved_to_another_id_does_not_open(store: Store, keystore: KeyStore) -> None:
    """The key id is associated data of the sealing."""
    one, other = await _kept(store, keystore), await _kept(store, keystore)
    await _execute(
        store, "UPDATE sealed_key SET sealed = :sealed WHERE id = :id", sealed=one.sealed, id=other.id
    )
    with pytest.raises(IntegrityFailure, match="does not open"):
        await keystore.signer(other.id)


async def test_a_damaged_sealed_key_does_not_open(store: Store, keystore: KeyStore) -> None:
    key = await _kept(store, keystore)
    damaged = key.sealed[:-1] + bytes([key.sealed[-1] ^ 1])
    await _execute(store, "UPDATE sealed_key SET sealed = :sealed", sealed=damaged)
    with pytest.raises(IntegrityFailure, match="does not open"):
        await keystore.signer(key.id)


async def test_a_key_that_is_not_the_one_recorded_with_it_does_not_sign(
    store: Store, keystore: KeyStore
) -> None:
    key = await _kept(store, keystore)
    other = public_key_of(make_private_key("P-256"))
    await _execute(store, "UPDATE sealed_key SET public_key = :spki", spki=other.spki)
    with pytest.raises(IntegrityFailure, match="not the one recorded"):
        await keystore.signer(key.id)


@pytest.mark.parametrize(
    "damage", ["UPDATE sealed_key SET public_key = :junk", "UPDATE sealed_key SET purpose = 'hobby'"]
)
async def test_a_damaged_record_is_ours_to_blame(store: Store, keystore: KeyStore, damage: str) -> None:
    """Not the requester's, who cannot help it."""
    key = await _kept(store, keystore)
    await _execute(store, damage, **({"junk": b"\x30\x00"} if ":junk" in damage else {}))
    with pytest.raises(IntegrityFailure, match="record of a stored key is damaged"):
        await keystore.signer(key.id)


async def test_a_tls_key_is_handed_out_whole(store: Store, keystore: KeyStore) -> None:
    key = await _kept(store, keystore, Purpose.TLS)
    private = load_pem_private_key(await keystore.private_key_pem(key.id), None)
    assert public_key_of(private) == key.public_key  # type: ignore[arg-type]


@pytest.mark.parametrize("purpose", [one for one in Purpose if one is not Purpose.TLS])
async def test_no_other_key_is_handed_out(store: Store, keystore: KeyStore, purpose: Purpose) -> None:
    key = await _kept(store, keystore, purpose)
    with pytest.raises(InternalError, match="Only TLS keys"):
        await keystore.private_key_pem(key.id)


async def test_secrets_and_private_keys_are_never_shown(store: Store, keystore: KeyStore) -> None:
    key = await _kept(store, keystore)
    private = make_private_key("Ed25519")
    shown = [repr(signer_of(private)), repr(await keystore.signer(key.id)), repr(key), str(key)]
    for text in shown:
        assert "private" not in text
        assert "sealed=" not in text
        assert key.sealed.hex() not in text


async def test_a_secret_is_stored_as_what_only_this_key_store_can_make(
    store: Store, keystore: KeyStore, clock: FixedClock
) -> None:
    again = await KeyStore.open(store, PASSPHRASE, clock)
    assert keystore.mac(b"secret") == again.mac(b"secret")
    assert len({keystore.mac(b"secret"), keystore.mac(b"secreT"), keystore.mac(b""), b"secret"}) == 4


async def test_another_installation_stores_the_same_secret_differently(
    keystore: KeyStore, tmp_path: Path, clock: FixedClock
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    async with throwaway_store(folder) as store:
        await store.write(create_key_store, prepare_key_store(PASSPHRASE, NOON))
        other = await KeyStore.open(store, PASSPHRASE, clock)
    assert other.mac(b"secret") != keystore.mac(b"secret")
