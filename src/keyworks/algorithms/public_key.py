"""Public keys: parsed once, checked, and ready to verify."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keyworks import oids
from keyworks.algorithms.registry import RSA_MODULUS_BITS, SignatureAlgorithm, signature_for
from keyworks.asn1.rfc5280 import SubjectPublicKeyInfo
from keyworks.errors import BadSignature, BadSubjectKey

MAX_SPKI_OCTETS: Final = 4096
_SMALLEST_RSA_EXPONENT: Final = 65537
_HASHES: Final = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_ECDSA: Final = {name: ec.ECDSA(algorithm) for name, algorithm in _HASHES.items()}
_ECDSA_OIDS: Final = frozenset({oids.ECDSA_WITH_SHA256, oids.ECDSA_WITH_SHA384, oids.ECDSA_WITH_SHA512})
_RSA_OIDS: Final = frozenset({oids.SHA256_WITH_RSA, oids.SHA384_WITH_RSA, oids.SHA512_WITH_RSA})
_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_PKCS1: Final = padding.PKCS1v15()
_UNCOMPRESSED: Final = 4

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
        if len(spki) > MAX_SPKI_OCTETS:
            raise BadSubjectKey(
                f"The public key has {len(spki)} octets; at most {MAX_SPKI_OCTETS} are looked at."
            )
        try:
            bits = asn1.decode_der(SubjectPublicKeyInfo, spki).subject_public_key.as_bytes()
            loaded = load_der_public_key(spki)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise BadSubjectKey(f"The public key cannot be read: {_reason(error)}") from error
        key_type, verify = _recognize(loaded, bits)
        key_identifier = hashlib.sha256(bits).digest()[:20]
        return cls(spki, key_type, hashlib.sha256(spki).digest(), key_identifier, verify)

    @property
    def signature_algorithm(self) -> SignatureAlgorithm:
        """Return the algorithm with which this key's owner signs, where nothing else is agreed."""
        return signature_for(self.key_type)

    def verify(self, signature: bytes, message: bytes, algorithm: SignatureAlgorithm) -> None:
        """Check a signature.

        Raises:
            BadSignature: It does not verify, or the algorithm is not one of this key's.
        """
        try:
            self._verify(signature, message, algorithm)
        except (InvalidSignature, ValueError) as error:
            raise BadSignature("The signature does not verify.") from error


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


def _recognize(loaded: object, bits: bytes) -> tuple[str, Callable[[bytes, bytes, SignatureAlgorithm], None]]:
    """Return the key's type and what verifies with it; refuse everything that is not listed here."""
    match loaded:
        case ec.EllipticCurvePublicKey():
            return _curve(loaded, bits), partial(_verify_ecdsa, loaded)
        case rsa.RSAPublicKey():
            _check_rsa(loaded)
            return f"rsa-{loaded.key_size}", partial(_verify_rsa, loaded)
        case ed25519.Ed25519PublicKey():
            return "Ed25519", partial(_verify_plain, loaded, oids.ED25519)
        case ed448.Ed448PublicKey():
            return "Ed448", partial(_verify_plain, loaded, oids.ED448)
        case mldsa.MLDSA44PublicKey():
            return "ML-DSA-44", partial(_verify_plain, loaded, oids.ML_DSA_44)
        case mldsa.MLDSA65PublicKey():
            return "ML-DSA-65", partial(_verify_plain, loaded, oids.ML_DSA_65)
        case mldsa.MLDSA87PublicKey():
            return "ML-DSA-87", partial(_verify_plain, loaded, oids.ML_DSA_87)
        case _:
            raise BadSubjectKey(
                "Keys of this type are not certified; use P-256, P-384, P-521, Ed25519, Ed448, ML-DSA or RSA."
            )


def _curve(loaded: ec.EllipticCurvePublicKey, bits: bytes) -> str:
    name = _CURVES.get(loaded.curve.name)
    if name is None:
        raise BadSubjectKey(f"Curve {loaded.curve.name} is not certified; use P-256, P-384 or P-521.")
    if not bits or bits[0] != _UNCOMPRESSED:
        raise BadSubjectKey("The elliptic-curve point is compressed; send it uncompressed (RFC 5480 §2.2).")
    return name


def _check_rsa(loaded: rsa.RSAPublicKey) -> None:
    least, most = RSA_MODULUS_BITS
    if not least <= loaded.key_size <= most:
        raise BadSubjectKey(f"The RSA modulus has {loaded.key_size} bits; {least} to {most} are certified.")
    exponent = loaded.public_numbers().e
    if exponent < _SMALLEST_RSA_EXPONENT or exponent % 2 == 0:
        raise BadSubjectKey(f"The RSA exponent is {exponent}; it has to be odd and at least 65537.")


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
