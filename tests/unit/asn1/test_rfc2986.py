"""Certification requests: what others encode is decoded and encoded again octet for octet."""

import pytest
from cryptography.hazmat import asn1

from keyworks.asn1 import rfc2986
from keyworks.x509.der import octets_of, values_of, wrap
from tests.unit.x509.requests import (
    Plan,
    challenge_password,
    extension,
    extension_request,
    request,
    unknown_attribute,
)

FULL = request(Plan(attributes=(challenge_password("secret"), extension_request(extension(17)))))


@pytest.mark.parametrize("der", [request(), FULL])
def test_a_request_comes_back_octet_for_octet(der: bytes) -> None:
    """RFC 2986 §4."""
    outer = asn1.decode_der(rfc2986.CertificationRequest, der)
    assert asn1.encode_der(outer) == der
    signed = octets_of(outer.certification_request_info)
    assert signed == values_of(der, "request")[0]
    assert asn1.encode_der(asn1.decode_der(rfc2986.CertificationRequestInfo, signed)) == signed


def test_attributes_are_always_there_and_in_order() -> None:
    """RFC 2986 §4: attributes is not OPTIONAL; X.690 §11.6: a SET OF in DER is sorted."""
    version, subject, key, _ = values_of(values_of(FULL, "request")[0], "info")
    two = sorted([unknown_attribute(1), unknown_attribute(2)])
    in_order = wrap(0x30, version + subject + key + wrap(0xA0, b"".join(two)))
    assert len(asn1.decode_der(rfc2986.CertificationRequestInfo, in_order).attributes.as_list()) == 2
    for attributes in (b"", wrap(0xA0, b"".join(reversed(two)))):
        with pytest.raises(ValueError, match="parsing asn1"):
            asn1.decode_der(rfc2986.CertificationRequestInfo, wrap(0x30, version + subject + key + attributes))
