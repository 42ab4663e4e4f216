"""Templates: what they yield, and what is wrong with one that cannot work."""

from collections.abc import Mapping, Sequence
from typing import Final

import pytest

from keyworks.authority.name_rules import Facts, NameRules
from keyworks.errors import OperatorError, RejectedName

DEVICE: Final = Facts(
    {"organization": "Example Plant", "manufacturer": "Maker", "product": "PX 200", "serial_number": "SN-1"},
    {"dns": ("a.example", "b.example"), "ip": ("192.0.2.1",), "uri": ("urn:a:1",), "email": ("a@b.example",)},
)


def yields(kind: str, template: str, asked: Sequence[str] = (), facts: Facts = DEVICE) -> tuple[str, ...]:
    [rule] = NameRules((), ((kind, template),)).alternative_rules
    return rule.yields(facts, asked)


@pytest.mark.parametrize(
    ("kind", "template", "found"),
    [
        ("dns", "plant.example", ("plant.example",)),
        ("dns", "*.plant.example", ("*.plant.example",)),
        ("dns", "{dns}", ("a.example", "b.example")),
        ("dns", "{serial_number}.plant.example", ("SN-1.plant.example",)),
        ("dns", "{serial_number}.{site}.plant.example", ()),
        ("ip", "{ip}", ("192.0.2.1",)),
        ("ip", "192.0.2.9", ("192.0.2.9",)),
        ("uri", "opc.tcp://{dns}:4840", ("opc.tcp://a.example:4840", "opc.tcp://b.example:4840")),
        ("uri", "urn:{product}:{serial_number}", ("urn:PX%20200:SN-1",)),
        ("email", "{email}", ("a@b.example",)),
        ("upn", "{upn}", ()),
        ("hardware_module", "1.3.6.1.4.1.99999.1:{serial_number}", ("1.3.6.1.4.1.99999.1:SN-1",)),
    ],
)
def test_a_template_is_filled_with_what_is_known(kind: str, template: str, found: tuple[str, ...]) -> None:
    assert yields(kind, template) == found
    assert yields(kind, template, ["intruder.example", "192.0.2.66"]) == found


@pytest.mark.parametrize(
    ("kind", "template", "asked", "found"),
    [
        ("dns", "{request}", ("x.example", "*.example"), ("x.example",)),
        ("dns", "{serial_number}-{request}.plant.example", ("SN-1-web.plant.example",), 1),
        ("dns", "{serial_number}-{request}.plant.example", ("sn-1-WEB.Plant.example",), 1),
        ("dns", "{serial_number}-{request}.plant.example", ("SN-2-web.plant.example",), ()),
        ("dns", "{serial_number}-{request}.plant.example", ("SN-1-a-b.plant.example",), ()),
        ("dns", "{serial_number}-{request}.plant.example", ("SN-1-a.b.plant.example",), ()),
        ("dns", "{serial_number}-{request}.plant.example", ("SN-1-.plant.example",), ()),
        ("dns", "{serial_number}-{request}.plant.example", ("xSN-1-web.plant.example",), ()),
        ("dns", "{serial_number}-{request}.plant.example", ("SN-1-web.plantsexample",), ()),
        ("dns", "{site}-{request}.plant.example", ("-web.plant.example",), ()),
        ("uri", "urn:{serial_number}:{request}", ("urn:SN-1:app", "urn:sn-1:app"), ("urn:SN-1:app",)),
        ("ip", "{request}", ("192.0.2.66",), 1),
        ("ip", "10.20.0.0/16", ("10.20.255.1", "10.21.0.1", "::1"), ("10.20.255.1",)),
        ("ip", "2001:db8::/32", ("2001:db8::1", "10.20.0.1"), ("2001:db8::1",)),
    ],
)
def test_a_request_chooses_only_what_the_template_leaves_to_it(
    kind: str, template: str, asked: tuple[str, ...], found: int | tuple[str, ...]
) -> None:
    assert yields(kind, template, asked) == (asked[:found] if isinstance(found, int) else found)


@pytest.mark.parametrize(
    ("kind", "template", "values"),
    [
        ("dns", "{product}-{serial_number}.plant.example", {"product": "PX-200", "serial_number": "1"}),
        ("dns", "{serial_number}.plant.example", {"serial_number": "1.evil"}),
        ("uri", "urn:{product}-{serial_number}", {"product": "a-b", "serial_number": "c"}),
    ],
)
def test_values_that_could_be_mistaken_for_others_yield_no_name(
    kind: str, template: str, values: Mapping[str, str]
) -> None:
    with pytest.raises(RejectedName, match=r"cannot be (told apart|one label)"):
        yields(kind, template, (), Facts(values))


def test_an_address_keeps_the_parts_of_it_apart() -> None:
    """RFC 3986 §2.1: what stands inside a part is percent-encoded."""
    facts = Facts({"product": "a/b?c#d", "serial_number": "../1"})
    template = "https://id.example/{product}/{serial_number}"
    assert yields("uri", template, (), facts) == ("https://id.example/a%2Fb%3Fc%23d/..%2F1",)


@pytest.mark.parametrize(
    ("kind", "template", "sentence"),
    [
        ("dns", "{serial}.example", r"\{serial\} is no placeholder \(did you mean 'serial_number'\?\)"),
        ("dsn", "{dns}", r"'dsn' is no kind of alternative name \(did you mean 'dns'\?\)"),
        ("dns", "{dns", "a brace has no counterpart"),
        ("dns", "{uri}", r"\{uri\} cannot be part of a name of kind dns"),
        ("dns", "plant..example", "is not a host name"),
        ("dns", "{serial_number}_ .example", "is not a host name"),
        ("dns", "{dns}.{request}", "one template takes one of them"),
        ("dns", "{product}{serial_number}", "nothing separates"),
        ("dns", "{serial_number}x{request}.example", "nothing separates"),
        ("ip", "10.20.0.0/33", "is no network"),
        ("ip", "10.20.0.1/16", "is no network"),
        ("ip", "10.20.0.{request}", "is no template for an IP address"),
        ("ip", "plant.example", "is not an IP address"),
        ("uri", "{serial_number}", "is not a URI"),
        ("email", "{serial_number}", "is not a mail address"),
        ("hardware_module", "1.2.3:{request}", "cannot choose a hardware module"),
        ("hardware_module", "9.2.3:{serial_number}", "is not a hardware module name"),
    ],
)
def test_a_template_that_cannot_work_is_refused_when_it_is_made(
    kind: str, template: str, sentence: str
) -> None:
    with pytest.raises(OperatorError, match=sentence):
        NameRules((), ((kind, template),))


@pytest.mark.parametrize(
    ("attribute", "template", "sentence"),
    [
        ("CNN", "x", r"'CNN' is no attribute of a subject \(did you mean 'CN'\?\)"),
        ("C", "Germany", "can yield no C"),
        ("CN", "", "can yield no CN"),
        ("serialNumber", "ü", "can yield no serialNumber"),
    ],
)
def test_a_subject_that_cannot_be_is_refused_when_it_is_made(
    attribute: str, template: str, sentence: str
) -> None:
    with pytest.raises(OperatorError, match=sentence):
        NameRules(((attribute, template),))


def test_what_no_rule_yields_cannot_be_needed() -> None:
    with pytest.raises(OperatorError, match="kind ip or uri is needed, but no rule yields one"):
        NameRules((), (("dns", "{dns}"),), needs=(("dns",), ("ip", "uri")))


def test_rules_say_what_has_to_be_looked_up() -> None:
    plain = NameRules((("CN", "{serial_number}"),), (("dns", "{serial_number}.example"),))
    looked_up = NameRules((("CN", "{dns}"),))
    choosing = NameRules((("CN", "{request}"),), (("ip", "10.0.0.0/8"),))
    assert [one.uses_registered for one in (plain, looked_up, choosing)] == [False, True, False]
    registered = NameRules((), (("dns", "{dns}"), ("ip", "{ip}")))
    sets = (plain, looked_up, choosing, registered)
    assert [one.may_collide for one in sets] == [True, False, True, False]
