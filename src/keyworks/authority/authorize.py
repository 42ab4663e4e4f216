"""What may be issued to whom: turns an authenticated request into an order, or refuses it.

Each profile has one rule. A rule names the owner and the names from the inventory, and what becomes of the
owner's present certificate; what the request itself says is only compared with that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from keyworks import oids
from keyworks.access.credential import CertificateCredential, SecretCredential
from keyworks.access.principal import Kind
from keyworks.access.records import Station, spend_secret
from keyworks.authority import naming
from keyworks.authority.authenticate import Authenticated
from keyworks.authority.channel import Channel
from keyworks.authority.order import Order, Replacement, Requester, request_key
from keyworks.authority.profile import Issuer, Wanted
from keyworks.devices.device import Device, DeviceState
from keyworks.devices.records import find_devices
from keyworks.errors import NotAuthorized, RejectedName
from keyworks.store.engine import Transaction
from keyworks.x509.template import Template


class Operation(StrEnum):
    """What is asked for."""

    ENROLL = "enroll"
    REENROLL = "reenroll"


@dataclass(frozen=True, slots=True)
class Ask:
    """An authenticated request.

    Args:
        channel: Where it came in.
        issuer: Of the channel's authority.
        operation: What is asked for.
        authenticated: Who asks.
        template: What is asked for.
        source: The address it came from.
        stations: All that are registered, by name.
    """

    channel: Channel
    issuer: Issuer
    operation: Operation
    authenticated: Authenticated
    template: Template
    source: str
    stations: Mapping[str, Station]

    @property
    def requester(self) -> Requester:
        """Return who asked, as the ledger says it."""
        principal = self.authenticated.principal
        return Requester(principal.text, self.source, self.template.request_hash)


@dataclass(frozen=True, slots=True)
class _Grant:
    """A rule's decision."""

    owner: str
    wanted: Wanted
    replacement: Replacement
    device: Device | None = None


def authorize(tx: Transaction, ask: Ask) -> Order:
    """Return the order for what was asked, if it may be issued.

    Raises:
        NotAuthorized: Who asks may not.
        RejectedName: What is asked for is not what may be certified.
        BadSubjectKey: The profile does not certify such a key.
    """
    channel, principal = ask.channel, ask.authenticated.principal
    if principal.kind not in channel.accepts:
        accepted = " or ".join(sorted(f"a {kind.value}" for kind in channel.accepts)) or "nobody"
        raise NotAuthorized(
            f"Channel {channel.label} serves {accepted}; the client certificate is a {principal.kind.value}'s."
        )
    channel.profile.check_key(ask.template.public_key)
    grant = _renewal(tx, ask) if ask.operation is Operation.REENROLL else _RULES[channel.profile.name](tx, ask)
    credential, own = ask.authenticated.credential, ask.authenticated.own
    renews = ask.operation is Operation.REENROLL
    return Order(
        issuer=ask.issuer,
        profile=channel.profile,
        wanted=grant.wanted,
        public_key=ask.template.public_key,
        owner=grant.owner,
        replacement=grant.replacement,
        requester=ask.requester,
        channel_id=channel.id,
        device_id=grant.device.id if grant.device else None,
        request_key=None
        if renews
        else request_key(channel.id, ask.template.public_key, grant.wanted, credential.fingerprint),
        credential_id=own.certificate_id if own else None,
        companion=_spending(credential) if isinstance(credential, SecretCredential) else None,
    )


def _spending(credential: SecretCredential) -> Callable[[Transaction, str], None]:
    def spend(tx: Transaction, _certificate_id: str) -> None:
        spend_secret(tx, credential.secret_id)

    return spend


def _renewal(tx: Transaction, ask: Ask) -> _Grant:
    """RFC 7030 §4.2.2: the certificate being renewed authenticates the request, and keeps its names."""
    own, credential = ask.authenticated.own, ask.authenticated.credential
    if not isinstance(credential, CertificateCredential):
        raise NotAuthorized("A re-enrollment is authenticated by the certificate being renewed.")
    if own is not None and own.profile == "idevid":
        raise NotAuthorized("An IDevID is never renewed; with it, a device enrolls for an LDevID.")
    if own is None or own.channel_id != ask.channel.id or not ask.channel.profile.renewable:
        raise NotAuthorized(
            f"Channel {ask.channel.label} renews only certificates that it has issued; use simpleenroll first."
        )
    current = credential.certificate
    naming.check_unchanged(ask.template, current.subject, current.subject_alt_name)
    wanted = Wanted(current.subject, current.subject_alt_name)
    device = _device_of(tx, ask) if ask.authenticated.principal.kind is Kind.DEVICE else None
    if device is None:
        _active_station(ask)
    return _Grant(own.owner, wanted, Replacement.KEEP, device)


def _for_the_station_s_device(tx: Transaction, ask: Ask) -> _Grant:
    """A station enrolls the devices of its line, by the serial numbers registered before."""
    _active_station(ask)
    device = _in_use(_named_device(tx, ask.template))
    wanted = naming.idevid_names(device)
    naming.check_names(ask.template, wanted)
    return _Grant(f"device:{device.id}", wanted, Replacement.REVOKE_UNTIL_SHIPPED, device)


def _named_device(tx: Transaction, template: Template) -> Device:
    """Return the one registered device that a request names; every name in it has to fit."""
    serial_number = naming.requested_serial_number(template)
    registered = find_devices(tx, serial_number)
    if not registered:
        raise NotAuthorized(
            f"No device with serial number '{serial_number}' is registered; register it first "
            "(`keyworks device add`)."
        )
    if len(registered) == 1:
        return registered[0]
    manufacturers = set(template.subject.values(oids.ORGANIZATION_NAME))
    products = set(template.subject.values(oids.ORGANIZATIONAL_UNIT_NAME))
    found = [one for one in registered if manufacturers <= {one.manufacturer} and products <= {one.product}]
    if len(found) != 1:
        raise RejectedName(
            f"Several devices have serial number '{serial_number}'; name the right one's manufacturer in the "
            "subject's organizationName and its product in the organizationalUnitName."
        )
    return found[0]


def _for_the_device_itself(tx: Transaction, ask: Ask) -> _Grant:
    """A device with its IDevID gets its owner's names, if the owner's inventory has it."""
    device = _device_of(tx, ask)
    wanted = naming.ldevid_names(ask.issuer.name, device)
    also = (
        (oids.ORGANIZATION_NAME, device.manufacturer),
        (oids.ORGANIZATIONAL_UNIT_NAME, device.product),
    )
    naming.check_names(ask.template, wanted, also)
    return _Grant(f"device:{device.id}", wanted, Replacement.REVOKE, device)


def _for_the_station_itself(_: Transaction, ask: Ask) -> _Grant:
    name = _active_station(ask)
    wanted = naming.principal_names(ask.issuer.name, name)
    naming.check_names(ask.template, wanted)
    return _Grant(f"station:{name}", wanted, Replacement.REVOKE)


_RULES: Final[Mapping[str, Callable[[Transaction, Ask], _Grant]]] = MappingProxyType(
    {
        "idevid": _for_the_station_s_device,
        "ldevid": _for_the_device_itself,
        "station": _for_the_station_itself,
    }
)
ACCEPTABLE: Final[Mapping[str, frozenset[Kind]]] = MappingProxyType(
    {
        "idevid": frozenset({Kind.STATION}),
        "ldevid": frozenset({Kind.DEVICE}),
        "station": frozenset({Kind.STATION}),
        "tls-server": frozenset(),
    }
)
"""Profiles that a channel can have, and who may then ask; of tls-server, only this node itself."""


def _device_of(tx: Transaction, ask: Ask) -> Device:
    identity = ask.authenticated.principal.device
    if identity is None:
        raise NotAuthorized("The client certificate does not say which device it belongs to.")
    found = find_devices(tx, identity.serial_number, identity.manufacturer, identity.product)
    if len(found) > 1:
        raise NotAuthorized(
            f"Several products of {identity.manufacturer} have serial number {identity.serial_number}, and the "
            "client certificate does not say which product it belongs to."
        )
    if not found:
        raise NotAuthorized(
            f"Device {identity.serial_number} of {identity.manufacturer} is not in this inventory; "
            "add it first (`keyworks device add`)."
        )
    return _in_use(found[0])


def _in_use(device: Device) -> Device:
    if device.state is DeviceState.RETIRED:
        raise NotAuthorized(f"Device {device.serial_number} is retired; it gets no certificates any more.")
    return device


def _active_station(ask: Ask) -> str:
    name = ask.authenticated.principal.name
    station = ask.stations.get(name)
    if station is None or not station.active:
        raise NotAuthorized(f"Station {name} is not registered here, or is disabled.")
    if ask.channel.label not in station.channels:
        raise NotAuthorized(f"Station {name} may not use channel {ask.channel.label}.")
    return name
