"""Whatever rules, inventory and request say: what is certified is explained by a rule, and well-formed."""

import ipaddress
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Final
from urllib.parse import quote

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keyworks.authority.library import PROFILES
from keyworks.authority.name_rules import REGISTERED, REQUEST, SINGLE, Facts, NameRule, NameRules
from keyworks.authority.naming import certified, check_names
from keyworks.errors import NotAuthorized, OperatorError, RejectedName
from keyworks.x509.extensions import parse_subject_alt_name
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import BY_SHORT_NAME, EMPTY_NAME, Attribute, Name
from keyworks.x509.template import Template

KINDS: Final = ("dns", "ip", "uri", "email", "upn")
VALUES: Final = st.text("aB1-._ /:@%ü\0", min_size=1, max_size=6)
LITERALS: Final = st.sampled_from(
    ["", "-", ".", ".plant.example", "urn:", "https://a/", "@a.example", "x", "1.2:"]
)
PIECES: Final = st.sampled_from([f"{{{one}}}" for one in (*SINGLE, *REGISTERED, REQUEST)]) | LITERALS
TEMPLATES: Final = (
    st.lists(PIECES, min_size=1, max_size=5).map("".join)
    | st.sampled_from(
        ["10.0.0.0/30", "2001:db8::/127", "192.0.2.1", "{request}", "{serial_number}-{request}.a"]
    )
    | st.text("{}[serial_number}", max_size=8)
)
NAMES: Final[Mapping[str, st.SearchStrategy[str]]] = {
    "dns": st.sampled_from(
        ["a.example", "B-1.plant.example", "*.example", "1-x.a", "a-1.a", "aB1-1.plant.example"]
    ),
    "ip": st.sampled_from(["10.0.0.1", "10.0.0.9", "2001:db8::1", "192.0.2.1"]),
    "uri": st.sampled_from(["urn:a", "https://a/1-1", "urn:1:a"]) | VALUES.map(lambda one: f"urn:{quote(one)}"),
    "email": st.sampled_from(["a@b.example", "1@a.example", "B@a.example"]),
    "upn": st.sampled_from(["a@b.example", "ü@a.example"]),
}
REGISTRY: Final = st.fixed_dictionaries({}, optional={k: st.lists(v, max_size=3) for k, v in NAMES.items()})
FACTS: Final = st.builds(Facts, st.fixed_dictionaries({}, optional=dict.fromkeys(SINGLE, VALUES)), REGISTRY)
RULES: Final = st.tuples(
    st.lists(st.tuples(st.sampled_from(["CN", "O", "serialNumber", "emailAddress"]), TEMPLATES), max_size=3),
    st.lists(st.tuples(st.sampled_from([*KINDS, "hardware_module"]), TEMPLATES), max_size=4),
)


@cache
def _empty_template() -> Template:
    return Template(EMPTY_NAME, None, (), None, b"")


@st.composite
def requests(draw: st.DrawFn) -> Template:
    pairs = draw(st.lists(st.tuples(st.sampled_from(["CN", "O"]), VALUES), max_size=3))
    subject = Name(tuple((Attribute(BY_SHORT_NAME[kind.lower()], value),) for kind, value in pairs), b"")
    names = {kind: tuple(values) for kind, values in draw(REGISTRY).items()}
    others = draw(st.sampled_from([(), (), (), (b"\x06\x01\x2a\xa0\x02\x05\x00",)]))
    alternative = SubjectAltName(**names, others=others)  # type: ignore[arg-type]
    return replace(
        _empty_template(), subject=subject, subject_alt_name=alternative if names or others else None
    )


def compiled(given_rules: tuple[list[tuple[str, str]], list[tuple[str, str]]]) -> NameRules:
    try:
        return NameRules(tuple(given_rules[0]), tuple(given_rules[1]))
    except OperatorError:
        assume(False)
        raise


def fillings(rule: NameRule, facts: Facts) -> Iterator[str]:
    """Yield a pattern for each way to fill a template, found without the code under test."""
    pieces = re.split(r"\{(\w+)\}", rule.template)
    choices: list[list[str]] = []
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            choices.append([re.escape(piece)])
        elif piece in REGISTERED:
            choices.append([re.escape(one) for one in facts.registered.get(piece, ())])
        elif piece == REQUEST:
            choices.append([".*" if rule.template == "{request}" else "[A-Za-z0-9]+"])
        else:
            value = facts.values.get(piece)
            inside = rule.kind == "uri" and len(rule.template) > len(piece) + 2
            choices.append([] if value is None else [re.escape(quote(value, safe="") if inside else value)])
    yield from map("".join, itertools.product(*choices))


def explains(rule: NameRule, facts: Facts, name: str) -> bool:
    if rule.network is not None:
        return ipaddress.ip_address(name) in rule.network
    if rule.kind == "ip" and rule.template != "{request}" and "{" not in rule.template:
        return name == str(ipaddress.ip_address(rule.template))
    flags = re.IGNORECASE if rule.kind == "dns" else 0
    return any(re.fullmatch(pattern, name, flags | re.DOTALL) for pattern in fillings(rule, facts))


@settings(max_examples=400)
@given(RULES, FACTS, requests())
def test_what_is_certified_is_explained_by_a_rule_and_well_formed(
    given_rules: tuple[list[tuple[str, str]], list[tuple[str, str]]], facts: Facts, template: Template
) -> None:
    rules = compiled(given_rules)
    try:
        wanted = certified(replace(PROFILES["ldevid"], names=rules), facts, template)
    except (RejectedName, NotAuthorized):
        return
    for [attribute] in wanted.subject.rdns:
        assert any(r.kind == attribute.oid and explains(r, facts, attribute.value) for r in rules.subject_rules)
    assert wanted.subject.is_empty or Name.parse(wanted.subject.der) == wanted.subject
    names = wanted.subject_alt_name
    assert names is not None or not wanted.subject.is_empty
    if names is not None:
        assert parse_subject_alt_name(names.encode()) == names
        for kind in KINDS:
            alike = [rule for rule in rules.alternative_rules if rule.kind == kind]
            for name in getattr(names, kind):
                assert any(explains(rule, facts, name) for rule in alike)
                copied = not any(rule.asks for rule in alike)
                assert copied or name in (*_asked(template, kind), *_unasked(alike, facts))


def _asked(template: Template, kind: str) -> tuple[str, ...]:
    return getattr(template.subject_alt_name or SubjectAltName(), kind)  # type: ignore[no-any-return]


def _unasked(rules: list[NameRule], facts: Facts) -> list[str]:
    """Return what rules yield that take nothing of a request."""
    return [name for rule in rules if not rule.asks for name in rule.yields(facts, ())]


@settings(max_examples=300)
@given(RULES, FACTS, requests())
def test_a_name_in_the_request_is_certified_or_the_request_refused(
    given_rules: tuple[list[tuple[str, str]], list[tuple[str, str]]], facts: Facts, template: Template
) -> None:
    rules = compiled(given_rules)
    try:
        wanted = certified(replace(PROFILES["ldevid"], names=rules), facts, template)
        check_names(template, wanted)
    except (RejectedName, NotAuthorized):
        return
    for rdn in template.subject.rdns:
        assert set(rdn) <= {one for certified_rdn in wanted.subject.rdns for one in certified_rdn}
    asked, names = template.subject_alt_name or SubjectAltName(), wanted.subject_alt_name or SubjectAltName()
    assert {one.lower() for one in asked.dns} <= {one.lower() for one in names.dns}
    for kind in ("ip", "uri", "email", "upn", "others"):
        assert set(getattr(asked, kind)) <= set(getattr(names, kind))


ENDS: Final = {"dns": "{}.plant.example", "uri": "urn:{}", "email": "{}@plant.example", "CN": "{}"}
PARTS: Final = st.text("a1-.x", min_size=1, max_size=4)
PLACES: Final = st.permutations(["{product}", "{serial_number}", "{request}"]) | st.permutations(
    ["{product}", "{serial_number}"]
)
SEPARATORS: Final = st.lists(st.sampled_from(["-", ".", ":", "--", "-x", "x-"]), min_size=2, max_size=2)


def inside_of(parts: tuple[str, str, str], between: list[str]) -> Iterator[str]:
    """Yield words that look like two values with what separates them."""
    for separator, one, other in itertools.product(between, parts, parts):
        yield one + separator + other


@settings(max_examples=1000)
@given(st.sampled_from(list(ENDS)), PLACES, SEPARATORS, st.tuples(PARTS, PARTS, PARTS))
def test_two_devices_never_get_the_same_name_from_one_template(
    kind: str, places: list[str], between: list[str], parts: tuple[str, str, str]
) -> None:
    """Not even those of which one's values run into what separates the other's: 'a-b', 'c' and 'a', 'b-c'."""
    [first, *rest] = places
    template = ENDS[kind].format(first + "".join(map(str.__add__, between, rest)))
    rules = compiled(([(kind, template)], []) if kind == "CN" else ([], [(kind, template)]))
    [rule] = (*rules.subject_rules, *rules.alternative_rules)
    left, middle, right = parts
    inside = [one.strip("{}") for one in places if one != "{request}"]
    separator = between[0]
    one = dict(zip(inside, (left, middle + separator + right), strict=True))
    other = dict(zip(inside, (left + separator + middle, right), strict=True))
    words = (*parts, *inside_of(parts, between), "a", "1")
    asked = [template.format(**values, request=word) for values in (one, other) for word in words]
    found: list[set[str]] = []
    for values in (one, other):
        try:
            found.append({*rule.yields(Facts(values), asked)})
        except RejectedName:
            found.append(set())
    assert not found[0] & found[1]
