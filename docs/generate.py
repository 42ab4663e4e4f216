"""Makes the pages of ``docs/reference`` that the code itself knows; one function per page.

Run it after changing what a page describes::

    .venv/bin/python docs/generate.py
"""

import asyncio
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final

import msgspec

from keyworks import errors, oids
from keyworks.algorithms.registry import RSA_MODULUS_BITS
from keyworks.authority import naming
from keyworks.authority.generation import Authority, issuer_of
from keyworks.authority.library import PROFILES
from keyworks.authority.name_rules import REGISTERED, REQUEST, Facts, NameRule, NameRules
from keyworks.authority.profile import CLOCK_SKEW, YEAR, Holder, Issuer, Profile, Wanted, make_tbs
from keyworks.ledger.events import ANYTHING, EVENTS, Event
from keyworks.lint import ieee8021ar, local, rfc5280
from keyworks.lint import profiles as profile_rules
from keyworks.protocols.exchange import STATUS
from keyworks.settings.factory import FactoryDocument
from keyworks.settings.node import NodeSettings
from keyworks.testing import NOON, software_signer
from keyworks.x509.certificate import Certificate
from keyworks.x509.name import Name
from keyworks.x509.tbs import TBSCertificate, assemble

REFERENCE: Final = Path(__file__).with_name("reference")
_NOTICE: Final = "<!-- Made by docs/generate.py from the code; change the code, then run it again. -->"
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
    "request": "what the request asks for: alone any value, inside a longer template letters and digits",
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
_ROW: Final = re.compile(r"^ {4}(?:    )?(?P<name>\w+): (?P<text>.+)$")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cells)} |"
    yield ""


def _summary(documented: object) -> str:
    return (inspect.getdoc(documented) or "").splitlines()[0]


def _arguments(documented: object) -> Mapping[str, str]:
    """Return what the Args section of a docstring says about each name, continuation lines joined."""
    lines = (inspect.getdoc(documented) or "").partition("Args:\n")[2].splitlines()
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        row = _ROW.match(line)
        if row is not None:
            name = row["name"]
            found[name] = row["text"]
        elif name and line.startswith(" " * 8):
            found[name] += f" {line.strip()}"
        else:
            break
    return found


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
    yield "for devices whose clock runs slow, and ends no later than the issuer's.\n"
    yield from _table(
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
    yield from _table(
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
    yield from _table(("profiles", "keys besides RSA", "smallest RSA modulus"), rows)


def _names() -> Iterator[str]:
    yield "## Naming rules\n"
    yield "A name is what its template yields; a template whose placeholder has no value yields none."
    yield "An authority is named when its key is made.\n"
    yield from _table(
        ("placeholder", "value"), ((f"`{{{name}}}`", text) for name, text in _PLACEHOLDERS.items())
    )
    yield from _table(
        ("profile", "subject", "alternative names", "needed"),
        _rule_rows(),
    )
    yield "A rule is fixed, from the inventory or as registered, must match, or copies from the request."
    yield "The built-in profiles take nothing of a request; a factory's own may.\n"
    yield "## Examples\n"
    yield "Made by the code that issues. An extension in **bold** is critical.\n"
    yield from _table(("profile", "subject", "alternative names", "extensions"), asyncio.run(_examples()))


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


def lint_rules() -> Iterator[str]:
    """List every rule with its clause."""
    yield "# Lint rules\n"
    yield "Every certificate meets all of these rules before it is signed, on the octets that would be signed"
    yield "(`lint/__init__.py`). One broken rule, and nothing is signed:"
    yield "the requester gets an internal error, the log the rule's name.\n"
    for title, module in (
        ("RFC 5280", rfc5280),
        ("IEEE 802.1AR", ieee8021ar),
        ("Profiles", profile_rules),
        ("Our own", local),
    ):
        yield from _rules_of(title, module)


def _rules_of(title: str, module: ModuleType) -> Iterator[str]:
    source = module.__name__.rpartition(".")[2]
    yield f"## {title}\n"
    yield f"Declared in `lint/{source}.py`.\n"
    yield from _table(
        ("rule", "what it asks for"),
        ((f"`{source}.{rule.__name__}`", _summary(rule)) for rule in module.RULES),
    )


def error_causes() -> Iterator[str]:
    """Show what each cause becomes on the wire."""
    yield "# Errors\n"
    yield "Every refusal has a cause (`errors.py`),"
    yield "and each protocol has one table from causes to its own codes."
    yield "A cause without a row of its own has its parent's."
    yield "The reply's body is one sentence that says what is wrong and what to do;"
    yield "of an internal error it says no more than that there was one.\n"
    yield "## EST and plain HTTP\n"
    yield "Declared in `protocols/exchange.py`.\n"
    yield from _table(
        ("cause", "what it means", "HTTP status"), _causes(errors.KeyworksError.__subclasses__(), 0)
    )
    yield "Replies with 401 carry `WWW-Authenticate`, replies with 503 `Retry-After`.\n"
    yield "Before a request has a cause, the listener itself answers what is too large, too slow or no request"
    yield "(`server/limits.py`):"
    yield "400 (no HTTP, no host, too long a certificate chain), 408 (head or body took too long), 413 (body),"
    yield "414 (path), 429 (too many requests at once on one connection), 431 (head);"
    yield "and the adapter 405 (method) and 415 (media type)."


def _causes(classes: Sequence[type[errors.KeyworksError]], depth: int) -> Iterator[tuple[str, ...]]:
    for cause in classes:
        if cause.__module__ != errors.__name__:
            continue
        status = next((str(STATUS[one]) for one in cause.__mro__ if one in STATUS), "as its kinds below")
        yield f"{'&emsp;' * depth}`{cause.__name__}`", _summary(cause), status
        yield from _causes(cause.__subclasses__(), depth + 1)


def settings() -> Iterator[str]:
    """List every setting of ``keyworks.toml`` with its default."""
    yield "# Settings: keyworks.toml\n"
    yield "The settings of one node; declared in `settings/node.py`."
    yield "What the installation issues, to whom and under which authority is not here:"
    yield "that is the [policy](factory.md)."
    yield "A name that is not listed is refused, with its line and the nearest name that is.\n"
    for section in msgspec.structs.fields(NodeSettings):
        yield from _section(f"[{section.name}]", section.type)


def factory() -> Iterator[str]:
    """List every setting of ``factory.toml`` with its default."""
    yield "# Policy: factory.toml\n"
    yield "The policy of the whole installation; declared in `settings/factory.py`."
    yield "`keyworks plan FILE` shows what it would change, `keyworks apply FILE` lets it come into force"
    yield "([how to](../howto/describe-your-factory.md))."
    yield "A name that is not listed is refused, with its line and the nearest name that is.\n"
    yield "In a section's head, `NAME` is the name under which other sections and commands know it.\n"
    for section in msgspec.structs.fields(FactoryDocument):
        named = typing.get_origin(section.type) is dict
        declared = typing.get_args(section.type)[1] if named else section.type
        yield from _section(f"[{section.name}{'.NAME' if named else ''}]", declared)


def _section(head: str, declared: type[msgspec.Struct]) -> Iterator[str]:
    yield f"## {head}\n"
    yield f"{_summary(declared)}\n"
    described = _arguments(declared)
    yield from _table(
        ("setting", "type", "default", "what it is"),
        (_setting_row(one, described[one.name]) for one in msgspec.structs.fields(declared)),
    )


def _setting_row(field: msgspec.structs.FieldInfo, description: str) -> tuple[str, ...]:
    kind = str(field.type) if not isinstance(field.type, type) else field.type.__name__
    words = {
        "str": "text",
        "int": "whole number",
        "float": "number",
        "bool": "true or false",
        "tuple[str, ...]": "list of texts",
        "tuple[tuple[str, ...], ...]": "list of lists of texts",
        "dict[str, tuple[str, ...]]": "table of lists of texts",
    }
    if field.required:
        default = "required"
    elif field.default is None:
        default = "not set"
    else:
        default = f"`{msgspec.json.encode(field.default).decode()}`"
    return f"`{field.name}`", words[kind.removesuffix(" | None")], default, description


def events() -> Iterator[str]:
    """List every event that the ledger can have."""
    yield "# Ledger events\n"
    yield "Every entry has an action of a fixed name; declared in `ledger/events.py`."
    yield "Besides, it has the time, the actor (such as `station:line-1` or `operator:root`),"
    yield "the address it came from, what it was done to (such as `device:ID`), the result"
    yield "(`ok`, or the cause of a refusal, see [errors](errors.md))"
    yield "and the SHA-256 of the request, if there was one."
    yield "`keyworks ledger show` prints them, `keyworks device history` those about one device.\n"
    yield from _table(
        ("action", "what happened", "what the detail says"),
        ((f"`{one.action}`", one.meaning, _fields_of(one)) for one in EVENTS.values()),
    )


def _fields_of(event: Event) -> str:
    fields = (f"`{name}`: {says}" if name != ANYTHING else says for name, says in event.detail.items())
    return "; ".join(fields) or "nothing more"


PAGES: Final[Mapping[str, Callable[[], Iterator[str]]]] = MappingProxyType(
    {
        "profiles.md": profiles,
        "lint-rules.md": lint_rules,
        "errors.md": error_causes,
        "settings.md": settings,
        "factory.md": factory,
        "events.md": events,
    }
)


def page(name: str) -> str:
    """Return the text of one page."""
    return "\n".join((_NOTICE, "", *PAGES[name]())).rstrip("\n") + "\n"


def main() -> None:
    """Write every page."""
    for name in PAGES:
        (REFERENCE / name).write_text(page(name), encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")


if __name__ == "__main__":
    main()
