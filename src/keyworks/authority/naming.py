"""Which names a certificate carries, and whether a request may ask for them.

What is certified comes from the profile's naming rules alone: from the inventory, from the issuing authority's
own name, from what is registered, and from the request only where a rule takes it. A request may repeat what is
certified; where it asks for something else it is refused, because a device that silently gets another name than
it asked for fails later and elsewhere.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from keyworks import oids
from keyworks.authority.name_rules import Facts, NameRule
from keyworks.authority.profile import Profile, Wanted
from keyworks.devices.device import Device
from keyworks.errors import NotAuthorized, RejectedName
from keyworks.x509.changed_names import ChangedNames
from keyworks.x509.general_name import SubjectAltName, named
from keyworks.x509.name import Name
from keyworks.x509.template import Template

_SPOKEN: Final = {
    oids.COMMON_NAME: "commonName",
    oids.SERIAL_NUMBER: "serialNumber",
    oids.ORGANIZATION_NAME: "organizationName",
    oids.ORGANIZATIONAL_UNIT_NAME: "organizationalUnitName",
    oids.EMAIL_ADDRESS: "emailAddress",
    "dns": "the host name",
    "ip": "the IP address",
    "uri": "the URI",
    "email": "the mail address",
    "upn": "the user principal name",
}
_TEXTS: Final = ("dns", "ip", "uri", "email", "upn")
_NONE: Final[Mapping[str, Sequence[str]]] = {}


def device_facts(issuer: Name, device: Device, registered: Mapping[str, Sequence[str]] = _NONE) -> Facts:
    """Return what the inventory knows about a device.

    Args:
        issuer: The issuing authority's name, which says who the owner is.
        device: As the owner's inventory knows it.
        registered: Names registered for it, by kind.
    """
    values = {
        "organization": organization_of(issuer),
        "manufacturer": device.manufacturer,
        "product": device.product,
        "serial_number": device.serial_number,
    }
    if device.site is not None:
        values["site"] = device.site
    return Facts(values, registered)


def principal_facts(
    issuer: Name, name: str, registered: Mapping[str, Sequence[str]] = _NONE, site: str | None = None
) -> Facts:
    """Return what is registered of a station, service or person of the authority's own organization."""
    values = {"organization": organization_of(issuer), "name": name}
    if site is not None:
        values["site"] = site
    return Facts(values, registered)


def certified(profile: Profile, facts: Facts, template: Template | None = None) -> Wanted:
    """Return the names that a profile's rules yield.

    Args:
        profile: Has the rules.
        facts: About the subject.
        template: The request, for rules that take something of it.

    Raises:
        RejectedName: The request lacks what the rules take of it, or what they yield is no proper name.
        NotAuthorized: What the rules need is not registered.
    """
    rules = profile.names
    values = facts.values
    if rules.plain_subject is not None:
        subject = Name.of(*[(oid, values[one]) for oid, one in rules.plain_subject if one in values])
    else:
        subject = Name.of(*_attributes(rules.subject_rules, facts, template))
    if not rules.alternative_rules and not subject.is_empty:
        return Wanted(subject)
    asked = template.subject_alt_name if template is not None else None
    found = [
        (rule.kind, name)
        for rule in rules.alternative_rules
        for name in rule.yields(facts, getattr(asked, rule.kind) if asked is not None and rule.asks else ())
    ]
    _check_needs(profile, found)
    wanted = Wanted(subject, named(found))
    if wanted.subject.is_empty and wanted.subject_alt_name is None:
        raise NotAuthorized(
            f"Profile {profile.name} yields no name here; register one for the requester first."
        )
    return wanted


def _attributes(
    rules: Sequence[NameRule], facts: Facts, template: Template | None
) -> Iterator[tuple[str, str]]:
    for rule in rules:
        asked = template.subject.values(rule.kind) if template is not None and rule.asks else ()
        found = rule.yields(facts, asked)
        # One value, where the request chooses it: a second one would be a second identity.
        for value in found[:1] if rule.asks else found:
            yield rule.kind, value


def _check_needs(profile: Profile, found: Sequence[tuple[str, str]]) -> None:
    kinds = [kind for kind, _ in found]
    for group in profile.names.needs:
        if not any(kind in kinds for kind in group):
            raise _lacking(profile, group)
    for kind in profile.names.single:
        names = dict.fromkeys(name for one, name in found if one == kind)
        if len(names) > 1:
            raise NotAuthorized(
                f"Profile {profile.name} certifies one {kind} name, and here would be {len(names)} "
                f"({', '.join(names)}); leave one registered, or give the channel a profile that says which."
            )


def _lacking(profile: Profile, group: Sequence[str]) -> RejectedName | NotAuthorized:
    kinds = " or ".join(group)
    asking = [rule.template for rule in profile.names.alternative_rules if rule.kind in group and rule.asks]
    if asking:
        return RejectedName(
            f"Profile {profile.name} needs a name of kind {kinds}; ask for one that fits {' or '.join(asking)}."
        )
    return NotAuthorized(
        f"Profile {profile.name} needs a name of kind {kinds}, and none is registered for the requester; "
        "register one first."
    )


def organization_of(issuer: Name) -> str:
    """Return the organization an authority's name carries."""
    return issuer.values(oids.ORGANIZATION_NAME)[0]


def identity(device: Device) -> tuple[tuple[str, str], ...]:
    """Return the attributes of a device's IDevID: with them a request may say which device it is for."""
    return (
        (oids.ORGANIZATION_NAME, device.manufacturer),
        (oids.ORGANIZATIONAL_UNIT_NAME, device.product),
        (oids.COMMON_NAME, device.serial_number),
        (oids.SERIAL_NUMBER, device.serial_number),
    )


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
    if template.subject_alt_name is not None and template.subject_alt_name != wanted.subject_alt_name:
        _check_alternative(template.subject_alt_name, wanted.subject_alt_name or SubjectAltName())


def _check_alternative(asked: SubjectAltName, wanted: SubjectAltName) -> None:
    for kind in _TEXTS:
        names: tuple[str, ...] = getattr(wanted, kind)
        # Of a URI or a mail address, the peer that compares it may take each letter as it is.
        exact = str.lower if kind == "dns" else str
        same = {exact(name) for name in names}
        for name in getattr(asked, kind):
            if exact(name) not in same:
                raise RejectedName(_sentence(_SPOKEN[kind], name, names))
    others = (*asked.hardware_modules, *asked.directory_names, *asked.others)
    if not set(others) <= {*wanted.hardware_modules, *wanted.directory_names, *wanted.others}:
        raise RejectedName(
            "The request's subjectAltName has a name of a kind that this channel does not certify; "
            "leave it out."
        )


def spoken(kind: str) -> str:
    """Return what people call a kind of alternative name, or an attribute, at a sentence's beginning."""
    name = _SPOKEN.get(kind, kind)
    return f"The {name.removeprefix('the ')}"


def listed(names: SubjectAltName) -> Iterator[tuple[str, str]]:
    """Return each alternative name with its kind, as the inventory spells it."""
    for kind in _TEXTS:
        for name in getattr(names, kind):
            yield kind, folded(kind, name)


def folded(kind: str, name: str) -> str:
    """Return an alternative name, or an attribute's value, as it compares: two owners have no equal ones.

    Source: RFC 4343 (host names in any case); RFC 5280 §7.4, §7.5 (hosts of URIs and mail addresses; the rest
    of them too, as people read no difference and many peers see none); RFC 5280 §7.1 by RFC 4518 §2: of an
    attribute neither case nor the number of spaces counts.
    """
    if kind in _TEXTS:
        return name.lower()
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _complaint(oid: str, value: str, wanted: Wanted) -> str:
    return _sentence(_SPOKEN.get(oid, oid), value, wanted.subject.values(oid))


def _sentence(name: str, value: str, certified: Sequence[str]) -> str:
    if not certified:
        return f"The request asks for {name} '{value}', which this channel does not certify; leave it out."
    listed = " and ".join(f"'{one}'" for one in certified)
    return (
        f"The request asks for {name} '{value}', but this channel certifies "
        f"{listed} here; correct it or leave it out."
    )


def renamed(template: Template, current: Wanted) -> Template:
    """Return a request for a successor as if it asked for the changed names from the start.

    Args:
        template: The request; its own names are the certificate's at hand.
        current: The names of that certificate, which stay where the request says nothing of them.
    """
    changed = template.changed_names or ChangedNames()
    return replace(
        template,
        subject=changed.subject if changed.subject is not None else current.subject,
        subject_alt_name=changed.subject_alt_name or current.subject_alt_name,
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
