"""Every algorithm by name: object identifier, encoded identifier, strength.

Source: RFC 3279, 4055, 5480, 5758 (RSA, ECDSA), RFC 8410 (EdDSA), RFC 9881 (ML-DSA); strengths in bits as in
NIST SP 800-57 part 1 §5.6.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from keyworks import oids
from keyworks.errors import OperatorError


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """How something is signed.

    Args:
        name: As the RFCs write it.
        oid: Dotted.
        identifier: DER AlgorithmIdentifier.
        digest: Name of the hash applied first; empty where the algorithm has its own.
    """

    name: str
    oid: str
    identifier: bytes
    digest: str = ""


@asn1.sequence
class _WithNull:
    algorithm: ObjectIdentifier
    parameters: asn1.Null


@asn1.sequence
class _WithoutParameters:
    algorithm: ObjectIdentifier


@asn1.sequence
class _WithCurve:
    algorithm: ObjectIdentifier
    named_curve: ObjectIdentifier


def _rsa(name: str, oid: str, digest: str) -> SignatureAlgorithm:
    identifier = asn1.encode_der(_WithNull(algorithm=ObjectIdentifier(oid), parameters=asn1.Null()))
    return SignatureAlgorithm(name, oid, identifier, digest)


def _plain(name: str, oid: str, digest: str = "") -> SignatureAlgorithm:
    identifier = asn1.encode_der(_WithoutParameters(algorithm=ObjectIdentifier(oid)))
    return SignatureAlgorithm(name, oid, identifier, digest)


def _on_curve(curve: str) -> bytes:
    algorithm = ObjectIdentifier(oids.EC_PUBLIC_KEY)
    return asn1.encode_der(_WithCurve(algorithm=algorithm, named_curve=ObjectIdentifier(curve)))


_SIGNATURES: Final = (
    _rsa("sha256WithRSAEncryption", oids.SHA256_WITH_RSA, "sha256"),
    _rsa("sha384WithRSAEncryption", oids.SHA384_WITH_RSA, "sha384"),
    _rsa("sha512WithRSAEncryption", oids.SHA512_WITH_RSA, "sha512"),
    _plain("ecdsa-with-SHA256", oids.ECDSA_WITH_SHA256, "sha256"),
    _plain("ecdsa-with-SHA384", oids.ECDSA_WITH_SHA384, "sha384"),
    _plain("ecdsa-with-SHA512", oids.ECDSA_WITH_SHA512, "sha512"),
    _plain("Ed25519", oids.ED25519),
    _plain("Ed448", oids.ED448),
    _plain("ML-DSA-44", oids.ML_DSA_44),
    _plain("ML-DSA-65", oids.ML_DSA_65),
    _plain("ML-DSA-87", oids.ML_DSA_87),
)
BY_NAME: Final[Mapping[str, SignatureAlgorithm]] = MappingProxyType(
    {known.name: known for known in _SIGNATURES}
)
BY_IDENTIFIER: Final[Mapping[bytes, SignatureAlgorithm]] = MappingProxyType(
    {known.identifier: known for known in _SIGNATURES}
)
"""Looked up by the whole AlgorithmIdentifier, so that wrong parameters are an unknown algorithm."""

_CURVES: Final = {"P-256": oids.SECP256R1, "P-384": oids.SECP384R1, "P-521": oids.SECP521R1}
_KEYS_WITHOUT_PARAMETERS: Final = ("Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87")
BY_KEY_IDENTIFIER: Final[Mapping[bytes, str]] = MappingProxyType(
    {_rsa("RSA", oids.RSA_ENCRYPTION, "").identifier: "RSA"}
    | {_on_curve(oid): name for name, oid in _CURVES.items()}
    | {BY_NAME[name].identifier: name for name in _KEYS_WITHOUT_PARAMETERS}
)
"""Kinds of public keys by the whole AlgorithmIdentifier in front of the key: so neither an RSASSA-PSS key nor a
curve spelled out by its parameters passes for one of these (RFC 3279 §2.3.1, RFC 5480 §2.1.1)."""

RSA_MODULUS_BITS: Final = (2048, 8192)
"""Smallest and largest modulus that is looked at."""

_RSA_STRENGTH: Final = ((7680, 192), (3072, 128), (2048, 112))
_KEY_TYPES: Final = MappingProxyType(
    {
        "P-256": ("ecdsa-with-SHA256", 128),
        "P-384": ("ecdsa-with-SHA384", 192),
        "P-521": ("ecdsa-with-SHA512", 256),
        "Ed25519": ("Ed25519", 128),
        "Ed448": ("Ed448", 224),
        "ML-DSA-44": ("ML-DSA-44", 128),
        "ML-DSA-65": ("ML-DSA-65", 192),
        "ML-DSA-87": ("ML-DSA-87", 256),
    }
)
KEY_TYPES: Final = (*_KEY_TYPES, "rsa-2048", "rsa-3072", "rsa-4096")
"""Key types we make ourselves; of RSA keys, any modulus within ``RSA_MODULUS_BITS`` is understood."""


def strength_bits(key_type: str) -> int:
    """Return the classical security strength of a key type."""
    if key_type.startswith("rsa-"):
        bits = int(key_type.removeprefix("rsa-"))
        return next(strength for least, strength in _RSA_STRENGTH if bits >= least)
    return _KEY_TYPES[key_type][1]


def signature_for(key_type: str) -> SignatureAlgorithm:
    """Return the algorithm with which a key of this type signs.

    Raises:
        OperatorError: There is no such key type.
    """
    if key_type.startswith("rsa-"):
        return BY_NAME["sha256WithRSAEncryption"]
    if key_type not in _KEY_TYPES:
        raise OperatorError(f"'{key_type}' is no key type; choose one of {', '.join(KEY_TYPES)}.")
    return BY_NAME[_KEY_TYPES[key_type][0]]
