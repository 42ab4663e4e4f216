"""Certificates and their parts: what others encode is decoded and encoded again octet for octet."""

import ipaddress
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat import asn1

from keyworks.asn1 import rfc5280
from keyworks.x509.der import octets_of, values_of, wrap
from tests.unit.x509.chains import GOOD_LEAF, Plan, made

NAME = x509.Name(
    [
        x509.RelativeDistinguishedName([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Größe")]),
        x509.RelativeDistinguishedName(
            [
                x509.NameAttribute(x509.NameOID.COMMON_NAME, "Pump"),
                x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, "7"),
            ]
        ),
    ]
)
CONSTRAINTS = x509.NameConstraints(
    [x509.DNSName("a.example")], [x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))]
)
FULL_IDENTIFIER = x509.AuthorityKeyIdentifier(b"k" * 20, [x509.DirectoryName(NAME)], 7)
ENCODED: list[tuple[type[Any], bytes]] = [
    (rfc5280.Certificate, made("subject", Plan(extensions=((CONSTRAINTS, True),))).der),
    (rfc5280.TBSCertificate, made("subject", GOOD_LEAF).certificate.tbs_certificate_bytes),
    (
        rfc5280.TBSCertificate,
        made("bare", Plan(ca=None, usages=None, identifiers=False)).certificate.tbs_certificate_bytes,
    ),
    (rfc5280.NameRest, wrap(0x30, NAME.public_bytes())),
    (rfc5280.BasicConstraints, x509.BasicConstraints(ca=True, path_length=0).public_bytes()),
    (rfc5280.BasicConstraints, x509.BasicConstraints(ca=False, path_length=None).public_bytes()),
    (rfc5280.AuthorityKeyIdentifier, FULL_IDENTIFIER.public_bytes()),
    (rfc5280.NameConstraints, CONSTRAINTS.public_bytes()),
]

NAMES = [f"{place} {declared.__name__}" for place, (declared, _) in enumerate(ENCODED)]


@pytest.mark.parametrize(("declared", "der"), ENCODED, ids=NAMES)
def test_what_others_encode_comes_back_octet_for_octet(declared: type[Any], der: bytes) -> None:
    assert asn1.encode_der(asn1.decode_der(declared, der)) == der


@pytest.mark.parametrize(("declared", "der"), ENCODED, ids=NAMES)
def test_nothing_may_follow_and_nothing_may_be_missing(declared: type[Any], der: bytes) -> None:
    for damaged in (der + b"\0", der[:-1]):
        with pytest.raises(ValueError, match="parsing asn1"):
            asn1.decode_der(declared, damaged)


def test_the_parts_of_a_certificate_stay_as_they_came() -> None:
    der = made("subject").der
    read = asn1.decode_der(rfc5280.Certificate, der)
    assert [octets_of(read.tbs_certificate), octets_of(read.signature_algorithm)] == values_of(
        der, "certificate"
    )[:2]


USAGE, CRITICAL, VALUE = "0603551d0f", "0101ff", "040403020780"


@pytest.mark.parametrize("critical", ["010100", "010101", "0101ff0101ff", "0102ffff", "0500"])
def test_an_extension_whose_criticality_is_not_der_is_refused(critical: str) -> None:
    """X.690 §11.1, §11.5: TRUE is FF; a default value is not encoded."""
    good = wrap(0x30, bytes.fromhex(USAGE + CRITICAL + VALUE))
    assert asn1.decode_der(rfc5280.Extension, good).critical
    with pytest.raises(ValueError, match=r"parsing asn1|DEFAULT value"):
        asn1.decode_der(rfc5280.Extension, wrap(0x30, bytes.fromhex(USAGE + critical + VALUE)))


def test_times_are_of_the_two_types() -> None:
    """RFC 5280 §4.1.2.5."""
    both = wrap(0x30, b"\x17\x0d491231235959Z" + b"\x18\x0f20500101000000Z")
    read = asn1.decode_der(rfc5280.Validity, both)
    assert isinstance(read.not_before, asn1.UTCTime)
    assert isinstance(read.not_after, asn1.GeneralizedTime)
    assert asn1.encode_der(read) == both
