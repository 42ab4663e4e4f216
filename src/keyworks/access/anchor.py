"""Trust anchors: CA certificates together with what they vouch for.

A valid chain alone is no role: an anchor vouches for one kind of principal, and says how its identity is read.
"""

from dataclasses import dataclass

from keyworks import oids
from keyworks.access.principal import DeviceIdentity, Kind, Principal
from keyworks.errors import AuthenticationFailed
from keyworks.x509.certificate import Certificate


@dataclass(frozen=True, slots=True)
class Anchor:
    """A trust anchor.

    Args:
        id: Opaque.
        name: As operators call it.
        certificate: The CA's.
        vouches_for: The one kind of principal.
        manufacturer: Whose devices, where it vouches for devices: no other name in a certificate counts.
    """

    id: str
    name: str
    certificate: Certificate
    vouches_for: Kind
    manufacturer: str | None


def identity_of(anchor: Anchor, certificate: Certificate) -> Principal:
    """Return who holds a certificate that chains to ``anchor``.

    Raises:
        AuthenticationFailed: It is not the certificate of such a principal.

    Source: IEEE 802.1AR-2018 §8.6 (serialNumber of a device); RFC 5280 §4.2.1.3, §4.2.1.12 (usages).
    """
    if certificate.is_ca or "keyCertSign" in (certificate.key_usage or ()):
        raise AuthenticationFailed("A CA's certificate does not authenticate a requester.")
    if certificate.key_usage is not None and "digitalSignature" not in certificate.key_usage:
        raise AuthenticationFailed("The client certificate's keyUsage does not allow digitalSignature.")
    purposes = certificate.extended_key_usage
    # An IDevID usually has no extended key usage; whatever has one must have it for this.
    may_lack = anchor.vouches_for is Kind.DEVICE and purposes is None
    if not may_lack and oids.KP_CLIENT_AUTH not in (purposes or ()):
        raise AuthenticationFailed("The client certificate's extKeyUsage does not allow clientAuth.")
    if anchor.vouches_for is Kind.DEVICE:
        return _device(anchor, certificate)
    return Principal(anchor.vouches_for, _only(certificate, oids.COMMON_NAME, "commonName"))


def _device(anchor: Anchor, certificate: Certificate) -> Principal:
    serial_number = _only(certificate, oids.SERIAL_NUMBER, "serialNumber")
    products = certificate.subject.values(oids.ORGANIZATIONAL_UNIT_NAME)
    manufacturer = anchor.manufacturer
    if manufacturer is None:
        manufacturer = _only(certificate, oids.ORGANIZATION_NAME, "organizationName")
    identity = DeviceIdentity(manufacturer, products[0] if len(products) == 1 else None, serial_number)
    return Principal(Kind.DEVICE, serial_number, identity)


def _only(certificate: Certificate, oid: str, name: str) -> str:
    """Return the one value of an attribute: with none or several, somebody could choose who it is."""
    values = certificate.subject.values(oid)
    if len(values) != 1 or not values[0].strip():
        raise AuthenticationFailed(f"The client certificate's subject has to have exactly one {name}.")
    return values[0]
