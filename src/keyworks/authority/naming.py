"""Which names a certificate carries, and whether a request may ask for them.

What is certified comes from the inventory and from the issuing authority's own name, never from the request.
A request may repeat what will be certified; where it asks for something else it is refused, because a device
that silently gets another name than it asked for fails later and elsewhere.
"""

from collections.abc import Iterable
from typing import Final

from keyworks import oids
from keyworks.authority.profile import Wanted
from keyworks.devices.device import Device
from keyworks.errors import RejectedName
from keyworks.x509.name import Name
from keyworks.x509.template import Template

_SPOKEN: Final = {
    oids.COMMON_NAME: "commonName",
    oids.SERIAL_NUMBER: "serialNumber",
    oids.ORGANIZATION_NAME: "organizationName",
    oids.ORGANIZATIONAL_UNIT_NAME: "organizationalUnitName",
}


def idevid_names(device: Device) -> Wanted:
    """Return the names of a device's IDevID: the manufacturer's, ending in the serial number.

    Source: IEEE 802.1AR-2018 §8.6 (serialNumber, unique within the issuer).
    """
    return Wanted(Name.of(*_device_pairs(device.manufacturer, (device.product,), device)))


def ldevid_names(issuer: Name, device: Device) -> Wanted:
    """Return the names of a device's LDevID: the owner's organization, then whose device it is.

    Args:
        issuer: The issuing authority's name, which says who the owner is.
        device: As the owner's inventory knows it.
    """
    return Wanted(
        Name.of(*_device_pairs(organization_of(issuer), (device.manufacturer, device.product), device))
    )


def principal_names(issuer: Name, name: str) -> Wanted:
    """Return the names of a station or service of the authority's own organization."""
    organization = organization_of(issuer)
    return Wanted(Name.of((oids.ORGANIZATION_NAME, organization), (oids.COMMON_NAME, name)))


def organization_of(issuer: Name) -> str:
    """Return the organization an authority's name carries."""
    return issuer.values(oids.ORGANIZATION_NAME)[0]


def _device_pairs(organization: str, units: Iterable[str], device: Device) -> list[tuple[str, str]]:
    return [
        (oids.ORGANIZATION_NAME, organization),
        *((oids.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units),
        (oids.COMMON_NAME, device.serial_number),
        (oids.SERIAL_NUMBER, device.serial_number),
    ]


def requested_serial_number(template: Template) -> str:
    """Return the device serial number that a request names, in serialNumber or else in commonName.

    Raises:
        RejectedName: It names none, or several.
    """
    subject = template.subject
    found = subject.values(oids.SERIAL_NUMBER) or subject.values(oids.COMMON_NAME)
    if len(found) != 1:
        raise RejectedName(
            "The request has to name one device: put its serial number into the subject's serialNumber."
        )
    return found[0]


def check_names(template: Template, wanted: Wanted, also: Iterable[tuple[str, str]] = ()) -> None:
    """Refuse a request that asks for a name which will not be certified.

    Args:
        template: The request.
        wanted: What will be certified.
        also: Further (attribute, value) pairs a requester may use for itself, as its IDevID does.

    Raises:
        RejectedName: It asks for something else.
    """
    allowed = {(attribute.oid, attribute.value) for rdn in wanted.subject.rdns for attribute in rdn}
    allowed.update(also)
    for rdn in template.subject.rdns:
        for attribute in rdn:
            if (attribute.oid, attribute.value) not in allowed:
                raise RejectedName(_complaint(attribute.oid, attribute.value, wanted))
    asked = template.subject_alt_name
    if asked is not None and asked != wanted.subject_alt_name:
        raise RejectedName("This channel certifies no such subjectAltName; leave it out of the request.")


def _complaint(oid: str, value: str, wanted: Wanted) -> str:
    name = _SPOKEN.get(oid, oid)
    certified = wanted.subject.values(oid)
    if not certified:
        return f"The request asks for {name} '{value}', which this channel does not certify; leave it out."
    return (
        f"The request asks for {name} '{value}', but this channel certifies '{certified[0]}' here; "
        "correct it or leave it out."
    )


def check_unchanged(template: Template, subject: Name, subject_alt_name: object) -> None:
    """Refuse a re-enrollment that changes a name.

    Raises:
        RejectedName: Subject or subjectAltName differ from the certificate being renewed.

    Source: RFC 7030 §4.2.2 (both MUST be identical to the current certificate's).
    """
    if template.subject.rdns != subject.rdns:
        raise RejectedName(
            f"A re-enrollment keeps its names: the current certificate's subject is '{subject.text}', "
            f"the request's is '{template.subject.text}'."
        )
    if template.subject_alt_name != subject_alt_name:
        raise RejectedName(
            "A re-enrollment keeps its names: the subjectAltName differs from the certificate's."
        )
