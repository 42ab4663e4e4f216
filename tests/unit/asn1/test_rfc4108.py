"""The name of a hardware module."""

import pytest
from cryptography import x509
from cryptography.hazmat import asn1

from keyworks import oids
from keyworks.asn1.rfc4108 import HardwareModuleName, OtherHardwareModuleName

MODULE = HardwareModuleName(hw_type=x509.ObjectIdentifier("1.3.6.1.4.1.55555.7"), hw_serial_num=b"SN-0001")
OTHER = OtherHardwareModuleName(type_id=x509.ObjectIdentifier(oids.HARDWARE_MODULE_NAME), value=MODULE)


def test_cryptography_finds_it_in_an_other_name() -> None:
    """RFC 4108 §5: id-on-hardwareModuleName with HardwareModuleName, tagged [0] EXPLICIT as in RFC 5280."""
    in_general_name = b"\xa0" + asn1.encode_der(OTHER)[1:]
    names = x509.SubjectAlternativeName(
        [x509.OtherName(x509.ObjectIdentifier(oids.HARDWARE_MODULE_NAME), asn1.encode_der(MODULE))]
    )
    assert in_general_name in names.public_bytes()


@pytest.mark.parametrize("value", [MODULE, OTHER])
def test_it_comes_back_octet_for_octet(value: HardwareModuleName | OtherHardwareModuleName) -> None:
    der = asn1.encode_der(value)
    assert asn1.encode_der(asn1.decode_der(type(value), der)) == der
