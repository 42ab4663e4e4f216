"""Subject keys that are certified, and signatures that count."""

import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import SubjectKeyIdentifier

from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.registry import BY_NAME
from keyworks.errors import BadSignature
from tests.unit.x509.chains import PrivateKey, private_key, signature_of

ACCEPTED = (
    "P-256",
    "P-384",
    "P-521",
    "Ed25519",
    "Ed448",
    "ML-DSA-44",
    "ML-DSA-65",
    "ML-DSA-87",
    "rsa-2048",
    "rsa-3000",
)
MESSAGE = b"what is signed"


def spki_of(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("key_type", ACCEPTED)
def test_a_key_is_kept_as_it_came_under_its_own_type(key_type: str) -> None:
    spki = spki_of(private_key(key_type))
    parsed = PublicKey.parse(spki)
    assert (parsed.spki, parsed.key_type) == (spki, key_type)
    assert parsed.fingerprint == hashlib.sha256(spki).digest()


def test_the_key_identifier_is_the_left_of_sha_256_over_the_key_alone() -> None:
    """RFC 7093 §2 method 1: the leftmost 160 bits of SHA-256 of the BIT STRING's value."""
    key = private_key("P-256")
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert PublicKey.parse(spki_of(key)).key_identifier == hashlib.sha256(point).digest()[:20]
    by_sha_1 = SubjectKeyIdentifier.from_public_key(key.public_key()).digest
    assert PublicKey.parse(spki_of(key)).key_identifier != by_sha_1
    assert PublicKey.parse(spki_of(key)).usual_identifiers == (hashlib.sha256(point).digest()[:20], by_sha_1)


@pytest.mark.parametrize("key_type", ACCEPTED)
def test_a_signature_counts_only_for_this_key_message_and_algorithm(key_type: str) -> None:
    key = private_key(key_type)
    parsed = PublicKey.parse(spki_of(key))
    algorithm = parsed.signature_algorithm
    signature = signature_of(key, MESSAGE, algorithm.digest)
    parsed.verify(signature, MESSAGE, algorithm)
    stranger = PublicKey.parse(spki_of(private_key(key_type, "another")))
    damaged = signature[:-1] + bytes((signature[-1] ^ 1,))
    for verifier, given, message in (
        (stranger, signature, MESSAGE),
        (parsed, damaged, MESSAGE),
        (parsed, signature + b"\0", MESSAGE),
        (parsed, b"", MESSAGE),
        (parsed, signature, MESSAGE + b"!"),
    ):
        with pytest.raises(BadSignature, match="does not verify"):
            verifier.verify(given, message, algorithm)
    for other in BY_NAME.values():
        if other is not algorithm:
            with pytest.raises(BadSignature, match="does not verify"):
                parsed.verify(signature, MESSAGE, other)


@pytest.mark.parametrize(
    ("key_type", "name", "digest"),
    [
        ("P-256", "ecdsa-with-SHA512", "sha512"),
        ("P-521", "ecdsa-with-SHA256", "sha256"),
        ("rsa-2048", "sha384WithRSAEncryption", "sha384"),
        ("rsa-2048", "sha512WithRSAEncryption", "sha512"),
    ],
)
def test_a_key_may_sign_with_any_registered_digest(key_type: str, name: str, digest: str) -> None:
    key = private_key(key_type)
    PublicKey.parse(spki_of(key)).verify(signature_of(key, MESSAGE, digest), MESSAGE, BY_NAME[name])
