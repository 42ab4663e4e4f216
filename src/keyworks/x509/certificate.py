"""Certificates: parsed whole, so that no lazy library object crosses into the core.

Source: RFC 5280 §4.1.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat import asn1

from keyworks import oids
from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.registry import BY_IDENTIFIER, SignatureAlgorithm
from keyworks.asn1 import rfc5280
from keyworks.errors import BadSubjectKey, MalformedRequest
from keyworks.x509 import extensions as x
from keyworks.x509.der import octets_of
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import Name

RENEW_AFTER: Final = (2, 3)
"""Renewed after two thirds of its life: the last third is for servers that cannot be reached."""

MAX_CERTIFICATE_OCTETS: Final = 32 * 1024
_V3: Final = 2
_MAX_SERIAL_BITS: Final = 160
_PEM: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """An X.509 certificate.

    Args:
        der: As it came.
        serial_number: Unique within its issuer.
        issuer: Who signed it.
        subject: Whose it is.
        not_before: First valid second.
        not_after: Last valid second.
        public_key: The subject's.
        signature_algorithm: How it is signed.
        extensions: All of them, in order.
        is_ca: basicConstraints' CA bit.
        path_length: How many CA certificates may follow; ``None`` for any number.
        key_usage: Names of the bits; ``None`` without the extension.
        extended_key_usage: Object identifiers; ``None`` without the extension.
        subject_alt_name: ``None`` without the extension.
        subject_key_identifier: ``None`` without the extension.
        authority_key_identifier: ``None`` without the extension.
        fingerprint: SHA-256 of ``der``.
    """

    der: bytes
    serial_number: int
    issuer: Name
    subject: Name
    not_before: int
    not_after: int
    public_key: PublicKey
    signature_algorithm: SignatureAlgorithm
    extensions: tuple[x.Extension, ...]
    is_ca: bool
    path_length: int | None
    key_usage: frozenset[str] | None
    extended_key_usage: tuple[str, ...] | None
    subject_alt_name: SubjectAltName | None
    subject_key_identifier: bytes | None
    authority_key_identifier: bytes | None
    fingerprint: bytes

    def __hash__(self) -> int:
        """Return a hash of the octets, which decide everything else."""
        return hash(self.fingerprint)

    @classmethod
    def parse(cls, der: bytes) -> "Certificate":
        """Return the certificate in ``der``.

        Raises:
            MalformedRequest: It is none, or has a key or algorithm that we do not accept.
        """
        if len(der) > MAX_CERTIFICATE_OCTETS:
            raise MalformedRequest(f"A certificate of {len(der)} octets is not looked at.")
        try:
            outer = asn1.decode_der(rfc5280.Certificate, der)
            tbs = asn1.decode_der(rfc5280.TBSCertificate, octets_of(outer.tbs_certificate))
            validity = (instant_of(tbs.validity.not_before), instant_of(tbs.validity.not_after))
        except ValueError as error:
            raise MalformedRequest("The certificate is malformed (RFC 5280 §4.1).") from error
        algorithm = BY_IDENTIFIER.get(octets_of(outer.signature_algorithm))
        if algorithm is None or octets_of(tbs.signature) != algorithm.identifier:
            raise MalformedRequest("The certificate is signed with an algorithm that is not accepted.")
        if tbs.version != _V3:
            raise MalformedRequest("The certificate is not version 3.")
        if tbs.serial_number.bit_length() >= _MAX_SERIAL_BITS:
            raise MalformedRequest(
                "The certificate's serial number is longer than 20 octets (RFC 5280 §4.1.2.2)."
            )
        return _assembled(der, tbs, validity, algorithm)

    @property
    def renewal_due(self) -> int:
        """Return when it is to be renewed; it is for whoever asks to know whether it ever is."""
        parts, whole = RENEW_AFTER
        return self.not_before + (self.not_after - self.not_before) * parts // whole

    def extension(self, oid: str) -> x.Extension | None:
        """Return the extension with this object identifier, if there is one."""
        return _find(self.extensions, oid)


def _find(extensions: Sequence[x.Extension], oid: str) -> x.Extension | None:
    return next((one for one in extensions if one.oid == oid), None)


def _assembled(
    der: bytes, tbs: rfc5280.TBSCertificate, validity: tuple[int, int], algorithm: SignatureAlgorithm
) -> Certificate:
    try:
        public_key = PublicKey.parse(octets_of(tbs.subject_public_key_info))
    except BadSubjectKey as error:
        raise MalformedRequest(f"The certificate's key is not accepted: {error.detail}") from error
    extensions = x.extensions_of(tbs.extensions)
    values = {one.oid: one.value for one in extensions}
    constraints = values.get(oids.BASIC_CONSTRAINTS)
    ca, path_length = x.parse_basic_constraints(constraints) if constraints is not None else (False, None)
    usage, purposes = values.get(oids.KEY_USAGE), values.get(oids.EXTENDED_KEY_USAGE)
    names, own_id = values.get(oids.SUBJECT_ALT_NAME), values.get(oids.SUBJECT_KEY_IDENTIFIER)
    issuer_id = values.get(oids.AUTHORITY_KEY_IDENTIFIER)
    return Certificate(
        der=der,
        serial_number=tbs.serial_number,
        issuer=Name.parse(octets_of(tbs.issuer)),
        subject=Name.parse(octets_of(tbs.subject)),
        not_before=validity[0],
        not_after=validity[1],
        public_key=public_key,
        signature_algorithm=algorithm,
        extensions=extensions,
        is_ca=ca,
        path_length=path_length,
        key_usage=x.parse_key_usage(usage) if usage is not None else None,
        extended_key_usage=x.parse_extended_key_usage(purposes) if purposes is not None else None,
        subject_alt_name=x.parse_subject_alt_name(names) if names is not None else None,
        subject_key_identifier=x.parse_subject_key_identifier(own_id) if own_id is not None else None,
        authority_key_identifier=(
            x.parse_authority_key_identifier(issuer_id) if issuer_id is not None else None
        ),
        fingerprint=hashlib.sha256(der).digest(),
    )


def instant_of(time: asn1.UTCTime | asn1.GeneralizedTime) -> int:
    """Return a Time in epoch seconds.

    Raises:
        ValueError: It has fractional seconds (RFC 5280 §4.1.2.5.2).
    """
    moment = time.as_datetime()
    if moment.microsecond:
        raise ValueError("fractional seconds")
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def time_text(at: int) -> str:
    """Return an instant as ISO 8601 writes it, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pem_of(der: bytes, label: str = "CERTIFICATE") -> str:
    """Return octets as PEM (RFC 7468 §2)."""
    encoded = base64.b64encode(der).decode()
    lines = [encoded[place : place + 64] for place in range(0, len(encoded), 64)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def ders_of(pem: bytes) -> tuple[bytes, ...]:
    """Return the certificates of a PEM file, in order.

    Raises:
        MalformedRequest: There is none, or one is not base64.
    """
    try:
        found = tuple(base64.b64decode(b"".join(match.split()), validate=True) for match in _PEM.findall(pem))
    except ValueError as error:
        raise MalformedRequest("A certificate in the PEM file is not base64.") from error
    if not found:
        raise MalformedRequest("There is no certificate in the PEM file.")
    return found
