"""What may be issued to whom: turns an authenticated request into an order, or refuses it.

A profile says whose certificates it describes: a device's, for which it asks itself or a station does, or a
registered principal's own. What may be certified follows from the profile's naming rules and from what is
registered; what the request itself says is compared with that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from keyworks import oids
from keyworks.access.credential import CertificateCredential, SecretCredential
from keyworks.access.principal import Kind, Principal
from keyworks.access.records import Account, spend_secret
from keyworks.algorithms.public_key import PublicKey
from keyworks.authority import naming
from keyworks.authority.authenticate import Authenticated
from keyworks.authority.channel import Channel
from keyworks.authority.chosen_names import chosen_names, held_names
from keyworks.authority.library import PROFILES
from keyworks.authority.name_rules import Facts
from keyworks.authority.order import Order, Replacement, Requester, request_key
from keyworks.authority.profile import Holder, Issuer, Wanted
from keyworks.devices.device import GONE, Device
from keyworks.devices.names import names_of, owner_of
from keyworks.devices.records import find_devices
from keyworks.errors import NotAuthorized, RejectedName
from keyworks.store.engine import Transaction
from keyworks.x509.tbs import NO_EXPIRY
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
        accounts: All that are registered, by name.
    """

    channel: Channel
    issuer: Issuer
    operation: Operation
    authenticated: Authenticated
    template: Template
    source: str
    accounts: Mapping[str, Account]

    @property
    def requester(self) -> Requester:
        """Return who asked, as the ledger says it."""
        principal = self.authenticated.principal
        return Requester(principal.text, self.source, self.template.request_hash)


@dataclass(frozen=True, slots=True)
class Grant:
    """What may be issued for who asks, whatever key it will be over.

    Args:
        owner: Whose certificate it becomes.
        wanted: Its names.
        replacement: What becomes of the owner's present certificate.
        holder: The owner, as it is registered.
        chosen: Those of the names that the request alone chose.
    """

    owner: str
    wanted: Wanted
    replacement: Replacement
    holder: Device | Account
    chosen: tuple[tuple[str, str], ...] = ()

    @property
    def device(self) -> Device | None:
        """Return the owner, where it is a device."""
        return self.holder if isinstance(self.holder, Device) else None


def authorize(tx: Transaction, ask: Ask) -> Grant:
    """Return what may be issued of what was asked.

    Raises:
        NotAuthorized: Who asks may not.
        RejectedName: What is asked for is not what may be certified.
    """
    channel, principal = ask.channel, ask.authenticated.principal
    accepts = channel.accepts & channel.profile.accepts
    if principal.kind not in accepts:
        accepted = " or ".join(sorted(f"a {kind.value}" for kind in accepts)) or "nobody"
        raise NotAuthorized(
            f"Channel {channel.label} serves {accepted}; the client certificate is a {principal.kind.value}'s."
        )
    grant = _renewal(tx, ask) if ask.operation is Operation.REENROLL else _enrollment(tx, ask)
    return replace(grant, chosen=_chosen(tx, ask, grant)) if channel.profile.names.is_free else grant


def _chosen(tx: Transaction, ask: Ask, grant: Grant) -> tuple[tuple[str, str], ...]:
    """Return the names that the request alone chose."""
    facts = _facts(tx, ask, grant.holder)
    if grant.device is not None:
        facts = replace(facts, registered=names_of(tx, grant.device.id))
    return chosen_names(ask.channel.profile.names, facts, grant.wanted)


def order_for(ask: Ask, grant: Grant, public_key: PublicKey) -> Order:
    """Return the order for what was granted, over a key.

    Raises:
        BadSubjectKey: The profile does not certify such a key.
    """
    channel = ask.channel
    channel.profile.check_key(public_key)
    credential, own = ask.authenticated.credential, ask.authenticated.own
    renews = ask.operation is Operation.REENROLL
    return Order(
        issuer=ask.issuer,
        profile=channel.profile,
        wanted=grant.wanted,
        public_key=public_key,
        owner=grant.owner,
        replacement=grant.replacement,
        requester=ask.requester,
        channel_id=channel.id,
        device_id=grant.device.id if grant.device else None,
        counts=grant.device is not None and grant.device.order_id is not None,
        request_key=None
        if renews
        else request_key(channel.id, public_key, grant.wanted, credential.fingerprint),
        credential_id=own.certificate_id if own else None,
        chosen=grant.chosen,
        companion=_spending(credential, public_key) if isinstance(credential, SecretCredential) else None,
    )


def _spending(credential: SecretCredential, public_key: PublicKey) -> Callable[[Transaction, str], None]:
    def spend(tx: Transaction, _certificate_id: str) -> None:
        spend_secret(tx, credential.secret_id, public_key.fingerprint)

    return spend


def _renewal(tx: Transaction, ask: Ask) -> Grant:
    """RFC 7030 §4.2.2: the certificate being renewed authenticates the request, and keeps its names."""
    own, credential = ask.authenticated.own, ask.authenticated.credential
    if not isinstance(credential, CertificateCredential):
        raise NotAuthorized("A re-enrollment is authenticated by the certificate being renewed.")
    if own is not None and credential.certificate.not_after == NO_EXPIRY:
        raise NotAuthorized("An IDevID is never renewed; with it, a device enrolls for an LDevID.")
    if own is None or own.channel_id != ask.channel.id or not ask.channel.profile.renewable:
        raise NotAuthorized(
            f"Channel {ask.channel.label} renews only certificates that it has issued; use simpleenroll first."
        )
    current = credential.certificate
    naming.check_unchanged(ask.template, current.subject, current.subject_alt_name)
    device = _device_of(tx, ask) if ask.authenticated.principal.kind is Kind.DEVICE else None
    holder = device or _active_account(ask)
    wanted = Wanted(current.subject, current.subject_alt_name)
    if ask.template.changed_names is not None:
        wanted = _changed(tx, ask, wanted, holder)
    _check_nobody_elses(tx, ask, wanted, holder.id)
    return Grant(own.owner, wanted, Replacement.KEEP, holder)


def _changed(tx: Transaction, ask: Ask, current: Wanted, holder: Device | Account) -> Wanted:
    """Return the names that the holder has by now, if it may ask for them and asks for no others.

    Source: RFC 7030 §4.2.2; RFC 6402 §2.8.
    """
    if not ask.channel.policy.change_names:
        raise RejectedName(
            f"On channel {ask.channel.label} a re-enrollment keeps its names; leave ChangeSubjectName out."
        )
    asked = naming.renamed(ask.template, current)
    wanted = _names(tx, ask, asked, holder)
    naming.check_names(asked, wanted)
    if isinstance(holder, Device):
        _check_no_namesake(tx, ask, wanted, holder)
    return wanted


def _names(tx: Transaction, ask: Ask, template: Template, holder: Device | Account) -> Wanted:
    """Return what the profile's naming rules yield for a holder as it is registered now."""
    return naming.certified(ask.channel.profile, _facts(tx, ask, holder), template)


def _facts(tx: Transaction, ask: Ask, holder: Device | Account) -> Facts:
    """Return what the profile's naming rules may say of a holder."""
    issuer = ask.issuer.name
    if isinstance(holder, Device):
        registered = names_of(tx, holder.id) if ask.channel.profile.names.uses_registered else {}
        return naming.device_facts(issuer, holder, registered)
    return naming.principal_facts(issuer, holder.name, holder.names, holder.site)


def _enrollment(tx: Transaction, ask: Ask) -> Grant:
    _check_purpose(ask.authenticated)
    if ask.template.changed_names is not None:
        raise RejectedName(
            "ChangeSubjectName belongs into a re-enrollment; say the names in the request itself."
        )
    if ask.channel.profile.holder is Holder.DEVICE:
        return _for_a_device(tx, ask)
    return _for_the_principal_itself(tx, ask)


def _check_purpose(authenticated: Authenticated) -> None:
    """Refuse a certificate of ours that is for something else: it proves its holder only in its renewal."""
    own, credential = authenticated.own, authenticated.credential
    if own is None or not isinstance(credential, CertificateCredential):
        return
    purposes = credential.certificate.extended_key_usage
    if purposes is not None and oids.KP_CLIENT_AUTH not in purposes:
        raise NotAuthorized(
            "The client certificate's extKeyUsage does not allow clientAuth: it can only be renewed with "
            "itself. Use another one to enroll."
        )


def _for_a_device(tx: Transaction, ask: Ask) -> Grant:
    """A device asks for itself, with its IDevID, or a station for a device, by what was registered before."""
    profile, itself = ask.channel.profile, ask.authenticated.principal.kind is Kind.DEVICE
    if itself:
        device = _device_of(tx, ask)
    else:
        _active_account(ask)
        device = _in_use(_named_device(tx, ask.template))
    wanted = _names(tx, ask, ask.template, device)
    naming.check_names(ask.template, wanted, naming.identity(device))
    if profile.names.may_collide:
        _check_nobody_elses(tx, ask, wanted, device.id)
        _check_no_namesake(tx, ask, wanted, device)
    on_the_line = profile.base == "idevid"
    replacement = Replacement.REVOKE_UNTIL_SHIPPED if on_the_line else Replacement.REVOKE
    return Grant(f"device:{device.id}", wanted, replacement, device)


def _for_the_principal_itself(tx: Transaction, ask: Ask) -> Grant:
    """A station, service or person gets its own certificate."""
    profile, principal = ask.channel.profile, ask.authenticated.principal
    account = _active_account(ask)
    wanted = _names(tx, ask, ask.template, account)
    naming.check_names(ask.template, wanted)
    if profile.names.may_collide:
        _check_nobody_elses(tx, ask, wanted, account.id)
    # What it signed is verified for longer than it signs, so a new certificate revokes no old one.
    signs = not PROFILES[profile.base].renewable
    replacement = Replacement.KEEP if signs else Replacement.REVOKE
    return Grant(principal.text, wanted, replacement, account)


def _check_nobody_elses(tx: Transaction, ask: Ask, wanted: Wanted, holder_id: str) -> None:
    """Refuse a name that is registered for others alone, though a rule or the certificate at hand has it.

    Several accounts may share a name: two brokers behind one address.
    """
    if wanted.subject_alt_name is None:
        return
    for kind, name in naming.listed(wanted.subject_alt_name):
        holders = {
            one.id
            for one in ask.accounts.values()
            if name in (naming.folded(kind, known) for known in one.names.get(kind, ()))
        }
        device_id = owner_of(tx, (kind, name))
        holders.update([device_id] if device_id is not None else [])
        if holders and holder_id not in holders:
            raise NotAuthorized(
                f"The {kind} name '{name}' belongs to another device or account now; ask for another."
            )


def _check_no_namesake(tx: Transaction, ask: Ask, wanted: Wanted, device: Device) -> None:
    """Refuse a name made of a serial number that a device of another maker or product is certified with."""
    rules = ask.channel.profile.names.alternative_rules
    if wanted.subject_alt_name is None or not any("serial_number" in rule.placeholders for rule in rules):
        return
    made = {one for one in naming.listed(wanted.subject_alt_name) if owner_of(tx, one) != device.id}
    for other in find_devices(tx, device.serial_number):
        if other.id == device.id:
            continue
        for kind, name in sorted(made & held_names(tx, f"device:{other.id}")):
            raise NotAuthorized(
                f"The {kind} name '{name}' is certified for {device.serial_number} of {other.manufacturer} "
                f"({other.product}); register it for one of them, or let the profile tell them apart."
            )


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
    if device.state in GONE:
        raise NotAuthorized(
            f"Device {device.serial_number} is {device.state.value}; it gets no certificates any more."
        )
    return device


def _active_account(ask: Ask) -> Account:
    """Return the account of who asks, if it is registered, active, and may use the channel."""
    principal = ask.authenticated.principal
    account = ask.accounts.get(principal.name)
    if account is None or account.kind is not principal.kind or not account.active:
        raise NotAuthorized(f"{_spoken(principal)} is not registered here, or is disabled.")
    if ask.channel.label not in account.channels:
        raise NotAuthorized(f"{_spoken(principal)} may not use channel {ask.channel.label}.")
    return account


def _spoken(principal: Principal) -> str:
    return f"{principal.kind.value.capitalize()} {principal.name}"
