"""Certificate extensions: builders for what we issue, parsers for what we are sent.

Source: RFC 5280 §4.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from keyworks import oids
from keyworks.asn1 import rfc5280
from keyworks.errors import MalformedRequest
from keyworks.x509.der import encode, octets_of, sequence_of, tlv, values_of, wrap
from keyworks.x509.general_name import GeneralName, SubjectAltName, parse_general_names

KEY_USAGES: Final = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
"""Bit names in the order of RFC 5280 §4.2.1.3."""

MAX_EXTENSIONS: Final = 32
_MAX_PATH_LENGTH: Final = (1 << 31) - 1

_REMEMBERED: Final = 64
"""Values whose meaning is remembered, per extension: most are the same in every certificate of an issuer."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension.

    Args:
        oid: Dotted.
        critical: Who does not know it must refuse the certificate.
        value: The octets inside extnValue.
    """

    oid: str
    critical: bool
    value: bytes


def basic_constraints(*, ca: bool, path_length: int | None) -> Extension:
    """Return basicConstraints, critical (§4.2.1.9)."""
    value = encode(rfc5280.BasicConstraints(ca=ca, path_len_constraint=path_length))
    return Extension(oids.BASIC_CONSTRAINTS, critical=True, value=value)


def key_usage(names: frozenset[str]) -> Extension:
    """Return keyUsage, critical (§4.2.1.3); a named bit list without trailing zero bits."""
    bits = sum(1 << (15 - KEY_USAGES.index(name)) for name in names)
    trailing = (bits & -bits).bit_length() - 1
    octets = bits.to_bytes(2, "big")[: 2 if trailing < 8 else 1]
    return Extension(oids.KEY_USAGE, critical=True, value=asn1.encode_der(asn1.BitString(octets, trailing % 8)))


def extended_key_usage(purposes: Sequence[str], *, critical: bool = False) -> Extension:
    """Return extKeyUsage (§4.2.1.12) with the given object identifiers."""
    value = sequence_of([asn1.encode_der(ObjectIdentifier(oid)) for oid in purposes])
    return Extension(oids.EXTENDED_KEY_USAGE, critical=critical, value=value)


def subject_key_identifier(identifier: bytes) -> Extension:
    """Return subjectKeyIdentifier (§4.2.1.2)."""
    return Extension(oids.SUBJECT_KEY_IDENTIFIER, critical=False, value=wrap(0x04, identifier))


@lru_cache(maxsize=256)
def authority_key_identifier(identifier: bytes) -> Extension:
    """Return authorityKeyIdentifier with a key identifier alone (§4.2.1.1)."""
    value = encode(
        rfc5280.AuthorityKeyIdentifier(
            key_identifier=identifier, authority_cert_issuer=None, authority_cert_serial_number=None
        )
    )
    return Extension(oids.AUTHORITY_KEY_IDENTIFIER, critical=False, value=value)


def subject_alt_name(names: SubjectAltName, *, critical: bool) -> Extension:
    """Return subjectAltName (§4.2.1.6), critical where the subject is empty."""
    return Extension(oids.SUBJECT_ALT_NAME, critical=critical, value=names.encode())


def crl_distribution_points(urls: Sequence[str]) -> Extension:
    """Return cRLDistributionPoints (§4.2.1.13): one point with the given addresses."""
    names = [tlv(GeneralName("uri", url).encode()) for url in urls]
    point = rfc5280.DistributionPoint(
        distribution_point=rfc5280.DistributionPointName(full_name=names),
    )
    return Extension(oids.CRL_DISTRIBUTION_POINTS, critical=False, value=sequence_of([encode(point)]))


def authority_information_access(*, ca_issuers: Sequence[str] = (), ocsp: Sequence[str] = ()) -> Extension:
    """Return authorityInfoAccess (§4.2.2.1)."""
    listed = [(oids.ACCESS_OCSP, url) for url in ocsp] + [(oids.ACCESS_CA_ISSUERS, url) for url in ca_issuers]
    described = [
        encode(
            rfc5280.AccessDescription(
                access_method=ObjectIdentifier(method), access_location=tlv(GeneralName("uri", url).encode())
            )
        )
        for method, url in listed
    ]
    return Extension(oids.AUTHORITY_INFORMATION_ACCESS, critical=False, value=sequence_of(described))


def ocsp_no_check() -> Extension:
    """Return id-pkix-ocsp-nocheck: the status of an OCSP responder's certificate is not asked for.

    Source: RFC 6960 §4.2.2.2.1.
    """
    return Extension(oids.OCSP_NO_CHECK, critical=False, value=b"\x05\x00")


def masa_url(url: str) -> Extension:
    """Return the address of the manufacturer's voucher service (MASA).

    Source: RFC 8995 §2.3.2 (IA5String, not critical).
    """
    return Extension(oids.MASA_URL, critical=False, value=wrap(0x16, url.encode("ascii")))


def name_constraints(
    *, permitted: Sequence[GeneralName] = (), excluded: Sequence[GeneralName] = ()
) -> Extension:
    """Return nameConstraints, critical (§4.2.1.10)."""

    def subtrees(names: Sequence[GeneralName]) -> list[rfc5280.GeneralSubtree] | None:
        return [rfc5280.GeneralSubtree(subtree=tlv(name.encode(constraint=True))) for name in names] or None

    value = encode(
        rfc5280.NameConstraints(permitted_subtrees=subtrees(permitted), excluded_subtrees=subtrees(excluded))
    )
    return Extension(oids.NAME_CONSTRAINTS, critical=True, value=value)


def extensions_of(listed: Sequence[rfc5280.Extension] | None) -> tuple[Extension, ...]:
    """Return decoded extensions as our own values.

    Raises:
        MalformedRequest: Too many, or one twice (§4.2).
    """
    found = tuple(
        Extension(one.extn_id.dotted_string, one.critical, bytes(one.extn_value)) for one in listed or ()
    )
    if len(found) > MAX_EXTENSIONS:
        raise MalformedRequest(f"There are {len(found)} extensions; at most {MAX_EXTENSIONS} are looked at.")
    if len({one.oid for one in found}) != len(found):
        raise MalformedRequest("An extension appears twice (RFC 5280 §4.2).")
    return found


@lru_cache(maxsize=_REMEMBERED)
def parse_basic_constraints(value: bytes) -> tuple[bool, int | None]:
    """Return (CA, pathLenConstraint)."""
    read = _decode(rfc5280.BasicConstraints, value, "basicConstraints")
    if not 0 <= (read.path_len_constraint or 0) <= _MAX_PATH_LENGTH:
        raise MalformedRequest("pathLenConstraint is negative, or longer than any path.")
    return read.ca, read.path_len_constraint


@lru_cache(maxsize=_REMEMBERED)
def parse_key_usage(value: bytes) -> frozenset[str]:
    """Return the names of the bits that are set."""
    bits = _decode(asn1.BitString, value, "keyUsage")
    octets = bits.as_bytes()[:2].ljust(2, b"\0")
    number = int.from_bytes(octets, "big")
    return frozenset(name for place, name in enumerate(KEY_USAGES) if number >> (15 - place) & 1)


@lru_cache(maxsize=_REMEMBERED)
def parse_extended_key_usage(value: bytes) -> tuple[str, ...]:
    """Return the object identifiers of the purposes."""
    return tuple(
        _decode(ObjectIdentifier, one, "extKeyUsage").dotted_string for one in values_of(value, "extKeyUsage")
    )


def parse_subject_key_identifier(value: bytes) -> bytes:
    """Return the key identifier."""
    return _decode(bytes, value, "subjectKeyIdentifier")


@lru_cache(maxsize=_REMEMBERED)
def parse_authority_key_identifier(value: bytes) -> bytes | None:
    """Return the key identifier, if there is one."""
    return _decode(rfc5280.AuthorityKeyIdentifier, value, "authorityKeyIdentifier").key_identifier


def parse_subject_alt_name(value: bytes) -> SubjectAltName:
    """Return the alternative names."""
    return SubjectAltName.of(parse_general_names(value, "subjectAltName"))


@lru_cache(maxsize=_REMEMBERED)
def parse_authority_information_access(value: bytes) -> tuple[tuple[str, str], ...]:
    """Return (access method, URI) pairs; locations of other kinds are left out."""
    found = []
    for one in values_of(value, "authorityInfoAccess"):
        read = _decode(rfc5280.AccessDescription, one, "authorityInfoAccess")
        [location] = parse_general_names(sequence_of([octets_of(read.access_location)]), "authorityInfoAccess")
        if location.kind == "uri":
            found.append((read.access_method.dotted_string, location.value))
    return tuple(found)


@lru_cache(maxsize=_REMEMBERED)
def parse_crl_distribution_points(value: bytes) -> tuple[str, ...]:
    """Return the URIs of all distribution points with a full name."""
    found: list[str] = []
    for one in values_of(value, "cRLDistributionPoints"):
        read = _decode(rfc5280.DistributionPoint, one, "cRLDistributionPoints").distribution_point
        names = read.full_name if read else None
        encoded = sequence_of([octets_of(name) for name in names or ()])
        found.extend(name.value for name in parse_general_names(encoded, "cRLDistributionPoints"))
    return tuple(found)


def _decode(kind: type[_T], value: bytes, what: str) -> _T:
    try:
        return asn1.decode_der(kind, value)
    except ValueError as error:
        raise MalformedRequest(f"{what} is malformed.") from error
