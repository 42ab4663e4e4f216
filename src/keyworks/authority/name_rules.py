"""Naming rules: templates that say which names a certificate carries, and what of a request gets in.

A template is text with placeholders. What it yields is explained by the rule alone::

    Example Plant                            fixed
    {serial_number}, {dns}                   from the inventory, or of the registered principal
    {request}                                copied from the request
    {serial_number}-{request}.plant.example  must match: the request chooses letters and digits in one place
    10.20.0.0/16                             must match: the request chooses an address in a network

A rule whose placeholder has no value yields no name. Two different fillings of one template never yield the
same name: placeholders are told apart by what stands between them, or nothing is issued.
"""

import difflib
import ipaddress
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from keyworks.errors import OperatorError, RejectedName
from keyworks.x509.general_name import NAMED_KINDS, certifiable
from keyworks.x509.name import BY_SHORT_NAME, Name

REGISTERED: Final = ("dns", "ip", "uri", "email", "upn")
"""Placeholders for names registered for a device or principal: none, one or many."""

REQUEST: Final = "request"
SINGLE: Final = ("organization", "manufacturer", "product", "serial_number", "site", "name")
"""Placeholders with one value, or none."""

_TELLING: Final = frozenset({"serial_number", "name"})
"""Those whose values tell one holder from another; namesakes of a serial number are told apart elsewhere."""

PLACEHOLDERS: Final = (*SINGLE, *REGISTERED, REQUEST)
_SAMPLES: Final = {
    **dict.fromkeys(SINGLE, "1"),
    "dns": "a.example",
    "ip": "192.0.2.1",
    "uri": "urn:a:1",
    "email": "a@b.example",
    "upn": "a@b.example",
    REQUEST: "1",
}
_FITS: Final[Mapping[str, tuple[str, ...]]] = {
    "dns": ("dns",),
    "ip": ("ip",),
    "uri": REGISTERED,
    "email": ("email", "upn", "dns"),
    "upn": ("email", "upn", "dns"),
    "hardware_module": (),
}
"""Which registered names can be part of an alternative name of a kind."""

_ATTRIBUTES: Final = (
    *("CN", "serialNumber", "C", "L", "ST", "O", "OU", "DC"),
    *("emailAddress", "title", "SN", "GN", "dnQualifier"),
)
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_CHOSEN: Final = "[A-Za-z0-9]+"
"""What a request may choose inside a longer template: nothing that stands between placeholders."""

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about the subject of a certificate, whoever asks for it.

    Args:
        values: Of the placeholders in ``SINGLE`` that have one.
        registered: Names registered for it, by kind.
    """

    values: Mapping[str, str]
    registered: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NameRule:
    """One template, compiled.

    Args:
        kind: Of the alternative name, or the attribute's object identifier.
        template: As written.
        spoken: The kind or attribute as people write it.
        literals: What stands before, between and after the placeholders.
        placeholders: In order.
        network: Where the request chooses an address in it.
    """

    kind: str
    template: str
    spoken: str
    literals: tuple[str, ...]
    placeholders: tuple[str, ...]
    network: _Network | None = None

    @property
    def several(self) -> str | None:
        """Return the placeholder for registered names, if there is one."""
        return next((one for one in self.placeholders if one in REGISTERED), None)

    @property
    def is_plain(self) -> bool:
        """Return whether it is one placeholder with one value, and nothing around it."""
        return self.network is None and self.literals == ("", "") and self.placeholders[0] in SINGLE

    @property
    def asks(self) -> bool:
        """Return whether the request has a part in what it yields."""
        return self.network is not None or REQUEST in self.placeholders

    @property
    def is_free(self) -> bool:
        """Return whether two holders may ask for one name: nothing in the template tells them apart."""
        return self.asks and _TELLING.isdisjoint(self.placeholders)

    def yields(self, facts: Facts, asked: Sequence[str]) -> tuple[str, ...]:
        """Return the names, unchecked whether they are well-formed.

        Args:
            facts: About the subject.
            asked: What the request asks for of this kind.

        Raises:
            RejectedName: The values cannot be told apart in the name they would make.
        """
        if self.network is not None:
            return tuple(one for one in asked if ipaddress.ip_address(one) in self.network)
        if self.is_plain:
            value = facts.values.get(self.placeholders[0])
            return () if value is None else (value,)
        if not self.placeholders:
            return self.literals
        if REQUEST in self.placeholders:
            return self._matching(facts, asked)
        several = self.several
        found = [self._filled(facts, one) for one in (facts.registered.get(several, ()) if several else ("",))]
        return tuple(one for one in found if one is not None)

    def _filled(self, facts: Facts, several: str) -> str | None:
        values = self._values(facts, several)
        if values is None:
            return None
        return self.literals[0] + "".join(
            value + literal for value, literal in zip(values, self.literals[1:], strict=True)
        )

    def _values(self, facts: Facts, rest: str) -> list[str] | None:
        """Return a value for each placeholder, ``rest`` for the one that has several or is asked for."""
        values = []
        for placeholder in self.placeholders:
            if placeholder not in SINGLE:
                values.append(rest)
                continue
            value = facts.values.get(placeholder)
            if value is None:
                return None
            values.append(self._safe(value))
        self._check_distinct(values)
        return values

    def _safe(self, value: str) -> str:
        """Return a value as it may stand inside a longer name: never as more than one part of it."""
        if self.kind == "uri":
            return quote(value, safe="")
        if self.kind == "dns" and "." in value:
            raise RejectedName(f"'{value}' cannot be one label of a host name, as '{self.template}' wants it.")
        return value

    def _check_distinct(self, values: Sequence[str]) -> None:
        """Refuse values that other values could be mistaken for: 'a-b' and 'c' for 'a' and 'b-c'."""
        varying = [place for place, one in enumerate(self.placeholders) if one != "organization"]
        from_end = REQUEST in self.placeholders and self.placeholders[varying[-1]] == REQUEST
        for left, right in itertools.pairwise(varying):
            between = "".join(self.literals[left + 1 : right + 1])
            edge, value = (between[-1], values[right]) if from_end else (between[0], values[left])
            if edge in value:
                raise RejectedName(
                    f"'{value}' cannot be told apart from what follows in '{self.template}', because it has "
                    f"'{edge}' in it; the template needs another separator."
                )

    def _matching(self, facts: Facts, asked: Sequence[str]) -> tuple[str, ...]:
        """Return what the request asks for, as far as the template takes it."""
        if self.literals == ("", ""):
            return tuple(one for one in asked if not one.startswith("*"))
        values = self._values(facts, "\0")
        if values is None:
            return ()
        filled = self.literals[0] + "".join(
            value + literal for value, literal in zip(values, self.literals[1:], strict=True)
        )
        # Without re.ASCII, letters from elsewhere would be ours in the other case.
        flags = re.IGNORECASE | re.ASCII if self.kind == "dns" else re.ASCII
        pattern = re.compile(_CHOSEN.join(map(re.escape, filled.split("\0"))), flags)
        return tuple(one for one in asked if pattern.fullmatch(one))


@dataclass(frozen=True, slots=True)
class NameRules:
    """Which names a certificate carries.

    Args:
        subject: Attribute types (such as ``CN``) and templates, in order.
        alternative: Kinds of alternative names and templates.
        needs: Groups of kinds of which each has to yield at least one name.
        single: Kinds that may yield at most one name.

    Raises:
        OperatorError: A template cannot work; the sentence says which and why.
    """

    subject: tuple[tuple[str, str], ...]
    alternative: tuple[tuple[str, str], ...] = ()
    needs: tuple[tuple[str, ...], ...] = ()
    single: tuple[str, ...] = ()
    subject_rules: tuple[NameRule, ...] = field(init=False, repr=False, compare=False)
    alternative_rules: tuple[NameRule, ...] = field(init=False, repr=False, compare=False)
    uses_registered: bool = field(init=False, repr=False, compare=False)
    """Whether a template has a placeholder for registered names."""

    plain_subject: tuple[tuple[str, str], ...] | None = field(init=False, repr=False, compare=False)
    """Attributes and the one placeholder of each, where the subject has nothing else: the usual, fast case."""

    may_collide: bool = field(init=False, repr=False, compare=False)
    """Whether alternative names come from elsewhere than from what is registered, for one holder alone."""

    is_free: bool = field(init=False, repr=False, compare=False)
    """Whether a request alone chooses a name."""

    def __post_init__(self) -> None:
        """Compile the templates, once."""
        subject = tuple(_attribute_rule(kind, template) for kind, template in self.subject)
        alternative = tuple(_alternative_rule(kind, template) for kind, template in self.alternative)
        for group in self.needs:
            if not any(rule.kind in group for rule in alternative):
                kinds = " or ".join(group) or "(none)"
                raise OperatorError(f"A name of kind {kinds} is needed, but no rule yields one; add a rule.")
        rules = (*subject, *alternative)
        object.__setattr__(self, "subject_rules", subject)
        object.__setattr__(self, "alternative_rules", alternative)
        plain = all(rule.is_plain for rule in subject)
        pairs = tuple((rule.kind, rule.placeholders[0]) for rule in subject) if plain else None
        object.__setattr__(self, "plain_subject", pairs)
        object.__setattr__(self, "uses_registered", any(rule.several is not None for rule in rules))
        elsewhere = any(rule.several is None or rule.literals != ("", "") for rule in alternative)
        object.__setattr__(self, "may_collide", elsewhere)
        object.__setattr__(self, "is_free", any(rule.is_free for rule in rules))

    @property
    def placeholders(self) -> frozenset[str]:
        """Return every placeholder in use."""
        rules = (*self.subject_rules, *self.alternative_rules)
        return frozenset(one for rule in rules for one in rule.placeholders)


def _attribute_rule(kind: str, template: str) -> NameRule:
    oid = BY_SHORT_NAME.get(kind.lower())
    if oid is None:
        raise OperatorError(
            f"'{kind}' is no attribute of a subject{nearest(kind, _ATTRIBUTES)}; "
            f"these are: {', '.join(_ATTRIBUTES)}."
        )
    rule = _compiled(oid, kind, template)
    sample = (
        _SAMPLES | {"organization": "AA", "request": "AA", "site": "AA"} if kind.lower() == "c" else _SAMPLES
    )
    try:
        Name.of((oid, _sample(rule, sample)))
    except RejectedName as error:
        raise OperatorError(f"The template '{template}' can yield no {kind}: {error.detail}") from None
    return rule


def _alternative_rule(kind: str, template: str) -> NameRule:
    if kind not in NAMED_KINDS:
        raise OperatorError(
            f"'{kind}' is no kind of alternative name{nearest(kind, NAMED_KINDS)}; "
            f"these are: {', '.join(NAMED_KINDS)}."
        )
    if kind == "ip" and "/" in template and "{" not in template:
        return NameRule(kind, template, kind, (template,), (), _network(template))
    rule = _compiled(kind, kind, template)
    for one in rule.placeholders:
        if one in REGISTERED and one not in _FITS[kind]:
            raise OperatorError(f"In '{template}', {{{one}}} cannot be part of a name of kind {kind}.")
    if kind == "hardware_module" and rule.asks:
        raise OperatorError(f"In '{template}', a request cannot choose a hardware module's name.")
    if kind == "ip" and rule.literals != ("", "") and rule.placeholders:
        raise OperatorError(
            f"'{template}' is no template for an IP address: use {{ip}}, {{request}}, an address or a network."
        )
    sample = _SAMPLES | {REQUEST: _SAMPLES.get(kind, "1")} if rule.literals == ("", "") else _SAMPLES
    try:
        certifiable(kind, _sample(rule, sample))
    except RejectedName as error:
        raise OperatorError(
            f"The template '{template}' can yield no name of kind {kind}: {error.detail}"
        ) from None
    return rule


def _network(template: str) -> _Network:
    try:
        return ipaddress.ip_network(template)
    except ValueError as error:
        raise OperatorError(f"'{template}' is no network of IP addresses: {error}.") from None


def _compiled(kind: str, spoken: str, template: str) -> NameRule:
    """Return a rule whose placeholders are known and can be told apart."""
    pieces = _PLACEHOLDER.split(template)
    literals, placeholders = tuple(pieces[::2]), tuple(pieces[1::2])
    if any("{" in one or "}" in one for one in literals):
        raise OperatorError(f"In '{template}', a brace has no counterpart; write placeholders as {{dns}}.")
    for one in placeholders:
        if one not in PLACEHOLDERS:
            raise OperatorError(
                f"In '{template}', {{{one}}} is no placeholder{nearest(one, PLACEHOLDERS)}; "
                f"these are: {', '.join(PLACEHOLDERS)}."
            )
    if sum(one in (*REGISTERED, REQUEST) for one in placeholders) > 1:
        raise OperatorError(
            f"'{template}' has several of {', '.join((*REGISTERED, REQUEST))}; one template takes one of them."
        )
    for place, between in enumerate(literals[1:-1]):
        edges = between[:1] + between[-1:]
        asked = REQUEST in placeholders[place : place + 2]
        if not between or (asked and any(one.isascii() and one.isalnum() for one in edges)):
            left, right = placeholders[place : place + 2]
            raise OperatorError(
                f"In '{template}', nothing separates {{{left}}} from {{{right}}}; "
                "put a character between them that is neither a letter nor a digit."
            )
    return NameRule(kind, template, spoken, literals, placeholders)


def _sample(rule: NameRule, samples: Mapping[str, str]) -> str:
    values = (samples[one] for one in rule.placeholders)
    return rule.literals[0] + "".join(
        value + literal for value, literal in zip(values, rule.literals[1:], strict=True)
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a question after the known word that resembles an unknown one, or nothing."""
    near = difflib.get_close_matches(word, list(known), 1, 0.5)
    return f" (did you mean '{near[0]}'?)" if near else ""
