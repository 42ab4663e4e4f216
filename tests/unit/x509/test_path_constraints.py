"""Name constraints on a path, of every kind that profiles use; ``openssl verify`` judges the same files.

Source: RFC 5280 §4.2.1.10, §6.1.4.
"""

import dataclasses
import ipaddress
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from keyworks.errors import InvalidPath
from tests.unit.x509.chains import GOOD_CA, GOOD_LEAF, Made, made
from tests.unit.x509.verdicts import ROOT, judged, openssl_accepts

ORGANIZATION, COMMON_NAME = NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME


def dns(name: str) -> x509.GeneralName:
    return x509.DNSName(name)


def address(text: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(text))


def network(text: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_network(text))


def uri(text: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(text)


def email(text: str) -> x509.GeneralName:
    return x509.RFC822Name(text)


def organization(text: str) -> x509.GeneralName:
    return x509.DirectoryName(x509.Name([x509.NameAttribute(ORGANIZATION, text)]))


def issuing(permitted: Sequence[x509.GeneralName] = (), excluded: Sequence[x509.GeneralName] = ()) -> Made:
    constraints = x509.NameConstraints(list(permitted) or None, list(excluded) or None)
    return made("constrained", dataclasses.replace(GOOD_CA, extensions=((constraints, True),)), ROOT)


def named(issuer: Made, *names: x509.GeneralName, of: str = "Acme") -> Made:
    extensions = ((x509.SubjectAlternativeName(names), False),) if names else ()
    subject = ((ORGANIZATION, of), (COMMON_NAME, "device"))
    return made("device", dataclasses.replace(GOOD_LEAF, extensions=extensions, names=subject), issuer)


PLANT, NOT_PLANT = issuing([dns("plant.example")]), issuing(excluded=[dns("plant.example")])
TEN, NOT_TEN = issuing([network("10.0.0.0/8")]), issuing(excluded=[network("10.0.0.0/8")])
ACME, NOT_ACME = issuing([organization("Acme")]), issuing(excluded=[organization("Acme")])
SIX = issuing([network("2001:db8::/32")])
MIXED = issuing([dns("plant.example"), organization("Acme"), network("10.0.0.0/8")])

INSIDE: dict[str, tuple[Made, Made]] = {
    "host name": (named(PLANT, dns("pump.plant.example")), PLANT),
    "the host itself": (named(PLANT, dns("plant.example")), PLANT),
    "host name in capitals": (named(PLANT, dns("PUMP.Plant.Example")), PLANT),
    "no host name at all": (named(PLANT), PLANT),
    "a kind that is not constrained": (named(PLANT, address("192.0.2.7")), PLANT),
    "host name elsewhere": (named(NOT_PLANT, dns("pump.office.example")), NOT_PLANT),
    "address": (named(TEN, address("10.255.0.1")), TEN),
    "address elsewhere": (named(NOT_TEN, address("11.0.0.1")), NOT_TEN),
    "address of version 6": (named(SIX, address("2001:db8:7::1")), SIX),
    "directory name": (named(ACME), ACME),
    "directory name elsewhere": (named(NOT_ACME, of="Example"), NOT_ACME),
    "several kinds": (named(MIXED, dns("a.plant.example"), address("10.0.0.1")), MIXED),
}


@pytest.mark.parametrize("case", INSIDE)
def test_a_name_inside_its_constraints_is_accepted(case: str, tmp_path: Path) -> None:
    leaf, issuer = INSIDE[case]
    assert judged([leaf, issuer], [ROOT])
    assert openssl_accepts(tmp_path, [leaf, issuer], [ROOT])


OUTSIDE, EXCLUDED = "a name lies outside the permitted subtrees", "a name lies inside an excluded subtree"
BELOW = made("below", GOOD_CA, MIXED)
LOOSER = made(
    "looser",
    dataclasses.replace(GOOD_CA, extensions=((x509.NameConstraints([dns("example")], None), True),)),
    PLANT,
)
REFUSED: dict[str, tuple[list[Made], str]] = {
    "host name": ([named(PLANT, dns("pump.office.example")), PLANT], OUTSIDE),
    "host name that only ends alike": ([named(PLANT, dns("notplant.example")), PLANT], OUTSIDE),
    "the second host name": ([named(PLANT, dns("a.plant.example"), dns("b.example")), PLANT], OUTSIDE),
    "excluded host name": ([named(NOT_PLANT, dns("pump.plant.example")), NOT_PLANT], EXCLUDED),
    "address": ([named(TEN, address("11.0.0.1")), TEN], OUTSIDE),
    "address of the other version": ([named(TEN, address("2001:db8::1")), TEN], OUTSIDE),
    "address of version 6": ([named(SIX, address("2001:db9::1")), SIX], OUTSIDE),
    "excluded address": ([named(NOT_TEN, address("10.0.0.1")), NOT_TEN], EXCLUDED),
    "subject": ([named(ACME, of="Acme Imitations"), ACME], OUTSIDE),
    "excluded subject": ([named(NOT_ACME), NOT_ACME], EXCLUDED),
    "directory name": ([named(ACME, organization("Example")), ACME], OUTSIDE),
    "uri": ([named(leaf := issuing([uri("plant.example")]), uri("https://office.example/")), leaf], OUTSIDE),
    "mail address": (
        [named(mail := issuing([email("plant.example")]), email("a@office.example")), mail],
        OUTSIDE,
    ),
    "one kind of several": ([named(MIXED, dns("a.plant.example"), address("11.0.0.1")), MIXED], OUTSIDE),
    "two levels below": ([named(BELOW, dns("office.example")), BELOW, MIXED], OUTSIDE),
    "an issuer below with looser ones": ([named(LOOSER, dns("office.example")), LOOSER, PLANT], OUTSIDE),
    "urn where URIs are constrained": (
        [named(host := issuing([uri("plant.example")]), uri("urn:example:pump")), host],
        "a name has a form that cannot be held against the name constraints",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_name_outside_its_constraints_is_refused(case: str, tmp_path: Path) -> None:
    chain, complaint = REFUSED[case]
    with pytest.raises(InvalidPath, match=complaint):
        judged(chain, [ROOT])
    assert not openssl_accepts(tmp_path, chain, [ROOT])


def test_the_constraints_of_an_anchor_count(tmp_path: Path) -> None:
    """An anchor is trusted as it is: constraints included."""
    inside, outside = named(PLANT, dns("a.plant.example")), named(PLANT, dns("a.office.example"))
    assert judged([inside], [PLANT])
    assert openssl_accepts(tmp_path, [inside], [PLANT])
    with pytest.raises(InvalidPath, match=OUTSIDE):
        judged([outside], [PLANT])
    assert not openssl_accepts(tmp_path, [outside], [PLANT])
