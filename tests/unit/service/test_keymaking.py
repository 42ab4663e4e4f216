"""Making a key of our own."""

import pytest

from keyworks.errors import OperatorError
from keyworks.keys.purpose import Purpose
from keyworks.service.installation import Installation
from keyworks.service.keymaking import make_key
from keyworks.testing import ledger_entries


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
