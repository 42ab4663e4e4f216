"""The name of a hardware module. Source: RFC 4108 §5."""

from typing import Annotated

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier


@asn1.sequence
class HardwareModuleName:
    """HardwareModuleName."""

    hw_type: ObjectIdentifier
    hw_serial_num: bytes


@asn1.sequence
class OtherHardwareModuleName:
    """The otherName that carries one (its [0] tag in GeneralName is IMPLICIT)."""

    type_id: ObjectIdentifier
    value: Annotated[HardwareModuleName, asn1.Explicit(0)]
