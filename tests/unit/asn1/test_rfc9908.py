"""What an EST server wants in a request, as it goes over the wire."""

import pytest
from cryptography import x509
from cryptography.hazmat import asn1

from keyworks.asn1.rfc9908 import (
    CertificationRequestInfoTemplate,
    ExtensionTemplate,
    RSAPublicKey,
    SubjectPublicKeyInfoTemplate,
    TypeAlone,
)
from keyworks.x509.der import tlv

COMMON_NAME = TypeAlone(type=x509.ObjectIdentifier("2.5.4.3"))
KEY = SubjectPublicKeyInfoTemplate(
    algorithm=tlv(bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")), subject_public_key=None
)


def template(
    subject: list[asn1.SetOf[asn1.TLV]] | None = None, key: SubjectPublicKeyInfoTemplate | None = None
) -> bytes:
    return asn1.encode_der(
        CertificationRequestInfoTemplate(
            version=0, subject=subject, subject_pk_info=key, attributes=asn1.SetOf([])
        )
    )


def test_the_attributes_are_there_even_where_there_are_none() -> None:
    """RFC 9908 §3.4: attributes is not OPTIONAL."""
    assert template().hex() == "3005020100a100"


def test_key_and_attributes_are_tagged_implicitly() -> None:
    """RFC 9908 appendix A: IMPLICIT TAGS."""
    assert template(key=KEY).hex() == ("301c020100a015301306072a8648ce3d020106082a8648ce3d030107a100")


def test_an_attribute_without_a_value_is_its_type_alone() -> None:
    """RFC 9908 §3.4: SingleAttributeTemplate has an OPTIONAL value."""
    subject = [asn1.SetOf([tlv(asn1.encode_der(COMMON_NAME))])]
    assert template(subject=subject).hex() == "30100201003009310730050603550403a100"


@pytest.mark.parametrize(
    ("critical", "value", "octets"),
    [(False, None, "30050603551d11"), (True, b"\x30\x00", "300c0603551d110101ff04023000")],
)
def test_an_extension_may_lack_its_value(critical: bool, value: bytes | None, octets: str) -> None:
    """RFC 9908 §3.4: ExtensionTemplate."""
    one = ExtensionTemplate(extn_id=x509.ObjectIdentifier("2.5.29.17"), critical=critical, extn_value=value)
    assert asn1.encode_der(one).hex() == octets


def test_an_rsa_key_is_modulus_and_exponent() -> None:
    """RFC 8017 A.1.1."""
    assert asn1.encode_der(RSAPublicKey(modulus=255, public_exponent=3)).hex() == "3007020200ff020103"
