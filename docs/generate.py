"""Makes the pages of ``docs/reference`` that the code itself knows; one function per page.

Run it after changing what a page describes::

    .venv/bin/python docs/generate.py
"""

import asyncio
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final

import msgspec

from keyworks import errors, oids
from keyworks.algorithms.registry import KEY_TYPES, RSA_MODULUS_BITS
from keyworks.authority import naming
from keyworks.authority.authorize import ACCEPTABLE
from keyworks.authority.generation import Authority, issuer_of
from keyworks.authority.profile import CLOCK_SKEW, PROFILES, YEAR, Issuer, Profile, Wanted, make_tbs
from keyworks.devices.device import Device, DeviceState
from keyworks.lint import ieee8021ar, local, rfc5280
from keyworks.protocols.exchange import STATUS
from keyworks.settings.node import NodeSettings
from keyworks.testing import NOON, software_signer
from keyworks.x509.certificate import Certificate
from keyworks.x509.general_name import server_names
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


def _years(period: timedelta | None) -> str:
    if period is None:
        return "for ever (99991231235959Z)"
    years = period // YEAR
    return f"{years} year{'s' if years != 1 else ''}"


def profiles() -> Iterator[str]:
    """Describe every profile, with the extensions of a certificate made from it."""
    yield "# Profiles\n"
    yield "What a certificate of each kind looks like; declared in `authority/profile.py`."
    yield "A year has 365 days."
    yield f"Every validity starts {int(CLOCK_SKEW.total_seconds() // 60)} minutes before the moment of issue,"
    yield "for devices whose clock runs slow, and ends no later than the issuer's.\n"
    yield from _table(
        ("profile", "for", "lifetime", "key usage", "extended key usage", "renewable"),
        (_profile_row(profile) for profile in PROFILES.values()),
    )
    yield "## Authorities\n"
    yield "An authority's key issues for a part of its certificate's life and signs status for the rest.\n"
    yield from _table(
        ("profile", "issues for", "pathLen"),
        (
            (f"`{one.name}`", _years(one.issues_for), str(one.path_length))
            for one in PROFILES.values()
            if one.ca
        ),
    )
    yield "## Keys\n"
    plain = ", ".join(name for name in KEY_TYPES if not name.startswith("rsa-"))
    yield f"Every profile certifies {plain},"
    yield "and RSA with an odd public exponent of at least 65537"
    yield f"and a modulus of up to {RSA_MODULUS_BITS[1]} bits:\n"
    yield from _table(
        ("profile", "smallest RSA modulus"),
        ((f"`{one.name}`", f"{one.smallest_rsa_bits} bits") for one in PROFILES.values()),
    )
    yield "## Subjects and extensions\n"
    yield "Names come from the inventory and from the issuing authority, never from the request"
    yield "(`authority/naming.py`). The examples are made by the code that issues.\n"
    yield from _table(
        ("profile", "subject, as an example", "extensions (**critical** in bold)"), asyncio.run(_examples())
    )


def _profile_row(profile: Profile) -> tuple[str, ...]:
    if profile.ca:
        whom = "an authority"
    else:
        whom = ", ".join(sorted(ACCEPTABLE[profile.name])) or "this node"
        whom = f"asked for by {whom}"
    usages = ", ".join(_OID_NAMES[oid] for oid in profile.extended_key_usage) or "none"
    return (
        f"`{profile.name}` version {profile.version}",
        whom,
        _years(profile.lifetime),
        ", ".join(sorted(profile.key_usage)),
        usages,
        "yes" if profile.renewable else "no",
    )


async def _examples() -> list[tuple[str, ...]]:
    """Return a row for each profile, from a TBS that the issuing path's own function made."""
    signer = software_signer()
    root = Name.of((oids.ORGANIZATION_NAME, "Example Operator"), (oids.COMMON_NAME, "Example Operator root G1"))
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
    device = Device("1", "Example Supplier", "PX-200", "SN-000001", DeviceState.REGISTERED, NOON)
    wanted = {
        "idevid": naming.idevid_names(device),
        "ldevid": naming.ldevid_names(below.name, device),
        "station": naming.principal_names(below.name, "line-1"),
        "tls-server": Wanted(
            naming.principal_names(below.name, "node-1").subject, server_names(("localhost", "127.0.0.1"))
        ),
    }.get(profile.name)
    if wanted is None:
        name = f"Example Operator {profile.name} G1"
        wanted = Wanted(Name.of((oids.ORGANIZATION_NAME, "Example Operator"), (oids.COMMON_NAME, name)))
    issuer = above if profile.name in ("root", "idevid-root") else below
    tbs = make_tbs(profile, wanted, software_signer().public_key, issuer, 1 << 100, NOON)
    return f"`{profile.name}`", f"`{wanted.subject.text}`", ", ".join(_extension_names(tbs))


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
    for title, module in (("RFC 5280", rfc5280), ("IEEE 802.1AR", ieee8021ar), ("Our own", local)):
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
    yield "it is in the database, and changed by command."
    yield "A name that is not listed is refused, with its line and the nearest name that is.\n"
    for section in msgspec.structs.fields(NodeSettings):
        declared = section.type
        yield f"## [{section.name}]\n"
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
        "str | None": "text",
        "tuple[str, ...]": "list of texts",
    }
    if field.required:
        default = "required"
    elif field.default is None:
        default = "not set"
    else:
        default = f"`{msgspec.json.encode(field.default).decode()}`"
    return f"`{field.name}`", words[kind], default, description


PAGES: Final[Mapping[str, Callable[[], Iterator[str]]]] = MappingProxyType(
    {
        "profiles.md": profiles,
        "lint-rules.md": lint_rules,
        "errors.md": error_causes,
        "settings.md": settings,
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
