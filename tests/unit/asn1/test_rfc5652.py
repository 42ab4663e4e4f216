"""Certs-only messages: what others encode is decoded and encoded again octet for octet."""

import pytest
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from keyworks.asn1.rfc5652 import ContentInfo, SignedDataContentInfo
from tests.unit.x509.chains import made


@pytest.mark.parametrize("count", [1, 3])
def test_a_message_comes_back_octet_for_octet(count: int) -> None:
    """RFC 5652 §3, §5.1."""
    certificates = [made(f"cms {number}").certificate for number in range(count)]
    der = pkcs7.serialize_certificates(certificates, Encoding.DER)
    read = asn1.decode_der(SignedDataContentInfo, der)
    assert len(read.content.certificates or ()) == count
    assert asn1.encode_der(read) == der


def test_a_message_of_any_type_comes_back_octet_for_octet() -> None:
    """RFC 5652 §3."""
    der = pkcs7.serialize_certificates([made("cms any").certificate], Encoding.DER)
    assert asn1.encode_der(asn1.decode_der(ContentInfo, der)) == der
