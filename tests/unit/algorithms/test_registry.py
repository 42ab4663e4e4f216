"""The registry of algorithms, held against what cryptography writes into certificates and keys."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyworks.algorithms.registry import (
    BY_IDENTIFIER,
    BY_KEY_IDENTIFIER,
    BY_NAME,
    KEY_TYPES,
    signature_for,
    strength_bits,
)
from keyworks.errors import OperatorError
from tests.unit.x509.chains import Plan, made, private_key


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_a_key_signs_with_the_identifier_that_others_write(key_type: str) -> None:
    digest = {"P-384": "sha384", "P-521": "sha512"}.get(key_type, "sha256")
    certificate = made("algorithm", Plan(key=key_type, digest=digest)).certificate
    algorithm = signature_for(key_type)
    assert algorithm.oid == certificate.signature_algorithm_oid.dotted_string
    assert algorithm.identifier in certificate.tbs_certificate_bytes


@pytest.mark.parametrize("key_type", ["P-256", "P-384", "P-521", "Ed25519", "Ed448", "ML-DSA-44", "rsa-2048"])
def test_a_public_key_is_known_by_the_identifier_that_others_write(key_type: str) -> None:
    spki = private_key(key_type).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    found = [name for identifier, name in BY_KEY_IDENTIFIER.items() if identifier in spki]
    assert found == ["RSA" if key_type.startswith("rsa") else key_type]


def test_an_algorithm_is_found_by_its_whole_identifier_only() -> None:
    """RFC 4055 §5: RSA's parameters MUST be NULL; RFC 5758 §3.2: ECDSA's MUST be absent."""
    rsa, ecdsa = BY_NAME["sha256WithRSAEncryption"].identifier, BY_NAME["ecdsa-with-SHA256"].identifier
    assert BY_IDENTIFIER[rsa].digest == BY_IDENTIFIER[ecdsa].digest == "sha256"
    without_null = bytes((0x30, len(rsa) - 4)) + rsa[2:-2]
    with_null = bytes((0x30, len(ecdsa))) + ecdsa[2:] + b"\x05\x00"
    assert without_null not in BY_IDENTIFIER
    assert with_null not in BY_IDENTIFIER


def test_nothing_weaker_than_sha_256_is_registered() -> None:
    assert {algorithm.digest for algorithm in BY_NAME.values()} == {"", "sha256", "sha384", "sha512"}


@pytest.mark.parametrize(
    ("key_type", "bits"),
    [
        ("rsa-2048", 112),
        ("rsa-3071", 112),
        ("rsa-3072", 128),
        ("rsa-7680", 192),
        ("P-384", 192),
        ("Ed448", 224),
    ],
)
def test_strengths_are_those_of_sp_800_57(key_type: str, bits: int) -> None:
    """NIST SP 800-57 part 1 §5.6.1.1, table 2."""
    assert strength_bits(key_type) == bits


def test_an_unknown_key_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(OperatorError, match=r"'P-257' is no key type; choose one of P-256, .*rsa-4096\."):
        signature_for("P-257")
