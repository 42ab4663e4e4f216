"""Public keys: parsed once, checked, and ready to verify."""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keyworks import oids
from keyworks.algorithms.registry import (
    BY_KEY_IDENTIFIER,
    BY_NAME,
    RSA_MODULUS_BITS,
    SignatureAlgorithm,
    signature_for,
)
from keyworks.asn1.rfc5280 import SubjectPublicKeyInfo
from keyworks.errors import BadSignature, BadSubjectKey

MAX_SPKI_OCTETS: Final = 4096
_RSA_EXPONENTS: Final = range(65537, 1 << 256)
_SMALL_FACTORS: Final = math.prod(n for n in range(2, 752) if all(n % d for d in range(2, math.isqrt(n) + 1)))
_HASHES: Final = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_ECDSA: Final = {name: ec.ECDSA(algorithm) for name, algorithm in _HASHES.items()}
_ECDSA_OIDS: Final = frozenset({oids.ECDSA_WITH_SHA256, oids.ECDSA_WITH_SHA384, oids.ECDSA_WITH_SHA512})
_RSA_OIDS: Final = frozenset({oids.SHA256_WITH_RSA, oids.SHA384_WITH_RSA, oids.SHA512_WITH_RSA})
_PKCS1: Final = padding.PKCS1v15()
_UNCOMPRESSED: Final = 4
_UNWANTED: Final = (
    "Keys of this type, or with these parameters, are not certified; "
    "use P-256, P-384 or P-521 by its name, Ed25519, Ed448, ML-DSA, or RSA."
)
_P25519: Final = 2**255 - 19
_P448: Final = 2**448 - 2**224 - 1
_ORDER_8: Final = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDER: Final = MappingProxyType(
    {
        "Ed25519": frozenset({0, 1, _ORDER_8, _P25519 - _ORDER_8, _P25519 - 1, _P25519, _P25519 + 1}),
        "Ed448": frozenset({0, 1, _P448 - 1, _P448, _P448 + 1}),
    }
)
"""The y of points of small order, canonical or not: with such a key anybody can sign (RFC 7748 §7)."""

_PlainKey = (
    ed25519.Ed25519PublicKey
    | ed448.Ed448PublicKey
    | mldsa.MLDSA44PublicKey
    | mldsa.MLDSA65PublicKey
    | mldsa.MLDSA87PublicKey
)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A subject's or an authority's public key.

    Args:
        spki: DER SubjectPublicKeyInfo, exactly as it came.
        key_type: Such as ``P-256`` or ``rsa-3072``.
        fingerprint: SHA-256 of ``spki``.
        key_identifier: 20 octets, as subjectKeyIdentifier has them.
    """

    spki: bytes
    key_type: str
    fingerprint: bytes
    key_identifier: bytes
    _verify: Callable[[bytes, bytes, SignatureAlgorithm], None] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, spki: bytes) -> "PublicKey":
        """Return the key in a SubjectPublicKeyInfo.

        Raises:
            BadSubjectKey: Malformed, weak, or of a type that is not certified.

        Source: RFC 7093 §2 method 1 (the key identifier).
        """
        return _parse(spki)

    @property
    def signature_algorithm(self) -> SignatureAlgorithm:
        """Return the algorithm with which this key's owner signs, where nothing else is agreed."""
        return signature_for(self.key_type)

    @property
    def usual_identifiers(self) -> tuple[bytes, ...]:
        """Return what others call this key where no certificate says: our ``key_identifier``, or RFC 5280's.

        Source: RFC 7093 §2 method 1; RFC 5280 §4.2.1.2 method 1.
        """
        bits = asn1.decode_der(SubjectPublicKeyInfo, self.spki).subject_public_key.as_bytes()
        # Nothing rests on the strength of that hash: it only names.
        return self.key_identifier, hashlib.sha1(bits, usedforsecurity=False).digest()

    def verify(self, signature: bytes, message: bytes, algorithm: SignatureAlgorithm) -> None:
        """Check a signature.

        Raises:
            BadSignature: It does not verify, or the algorithm is not one of this key's.
        """
        try:
            self._verify(signature, message, algorithm)
        except (InvalidSignature, ValueError) as error:
            raise BadSignature("The signature does not verify.") from error


@lru_cache(maxsize=256)
def _parse(spki: bytes) -> PublicKey:
    """Parse a key once: it is met in the request, in the TBS read back, and in the certificate presented."""
    if len(spki) > MAX_SPKI_OCTETS:
        raise BadSubjectKey(f"The public key has {len(spki)} octets; at most {MAX_SPKI_OCTETS} are looked at.")
    try:
        decoded = asn1.decode_der(SubjectPublicKeyInfo, spki)
    except ValueError as error:
        raise BadSubjectKey("The public key is malformed (RFC 5280 §4.1.2.7).") from error
    kind = BY_KEY_IDENTIFIER.get(asn1.encode_der(decoded.algorithm))
    if kind is None:
        raise BadSubjectKey(_UNWANTED)
    bits = decoded.subject_public_key.as_bytes()
    try:
        loaded = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadSubjectKey(f"The public key is no valid {kind} key.", private=str(error)) from error
    key_type, verify = _recognize(kind, loaded, bits)
    key_identifier = hashlib.sha256(bits).digest()[:20]
    return PublicKey(spki, key_type, hashlib.sha256(spki).digest(), key_identifier, verify)


def _recognize(
    kind: str, loaded: object, bits: bytes
) -> tuple[str, Callable[[bytes, bytes, SignatureAlgorithm], None]]:
    """Return the key's type and what verifies with it; refuse everything that is not listed here."""
    match loaded:
        case ec.EllipticCurvePublicKey():
            if bits[0] != _UNCOMPRESSED:
                raise BadSubjectKey(
                    "The elliptic-curve point is compressed; send it uncompressed (RFC 5480 §2.2)."
                )
            return kind, partial(_verify_ecdsa, loaded)
        case rsa.RSAPublicKey():
            _check_rsa(loaded)
            return f"rsa-{loaded.key_size}", partial(_verify_rsa, loaded)
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            _check_order(kind, bits)
            return kind, partial(_verify_plain, loaded, BY_NAME[kind].oid)
        case mldsa.MLDSA44PublicKey() | mldsa.MLDSA65PublicKey() | mldsa.MLDSA87PublicKey():
            return kind, partial(_verify_plain, loaded, BY_NAME[kind].oid)
        case _:
            raise BadSubjectKey(_UNWANTED)


def _check_rsa(loaded: rsa.RSAPublicKey) -> None:
    """Refuse what is weak or costs too much to verify with.

    Source: NIST SP 800-89 §5.3.3 (exponent between 2^16 and 2^256, no factor below 752).
    """
    least, most = RSA_MODULUS_BITS
    if not least <= loaded.key_size <= most:
        raise BadSubjectKey(f"The RSA modulus has {loaded.key_size} bits; {least} to {most} are certified.")
    numbers = loaded.public_numbers()
    if numbers.e not in _RSA_EXPONENTS:
        raise BadSubjectKey("The RSA exponent has to be odd, at least 65537 and below 2^256; use 65537.")
    if math.gcd(numbers.n, _SMALL_FACTORS) != 1:
        raise BadSubjectKey("The RSA modulus has a small factor; make a new key.")


def _check_order(kind: str, bits: bytes) -> None:
    """Refuse points with whose keys anybody can sign."""
    y = int.from_bytes(bits, "little")
    if y & ~(1 << (8 * len(bits) - 1)) in _SMALL_ORDER[kind]:
        raise BadSubjectKey(f"The {kind} point has small order; make a new key.")


def _verify_ecdsa(
    loaded: ec.EllipticCurvePublicKey, signature: bytes, message: bytes, algorithm: SignatureAlgorithm
) -> None:
    if algorithm.oid not in _ECDSA_OIDS:
        raise InvalidSignature
    loaded.verify(signature, message, _ECDSA[algorithm.digest])


def _verify_rsa(
    loaded: rsa.RSAPublicKey, signature: bytes, message: bytes, algorithm: SignatureAlgorithm
) -> None:
    if algorithm.oid not in _RSA_OIDS:
        raise InvalidSignature
    loaded.verify(signature, message, _PKCS1, _HASHES[algorithm.digest])


def _verify_plain(
    loaded: _PlainKey, oid: str, signature: bytes, message: bytes, algorithm: SignatureAlgorithm
) -> None:
    if algorithm.oid != oid:
        raise InvalidSignature
    loaded.verify(signature, message)
