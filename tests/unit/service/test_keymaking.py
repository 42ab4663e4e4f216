"""Making a key of our own."""

from contextlib import suppress

import pytest

from keyworks import oids
from keyworks.authority.library import PROFILES
from keyworks.authority.order import Order, Replacement
from keyworks.authority.profile import Wanted
from keyworks.errors import OperatorError
from keyworks.keys.purpose import Purpose
from keyworks.keys.records import SealedKey, find_key
from keyworks.service.installation import Installation
from keyworks.service.keymaking import key_to_certify, make_key
from keyworks.testing import ledger_entries
from keyworks.x509.general_name import server_names
from keyworks.x509.name import Name


@pytest.mark.parametrize("purpose", Purpose)
async def test_a_key_is_stored_and_entered_before_it_signs(supplier: Installation, purpose: Purpose) -> None:
    key = await make_key(supplier, purpose, "Ed25519", "thing:1")
    entry = (await ledger_entries(supplier.store, "key.generated"))[-1]
    assert (entry["object"], entry["actor"]) == ("thing:1", supplier.operator.actor)
    assert entry["detail"] == {
        "key": key.id,
        "key_type": "Ed25519",
        "public_key": key.public_key.fingerprint.hex(),
    }
    signer = await supplier.keystore.signer(key.id)
    key.public_key.verify(await signer.sign(b"message"), b"message", signer.algorithm)


async def test_what_is_no_key_type_is_neither_stored_nor_entered(supplier: Installation) -> None:
    before = await ledger_entries(supplier.store)
    with pytest.raises(OperatorError, match="is no key type"):
        await make_key(supplier, Purpose.CA, "P-192", "thing:1")
    assert await ledger_entries(supplier.store) == before


async def _faster(installation: Installation, owner: str, *, certified: bool) -> SealedKey:
    """Make a key and, where it is to be certified, issue for it; then fail."""
    register, _ = await installation.registers.current()
    issuer = next(one for one in register.generations.values() if one.authority.name == "issuing").issuer
    with suppress(OperatorError):
        async with key_to_certify(installation, Purpose.TLS, "P-256", owner) as key:
            assert await installation.store.read(lambda tx: find_key(tx, key.id)) == key
            if certified:
                order = Order(
                    issuer=issuer,
                    profile=PROFILES["tls-server"],
                    wanted=Wanted(Name.of((oids.COMMON_NAME, "one")), server_names(["one.example"])),
                    public_key=key.public_key,
                    owner=owner,
                    replacement=Replacement.KEEP,
                    requester=installation.operator,
                )
                await installation.path.issue(order)
            raise OperatorError("somebody was faster")
    return key


async def test_a_key_that_was_not_certified_is_destroyed_and_that_is_entered(supplier: Installation) -> None:
    key = await _faster(supplier, "service:one", certified=False)
    assert await supplier.store.read(lambda tx: find_key(tx, key.id)) is None
    made, destroyed = (await ledger_entries(supplier.store))[-2:]
    assert (made["action"], destroyed["action"]) == ("key.generated", "key.destroyed")
    assert (made["object"], made["detail"]) == (destroyed["object"], destroyed["detail"])


async def test_a_key_that_was_certified_stays_whatever_comes_after(supplier: Installation) -> None:
    """What went wrong may have gone wrong when the certificate was recorded already."""
    key = await _faster(supplier, "service:one", certified=True)
    assert await supplier.store.read(lambda tx: find_key(tx, key.id)) == key
    assert await ledger_entries(supplier.store, "key.destroyed") == []
