"""Each rule of our own on octets that break it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from keyworks import lint, oids
from keyworks.algorithms.public_key import PublicKey
from keyworks.lint import Context, local
from keyworks.testing import HandmadeTBS, software_signer, time_octets
from keyworks.x509 import extensions as x
from keyworks.x509.tbs import NO_EXPIRY

Good = Callable[[str], tuple[HandmadeTBS, Context]]
Spoil = Callable[[HandmadeTBS], HandmadeTBS]
URL: Final = "http://pki.supplier.example"
CA_USAGE: Final = x.key_usage(frozenset({"digitalSignature", "keyCertSign"}))
RSA_2048: Final = software_signer("rsa-2048").public_key


def for_key(tbs: HandmadeTBS, key: PublicKey) -> HandmadeTBS:
    return replace(tbs, public_key=key.spki).with_extension(x.subject_key_identifier(key.key_identifier))


def purposes(*listed: str) -> Spoil:
    return lambda tbs: tbs.with_extension(x.extended_key_usage(listed))


def published(*, crl: str, issuer: str) -> Spoil:
    return lambda tbs: tbs.with_extension(x.crl_distribution_points((crl,))).with_extension(
        x.authority_information_access(ca_issuers=(issuer,))
    )


BAD: Final[tuple[tuple[str, str, Spoil], ...]] = (
    ("leaf_does_not_outlive_its_issuer", "ldevid", lambda tbs: replace(tbs, not_after=time_octets(NO_EXPIRY))),
    ("leaf_does_not_outlive_its_issuer", "issuing", lambda tbs: replace(tbs, not_after=time_octets(NO_EXPIRY))),
    ("serial_has_enough_random_bits", "ldevid", lambda tbs: replace(tbs, serial_number=b"\x01")),
    ("serial_has_enough_random_bits", "ldevid", lambda tbs: replace(tbs, serial_number=b"\x00" + b"\xff" * 8)),
    ("key_is_strong_enough", "issuing", lambda tbs: for_key(tbs, RSA_2048)),
    ("publication_addresses_are_there", "ldevid", lambda tbs: tbs.without(oids.CRL_DISTRIBUTION_POINTS)),
    ("publication_addresses_are_there", "ldevid", lambda tbs: tbs.without(oids.AUTHORITY_INFORMATION_ACCESS)),
    (
        "publication_addresses_are_there",
        "idevid",
        published(crl=f"{URL}.elsewhere.example/c.crl", issuer=f"{URL}/aia/i.cer"),
    ),
    (
        "publication_addresses_are_there",
        "issuing",
        published(crl=f"{URL}/crl/c.crl", issuer="http://elsewhere.example/i.cer"),
    ),
)


ALSO: Final = {"leaf_does_not_outlive_its_issuer": {"profiles.profile_does_not_live_too_long"}}


@pytest.mark.parametrize(("rule", "profile", "spoil"), BAD)
def test_octets_that_break_a_rule_are_found_to_break_it_alone(
    good: Good, rule: str, profile: str, spoil: Spoil
) -> None:
    tbs, context = good(profile)
    found = {one.rule for one in lint.findings(spoil(tbs).encode(), context)}
    assert found == {f"local.{rule}"} | ALSO.get(rule, set())


def test_every_rule_is_proven_on_octets_that_break_it() -> None:
    assert {rule for rule, *_ in BAD} == {rule.__name__ for rule in (*local.FRAME_RULES, *local.RULES)}


def test_an_end_entity_may_have_an_rsa_key_of_2048_bits(good: Good) -> None:
    tbs, context = good("ldevid")
    assert lint.findings(for_key(tbs, RSA_2048).encode(), context) == ()


def test_the_shortest_serial_number_has_65_bits(good: Good) -> None:
    tbs, context = good("ldevid")
    shortest = replace(tbs, serial_number=b"\x01" + bytes(8))
    assert lint.findings(shortest.encode(), context) == ()
