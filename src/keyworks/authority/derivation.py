"""A factory's own profiles: a built-in one with changes, within what the built-in one allows.

Key usage, the CA bit and who may ask are the base's for good. What the lint rules would refuse of every
certificate is refused here, where an operator can still do something about it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from cryptography.x509 import ObjectIdentifier

from keyworks.algorithms.registry import RSA_MODULUS_BITS
from keyworks.authority.library import PROFILES
from keyworks.authority.name_rules import REGISTERED, REQUEST, NameRules, nearest
from keyworks.authority.profile import LEAF_KEYS, Holder, Profile
from keyworks.errors import OperatorError
from keyworks.lint.profiles import LONGEST, NEEDED, NEVER_ENDING, RESERVED
from keyworks.oids import SERIAL_NUMBER

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_MASA: Final = re.compile(r"(?:https://)?[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?(?:/[!-~]{0,1000})?")
_LEAST_RSA_BITS: Final = 2048
_KNOWN: Final = MappingProxyType(
    {
        Holder.DEVICE: {
            "organization",
            "manufacturer",
            "product",
            "serial_number",
            "site",
            *REGISTERED,
            REQUEST,
        },
        Holder.PRINCIPAL: {"organization", "name", "site", *REGISTERED, REQUEST},
        Holder.NODE: {"organization", "name", "dns", "ip"},
    }
)
"""Placeholders that can have a value, by whose certificates a profile describes."""


@dataclass(frozen=True, slots=True)
class ProfileChanges:
    """What a factory's profile has otherwise than its base; ``None`` is as the base has it.

    Args:
        lifetime: From the moment of issue.
        keys: Key types that are certified, besides RSA.
        smallest_rsa_bits: RSA keys below this are refused; 0 refuses RSA.
        subject: Attribute types and templates, in order.
        alternative: Kinds of alternative names and templates.
        needs: Groups of kinds of which each has to yield a name, besides those that the base cannot do without.
        extended_key_usage: Object identifiers added to the base's.
        masa_url: Where the device's manufacturer gives vouchers.
        renewable: Whether a holder may ask for a successor with the certificate itself.
    """

    lifetime: timedelta | None = None
    keys: tuple[str, ...] | None = None
    smallest_rsa_bits: int | None = None
    subject: tuple[tuple[str, str], ...] | None = None
    alternative: tuple[tuple[str, str], ...] | None = None
    needs: tuple[tuple[str, ...], ...] | None = None
    extended_key_usage: tuple[str, ...] | None = None
    masa_url: str | None = None
    renewable: bool | None = None


class Faults:
    """Collects what is wrong with a profile, so that all of it is told at once: a reason per line.

    Each reason starts with the field that it is about, if it is about one.
    """

    def __init__(self) -> None:
        self._reasons: list[str] = []

    @contextmanager
    def collected(self, field: str = "") -> Iterator[None]:
        """Keep what goes wrong here, and go on; of a field, if the sentence does not say so itself."""
        try:
            yield
        except OperatorError as error:
            self._reasons += [f"{field}: {line}" if field else line for line in error.detail.split("\n")]

    def check(self) -> None:
        """Refuse the profile if anything was wrong.

        Raises:
            OperatorError: Something was.
        """
        if self._reasons:
            raise OperatorError("\n".join(self._reasons))


def derive(base: Profile, name: str, version: int, changes: ProfileChanges) -> Profile:
    """Return a factory's own profile.

    Args:
        base: What it derives from.
        name: As operators and the ledger call it.
        version: Recorded with each certificate.
        changes: What is otherwise than in the base.

    Raises:
        OperatorError: It cannot be so; every reason in a line of its own, which starts with the field.
    """
    faults = Faults()
    with faults.collected():
        _check_name(name)
    changed: dict[str, Any] = {}
    for field, check in _CHECKS.items():
        value = getattr(changes, field)
        if value is not None:
            with faults.collected():
                changed[field] = check(base, value)
    with faults.collected():
        changed["names"] = _names(base, changes)
    faults.check()
    made = replace(base, name=name, version=version, **changed)
    if not made.keys and not made.smallest_rsa_bits:
        raise OperatorError("keys: none is left; allow key types, or RSA by smallest_rsa_bits.")
    return made


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise OperatorError(f"name: '{name}' cannot be a profile's; use 1 to 64 of a-z, 0-9 and inner hyphens.")
    if name in PROFILES:
        raise OperatorError(f"name: '{name}' is a built-in profile; choose another name.")


def _lifetime(base: Profile, lifetime: timedelta) -> timedelta:
    if base.base in NEVER_ENDING:
        raise OperatorError(f"lifetime: certificates of {base.base} never expire (IEEE 802.1AR); leave it out.")
    longest = LONGEST[base.base]
    if not timedelta(minutes=1) <= lifetime <= longest:
        raise OperatorError(
            f"lifetime: one minute to {longest.days} days are possible for a profile based on {base.base}."
        )
    return lifetime


def _keys(base: Profile, keys: Sequence[str]) -> tuple[str, ...]:
    possible = PROFILES[base.base].keys
    for one in keys:
        if one.startswith("rsa"):
            raise OperatorError(f"keys: '{one}' is an RSA key; say smallest_rsa_bits instead.")
        if one not in LEAF_KEYS:
            raise OperatorError(
                f"keys: '{one}' is weak or unknown{nearest(one, LEAF_KEYS)}; "
                f"possible are {', '.join(possible) or 'RSA keys alone'}."
            )
        if one not in possible:
            raise OperatorError(
                f"keys: a profile based on {base.base} has no {one} keys; "
                f"possible are {', '.join(possible) or 'RSA keys alone'}."
            )
    return tuple(dict.fromkeys(keys))


def _smallest_rsa_bits(base: Profile, bits: int) -> int:
    built_in = PROFILES[base.base].smallest_rsa_bits
    if bits and not built_in:
        raise OperatorError(
            f"smallest_rsa_bits: a profile based on {base.base} has no RSA keys; choose another base."
        )
    least = built_in if base.ca else _LEAST_RSA_BITS
    if bits and not least <= bits <= RSA_MODULUS_BITS[1]:
        raise OperatorError(
            f"smallest_rsa_bits: {least} to {RSA_MODULUS_BITS[1]} are possible, and 0 for no RSA keys."
        )
    return bits


def _extended_key_usage(base: Profile, added: Sequence[str]) -> tuple[str, ...]:
    if added and (base.ca or base.critical_purposes):
        raise OperatorError(
            f"extended_key_usage: a profile based on {base.base} cannot have any more purposes."
        )
    for one in added:
        if not _is_object_identifier(one):
            raise OperatorError(
                f"extended_key_usage: '{one}' is no object identifier; "
                "write it dotted, such as 1.3.6.1.5.5.7.3.2."
            )
        if base.base not in RESERVED.get(one, {base.base}):
            bases = " or ".join(sorted(RESERVED[one])) or "no profile"
            raise OperatorError(
                f"extended_key_usage: {one} is a power over others, which a profile based on {base.base} "
                f"cannot give; {bases} has it."
            )
    return tuple(dict.fromkeys((*base.extended_key_usage, *added)))


def _is_object_identifier(text: str) -> bool:
    try:
        return ObjectIdentifier(text).dotted_string == text
    except ValueError:
        return False


def _masa_url(base: Profile, url: str) -> str:
    if base.base != "idevid":
        raise OperatorError("masa_url: it stands in IDevIDs, so only a profile based on idevid can have it.")
    if not _MASA.fullmatch(url):
        raise OperatorError(
            f"masa_url: {url[:80]!r} is no https address; write it as https://masa.example/path."
        )
    return url


def _renewable(base: Profile, renewable: bool) -> bool:
    if renewable and not base.renewable:
        # A signer's new certificate revokes no old one, because what that one signed is still verified.
        raise OperatorError(f"renewable: certificates of {base.base} are never renewed; leave it out.")
    return renewable


_CHECKS: Final[MappingProxyType[str, Callable[[Profile, Any], object]]] = MappingProxyType(
    {
        "lifetime": _lifetime,
        "keys": _keys,
        "smallest_rsa_bits": _smallest_rsa_bits,
        "extended_key_usage": _extended_key_usage,
        "masa_url": _masa_url,
        "renewable": _renewable,
    }
)


def _names(base: Profile, changes: ProfileChanges) -> NameRules:
    if changes.subject is changes.alternative is changes.needs is None:
        return base.names
    if base.holder is Holder.AUTHORITY:
        raise OperatorError("subject: an authority is named when its key is made; leave the naming rules out.")
    subject = base.names.subject if changes.subject is None else changes.subject
    alternative = base.names.alternative if changes.alternative is None else changes.alternative
    needs = base.names.needs if changes.needs is None else changes.needs
    always = NEEDED.get(base.base, ())
    faults = Faults()
    with faults.collected("subject"):
        NameRules(subject)
    with faults.collected("alternative"):
        NameRules((), alternative)
    faults.check()
    with faults.collected("needs" if changes.alternative is None else "alternative"):
        rules = NameRules(subject, alternative, tuple(dict.fromkeys((*always, *needs))), base.names.single)
    faults.check()
    unknown = sorted(rules.placeholders - _KNOWN[base.holder])
    if unknown:
        field = (
            "subject" if any(unknown[0] in rule.placeholders for rule in rules.subject_rules) else "alternative"
        )
        raise OperatorError(
            f"{field}: {{{unknown[0]}}} has no value in the certificates of a {base.holder.value}; "
            f"use {', '.join(sorted(_KNOWN[base.holder]))}."
        )
    if base.base == "idevid" and sum(rule.kind == SERIAL_NUMBER for rule in rules.subject_rules) != 1:
        raise OperatorError(
            "subject: an IDevID has exactly one serialNumber (IEEE 802.1AR); add a rule for it."
        )
    if not rules.subject and not rules.needs:
        raise OperatorError(
            "subject: with neither a subject nor needed alternative names, nobody would be named."
        )
    return rules
