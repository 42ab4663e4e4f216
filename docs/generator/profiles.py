"""The page about profiles: their rules, and a certificate made from each by the code that issues."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from generator.table import table
from keyworks import oids
from keyworks.algorithms.registry import RSA_MODULUS_BITS
from keyworks.authority import naming
from keyworks.authority.generation import Authority, issuer_of
from keyworks.authority.library import PROFILES
from keyworks.authority.name_rules import REGISTERED, REQUEST, Facts, NameRule, NameRules
from keyworks.authority.profile import CLOCK_SKEW, YEAR, Holder, Issuer, Profile, Wanted, make_tbs
from keyworks.lint import profiles as profile_rules
from keyworks.testing import NOON, software_signer
from keyworks.x509.certificate import Certificate
from keyworks.x509.name import Name
from keyworks.x509.tbs import TBSCertificate, assemble

_OID_NAMES: Final = {
    oids.SUBJECT_KEY_IDENTIFIER: "subjectKeyIdentifier",
    oids.AUTHORITY_KEY_IDENTIFIER: "authorityKeyIdentifier",
    oids.BASIC_CONSTRAINTS: "basicConstraints",
    oids.KEY_USAGE: "keyUsage",
    oids.EXTENDED_KEY_USAGE: "extKeyUsage",
    oids.SUBJECT_ALT_NAME: "subjectAltName",
    oids.CRL_DISTRIBUTION_POINTS: "cRLDistributionPoints",
    oids.AUTHORITY_INFORMATION_ACCESS: "authorityInfoAccess",
    oids.KP_SERVER_AUTH: "serverAuth",
    oids.KP_CLIENT_AUTH: "clientAuth",
    oids.KP_CODE_SIGNING: "codeSigning",
    oids.KP_TIME_STAMPING: "timeStamping",
    oids.KP_OCSP_SIGNING: "OCSPSigning",
    oids.KP_IPSEC_IKE: "ipsecIKE",
    oids.KP_CMC_RA: "cmcRA",
    oids.KP_CM_KGA: "cmKGA",
    oids.KP_CONFIG_SIGNING: "configSigning",
    oids.KP_TRUST_ANCHOR_CONFIG_SIGNING: "trustAnchorConfigSigning",
    oids.KP_UPDATE_PACKAGE_SIGNING: "updatePackageSigning",
    oids.KP_SAFETY_COMMUNICATION: "safetyCommunication",
    oids.OCSP_NO_CHECK: "id-pkix-ocsp-nocheck",
}
_PLACEHOLDERS: Final = {
    "organization": "the issuing authority's organizationName",
    "manufacturer": "the device's, in the inventory",
    "product": "the device's, in the inventory",
    "serial_number": "the device's, in the inventory",
    "site": "where the device or account stands, if that is known",
    "name": "the station's, service's or person's, as registered; this node's",
    "dns": "each host name registered for the device, service, station or person",
    "ip": "each IP address registered for it",
    "uri": "each URI registered for it",
    "email": "each mail address registered for it",
    "upn": "each user principal name registered for it",
    "request": (
        "what the request asks for, for one holder at a time: alone any value, inside a longer template "
        "letters and digits"
    ),
}
_EXAMPLES: Final[Mapping[Holder, Facts]] = MappingProxyType(
    {
        Holder.DEVICE: Facts(
            {
                "organization": "Example Plant",
                "manufacturer": "Example Drives",
                "product": "PX-200",
                "serial_number": "SN-000001",
            },
            {
                "dns": ("px-1.plant.example",),
                "ip": ("192.0.2.7",),
                "uri": ("urn:plant.example:px-200:SN-000001",),
            },
        ),
        Holder.PRINCIPAL: Facts(
            {"organization": "Example Plant", "name": "broker-1"}, {"dns": ("broker-1.plant.example",)}
        ),
        Holder.NODE: Facts(
            {"organization": "Example Plant", "name": "node-1"}, {"dns": ("localhost",), "ip": ("127.0.0.1",)}
        ),
    }
)
_PEOPLE: Final = {
    "station": Facts({"organization": "Example Plant", "name": "line-1"}),
    **dict.fromkeys(
        ("user", "staff"),
        Facts(
            {"organization": "Example Plant", "name": "operator-7"},
            {"upn": ("operator-7@plant.example",), "email": ("operator-7@plant.example",)},
        ),
    ),
}


def _span(period: timedelta | None) -> str:
    if period is None:
        return "for ever (99991231235959Z)"
    years, rest = divmod(period, YEAR)
    if rest:
        return f"{period.days} days"
    return f"{years} year{'s' if years != 1 else ''}"


def profiles() -> Iterator[str]:
    """Describe every profile, its naming rules, and a certificate made from it."""
    yield "# Profiles\n"
    yield "What a certificate of each kind looks like; declared in `authority/library.py`."
    yield "A factory's own profiles derive from these (`authority/derivation.py`):"
    yield "they change names, keys, life and a few more fields, never key usage or who may ask."
    yield "How names get into a certificate is told in"
    yield "[names in certificates](../explanation/names-in-certificates.md).\n"
    yield "A year has 365 days."
    yield f"Every validity starts {int(CLOCK_SKEW.total_seconds() // 60)} minutes before the moment of issue,"
    yield "for devices whose clock runs slow (less for lives under an hour: a tenth of the life),"
    yield "and ends no later than the issuer's.\n"
    yield from table(
        (
            "profile",
            "whose, asked for by",
            "lifetime",
            "at most",
            "key usage",
            "extended key usage",
            "renewable",
        ),
        (_profile_row(profile) for profile in PROFILES.values()),
    )
    yield "The purpose of `timestamping` is critical; `ocsp-responder` has id-pkix-ocsp-nocheck."
    yield "A signing service's certificate is not renewed with itself: it asks anew with one that is for TLS,"
    yield "and the former stays valid, because what it signed is kept.\n"
    yield "## Authorities\n"
    yield "An authority's key issues for a part of its certificate's life and signs status for the rest.\n"
    yield from table(
        ("profile", "issues for", "pathLen"),
        ((f"`{one.name}`", _span(one.issues_for), str(one.path_length)) for one in PROFILES.values() if one.ca),
    )
    yield from _keys()
    yield from _names()


def _profile_row(profile: Profile) -> tuple[str, ...]:
    asks = " or ".join(f"a {kind}" if kind == "device" else f"its {kind}" for kind in sorted(profile.accepts))
    whom = {
        Holder.DEVICE: "a device's, asked for by " + asks.replace("a device", "itself").replace("its ", "a "),
        Holder.PRINCIPAL: f"a {''.join(profile.accepts)}'s, asked for by itself",
        Holder.NODE: "this node's",
        Holder.AUTHORITY: "an authority's",
    }[profile.holder]
    usages = ", ".join(_OID_NAMES[oid] for oid in profile.extended_key_usage) or "none"
    return (
        f"`{profile.name}` version {profile.version}",
        whom,
        _span(profile.lifetime),
        _span(profile_rules.LONGEST.get(profile.name)),
        ", ".join(sorted(profile.key_usage)),
        usages,
        "yes" if profile.renewable else "no",
    )


def _keys() -> Iterator[str]:
    yield "## Keys\n"
    yield "RSA keys have an odd public exponent of at least 65537"
    yield f"and a modulus of up to {RSA_MODULUS_BITS[1]} bits.\n"
    by_keys: dict[tuple[tuple[str, ...], int], list[str]] = {}
    for one in PROFILES.values():
        by_keys.setdefault((one.keys, one.smallest_rsa_bits), []).append(f"`{one.name}`")
    rows = (
        (", ".join(names), ", ".join(keys) or "none", f"{bits} bits" if bits else "no RSA keys")
        for (keys, bits), names in by_keys.items()
    )
    yield from table(("profiles", "keys besides RSA", "smallest RSA modulus"), rows)


def _names() -> Iterator[str]:
    yield "## Naming rules\n"
    yield "A name is what its template yields; a template whose placeholder has no value yields none."
    yield "An authority is named when its key is made.\n"
    yield from table(
        ("placeholder", "value"), ((f"`{{{name}}}`", text) for name, text in _PLACEHOLDERS.items())
    )
    yield from table(
        ("profile", "subject", "alternative names", "needed"),
        _rule_rows(),
    )
    yield "A rule is fixed, from the inventory or as registered, must match, or copies from the request."
    yield "The built-in profiles take nothing of a request; a factory's own may.\n"
    yield "## Examples\n"
    yield "Made by the code that issues. An extension in **bold** is critical.\n"
    yield from table(("profile", "subject", "alternative names", "extensions"), asyncio.run(_examples()))


def _rule_rows() -> Iterator[tuple[str, ...]]:
    """Return a row for each set of rules, with the profiles that have them."""
    by_rules: dict[NameRules, list[str]] = {}
    for profile in PROFILES.values():
        if profile.holder is not Holder.AUTHORITY:
            by_rules.setdefault(profile.names, []).append(f"`{profile.name}`")
    for rules, names in by_rules.items():
        yield _rule_row(", ".join(names), rules)


def _rule_row(names: str, rules: NameRules) -> tuple[str, ...]:
    needed = [f"a name of kind {' or '.join(group)}" for group in rules.needs]
    needed += [f"one {kind} at most" for kind in rules.single]
    attributes = zip(rules.subject, rules.subject_rules, strict=True)
    return (
        names,
        "<br>".join(f"{kind} = {_rule(rule)}" for (kind, _), rule in attributes),
        "<br>".join(f"{rule.kind} = {_rule(rule)}" for rule in rules.alternative_rules) or "none",
        "<br>".join(needed) or "nothing more",
    )


def _rule(rule: NameRule) -> str:
    source = "must match" if rule.asks else "fixed"
    if rule.template == f"{{{REQUEST}}}":
        source = "copied from the request"
    elif not rule.asks and rule.placeholders:
        source = (
            "as registered"
            if rule.several in REGISTERED or "name" in rule.placeholders
            else "from the inventory"
        )
        if rule.placeholders == ("organization",):
            source = "of the authority"
    return f"`{rule.template}` ({source})"


async def _examples() -> list[tuple[str, ...]]:
    """Return a row for each profile, from a TBS that the issuing path's own function made."""
    signer = software_signer()
    root = Name.of((oids.ORGANIZATION_NAME, "Example Plant"), (oids.COMMON_NAME, "Example Plant root G1"))
    authority = Authority("1", "root", PROFILES["root"], None, "http://pki.example")
    above = Issuer(
        generation_id="1",
        key_id="1",
        name=root,
        key_identifier=signer.public_key.key_identifier,
        signature=signer.algorithm,
        not_after=1 << 62,
        certificate=None,
        publication_url=authority.publication_url,
        file_name="root-1",
        chain=(),
    )
    tbs = make_tbs(PROFILES["root"], Wanted(root), signer.public_key, above, 1 << 100, NOON)
    signed = assemble(tbs.encode(), signer.algorithm, await signer.sign(tbs.encode()))
    below = issuer_of("1", "1", authority, 1, (Certificate.parse(signed),))
    return [_example(profile, above, below) for profile in PROFILES.values()]


def _example(profile: Profile, above: Issuer, below: Issuer) -> tuple[str, ...]:
    if profile.holder is Holder.AUTHORITY:
        name = f"Example Plant {profile.name} G1"
        wanted = Wanted(Name.of((oids.ORGANIZATION_NAME, "Example Plant"), (oids.COMMON_NAME, name)))
    else:
        wanted = naming.certified(profile, _PEOPLE.get(profile.name, _EXAMPLES[profile.holder]))
    issuer = above if profile.name in ("root", "idevid-root") else below
    tbs = make_tbs(profile, wanted, software_signer().public_key, issuer, 1 << 100, NOON)
    names = naming.listed(wanted.subject_alt_name) if wanted.subject_alt_name else ()
    return (
        f"`{profile.name}`",
        f"`{wanted.subject.text}`",
        "<br>".join(f"{kind} `{name}`" for kind, name in names) or "none",
        ", ".join(_extension_names(tbs)),
    )


def _extension_names(tbs: TBSCertificate) -> Iterator[str]:
    for one in tbs.extensions:
        name = _OID_NAMES[one.oid]
        yield f"**{name}**" if one.critical else name
