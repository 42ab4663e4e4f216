"""From decided fields to octets: the certificate to be signed, and the signed one.

Source: RFC 5280 §4.1.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.registry import SignatureAlgorithm
from keyworks.asn1 import rfc5280
from keyworks.x509.der import encode, sequence_of, wrap
from keyworks.x509.extensions import Extension
from keyworks.x509.name import Name

NO_EXPIRY: Final = 253402300799
"""99991231235959Z: this certificate never expires (RFC 5280 §4.1.2.5)."""

_VERSION_3: Final = bytes.fromhex("a003020102")
_GENERALIZED_FROM: Final = 2524608000
"""2050-01-01: from here on GeneralizedTime, before it UTCTime."""


@dataclass(frozen=True, slots=True)
class TBSCertificate:
    """A certificate to be signed, version 3.

    Args:
        serial_number: Positive, at most 20 octets.
        signature: What the issuer signs with.
        issuer: The issuer's subject, octet for octet.
        subject: Whose it will be.
        not_before: First valid second.
        not_after: Last valid second; ``NO_EXPIRY`` for never.
        public_key: The subject's.
        extensions: In this order.
    """

    serial_number: int
    signature: SignatureAlgorithm
    issuer: Name
    subject: Name
    not_before: int
    not_after: int
    public_key: PublicKey
    extensions: tuple[Extension, ...]

    def encode(self) -> bytes:
        """Return the DER TBSCertificate, composed of parts that are mostly the same in many certificates."""
        parts = [
            _VERSION_3,
            encode(self.serial_number),
            self.signature.identifier,
            self.issuer.der,
            _validity(self.not_before, self.not_after),
            self.subject.der,
            self.public_key.spki,
        ]
        if self.extensions:
            parts.append(wrap(0xA3, sequence_of([_extension(one) for one in self.extensions])))
        return sequence_of(parts)


@lru_cache(maxsize=64)
def _validity(not_before: int, not_after: int) -> bytes:
    """Return a Validity; what is issued within a second mostly shares it."""
    return encode(rfc5280.Validity(not_before=_time(not_before), not_after=_time(not_after)))


def _time(at: int) -> asn1.UTCTime | asn1.GeneralizedTime:
    moment = datetime.fromtimestamp(at, UTC)
    return asn1.GeneralizedTime(moment) if at >= _GENERALIZED_FROM else asn1.UTCTime(moment)


@lru_cache(maxsize=1024)
def _extension(one: Extension) -> bytes:
    value = rfc5280.Extension(extn_id=ObjectIdentifier(one.oid), critical=one.critical, extn_value=one.value)
    return encode(value)


def assemble(tbs: bytes, algorithm: SignatureAlgorithm, signature: bytes) -> bytes:
    """Return the DER certificate of signed parts."""
    return sequence_of([tbs, algorithm.identifier, wrap(0x03, b"\0" + signature)])
