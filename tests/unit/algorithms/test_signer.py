"""The contract of ``Signer``, on every implementation there is."""

from collections.abc import Sequence

import pytest

from keyworks.algorithms.signer import Signer
from keyworks.errors import BadSignature
from keyworks.keys.purpose import Purpose
from keyworks.keys.records import SealedKey, insert_key
from keyworks.keys.software import make_private_key, signer_of
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction

KEY_TYPES = ("P-256", "P-384", "P-521", "Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "rsa-2048")
MESSAGES = (b"", b"message", bytes(100_000))


def _keep(tx: Transaction, keys: Sequence[SealedKey]) -> list[None]:
    for key in keys:
        insert_key(tx, key)
    return [None] * len(keys)


@pytest.fixture(params=["in memory", "stored"])
async def signer(request: pytest.FixtureRequest, supplier: Installation, key_type: str) -> Signer:
    if request.param == "in memory":
        return signer_of(make_private_key(key_type))
    key = await supplier.keystore.generate(Purpose.CA, key_type)
    await supplier.store.write(_keep, key)
    return await supplier.keystore.signer(key.id)


@pytest.mark.parametrize("key_type", KEY_TYPES)
async def test_a_signer_signs_the_message_itself_with_its_one_algorithm(signer: Signer, key_type: str) -> None:
    assert signer.public_key.key_type == key_type
    assert signer.algorithm == signer.public_key.signature_algorithm
    for message in MESSAGES:
        signature = await signer.sign(message)
        signer.public_key.verify(signature, message, signer.algorithm)
        with pytest.raises(BadSignature):
            signer.public_key.verify(signature, message + b"\x00", signer.algorithm)
