"""Each rule of RFC 5280 on octets that break it, and it alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import pytest

from keyworks import lint, oids
from keyworks.lint import Context, rfc5280
from keyworks.testing import NOON, HandmadeTBS, software_signer, time_octets
from keyworks.x509 import extensions as x
from keyworks.x509.der import wrap
from keyworks.x509.general_name import GeneralName, SubjectAltName
from keyworks.x509.name import EMPTY_NAME, Name

Good = Callable[[str], tuple[HandmadeTBS, Context]]
URL: Final = "http://pki.supplier.example"
COMMON_NAME: Final = b"\x06\x03\x55\x04\x03"
TELETEX_NAME: Final = wrap(0x30, wrap(0x31, wrap(0x30, COMMON_NAME + b"\x14\x01A")))
MULTI_VALUED_NAME: Final = wrap(
    0x30, wrap(0x31, wrap(0x30, COMMON_NAME + b"\x0c\x01A") + wrap(0x30, COMMON_NAME + b"\x0c\x01B"))
)
P_384: Final = software_signer("P-384").public_key


@dataclass(frozen=True, slots=True)
class Bad:
    """One way to break a rule.

    Args:
        rule: Which.
        spoil: How.
        profile: The right certificate that is spoilt.
        also: Rules that cannot but break with it.
    """

    rule: str
    spoil: Callable[[HandmadeTBS], HandmadeTBS]
    profile: str = "ldevid"
    also: frozenset[str] = frozenset()


def key_usage(*names: str, critical: bool = True) -> x.Extension:
    return replace(x.key_usage(frozenset(names)), critical=critical)


def names(critical: bool) -> x.Extension:
    return x.subject_alt_name(SubjectAltName(dns=("device.example",)), critical=critical)


def with_key(tbs: HandmadeTBS) -> HandmadeTBS:
    """Return it for a key that only signs, with the right key identifier."""
    changed = replace(tbs, public_key=P_384.spki)
    return changed.with_extension(x.subject_key_identifier(P_384.key_identifier))


def critical(tbs: HandmadeTBS, oid: str) -> HandmadeTBS:
    """Return it with the critical flag of an extension turned over."""
    [one] = [one for one in tbs.extensions if one.oid == oid]
    return tbs.with_extension(replace(one, critical=not one.critical))


USAGE: Final = frozenset({"profiles.profile_has_its_key_usage"})
BAD: Final = (
    Bad("version_is_3", lambda tbs: replace(tbs, version=b"\xa0\x03\x02\x01\x01")),
    Bad("version_is_3", lambda tbs: replace(tbs, version=b"")),
    Bad("serial_is_positive_and_short", lambda tbs: replace(tbs, serial_number=b"\x00")),
    Bad("serial_is_positive_and_short", lambda tbs: replace(tbs, serial_number=b"\x80" + bytes(15))),
    Bad("serial_is_positive_and_short", lambda tbs: replace(tbs, serial_number=b"\x01" + bytes(20))),
    Bad("serial_is_positive_and_short", lambda tbs: replace(tbs, serial_number=b"\x00\x80" + bytes(19))),
    Bad("issuer_is_the_issuers_subject", lambda tbs: replace(tbs, issuer=tbs.subject)),
    Bad("issuer_is_the_issuers_subject", lambda tbs: replace(tbs, issuer=EMPTY_NAME.der)),
    Bad(
        "issuer_is_the_issuers_subject",
        lambda tbs: replace(tbs, issuer=EMPTY_NAME.der, subject=EMPTY_NAME.der).with_extension(names(True)),
        profile="root",
        also=frozenset({"a_ca_has_a_subject"}),
    ),
    Bad("validity_is_ordered", lambda tbs: replace(tbs, not_after=time_octets(NOON - 3600))),
    Bad(
        "times_are_encoded_by_year",
        lambda tbs: replace(tbs, not_after=time_octets(NOON + 3600, generalized=True)),
    ),
    Bad(
        "times_are_encoded_by_year",
        lambda tbs: replace(tbs, not_before=time_octets(NOON, generalized=True)),
        profile="idevid",
    ),
    Bad(
        "signature_fits_the_issuers_key",
        lambda tbs: replace(tbs, signature=P_384.signature_algorithm.identifier),
    ),
    Bad("no_unique_ids", lambda tbs: replace(tbs, unique_ids=b"\x81\x02\x00\x01")),
    Bad("no_unique_ids", lambda tbs: replace(tbs, unique_ids=b"\x82\x02\x00\x01")),
    Bad("no_extension_twice", lambda tbs: replace(tbs, extensions=(*tbs.extensions, tbs.extensions[-1]))),
    Bad(
        "no_unknown_critical",
        lambda tbs: tbs.with_extension(x.Extension("1.2.3.4", critical=True, value=b"\x05\x00")),
    ),
    Bad("subject_key_identifier_is_there", lambda tbs: tbs.without(oids.SUBJECT_KEY_IDENTIFIER)),
    Bad("subject_key_identifier_is_there", lambda tbs: critical(tbs, oids.SUBJECT_KEY_IDENTIFIER)),
    Bad(
        "subject_key_identifier_is_there",
        lambda tbs: tbs.with_extension(x.subject_key_identifier(bytes(20))),
    ),
    Bad(
        "subject_key_identifier_is_there",
        lambda tbs: tbs.with_extension(
            x.Extension(oids.SUBJECT_KEY_IDENTIFIER, critical=False, value=b"\x05\x00")
        ),
    ),
    Bad("authority_key_identifier_fits", lambda tbs: tbs.without(oids.AUTHORITY_KEY_IDENTIFIER)),
    Bad("authority_key_identifier_fits", lambda tbs: critical(tbs, oids.AUTHORITY_KEY_IDENTIFIER)),
    Bad(
        "authority_key_identifier_fits",
        lambda tbs: tbs.with_extension(x.authority_key_identifier(bytes(20))),
    ),
    Bad(
        "authority_key_identifier_fits",
        lambda tbs: tbs.with_extension(
            x.Extension(oids.AUTHORITY_KEY_IDENTIFIER, critical=False, value=b"\x05\x00")
        ),
    ),
    Bad("key_usage_is_critical", lambda tbs: critical(tbs, oids.KEY_USAGE)),
    Bad("key_usage_is_critical", lambda tbs: tbs.without(oids.KEY_USAGE), also=USAGE),
    Bad(
        "key_usage_is_critical",
        lambda tbs: tbs.with_extension(x.Extension(oids.KEY_USAGE, critical=True, value=b"\x03\x01\x00")),
        also=USAGE,
    ),
    Bad(
        "key_usage_fits_the_role",
        lambda tbs: tbs.with_extension(key_usage("digitalSignature", "keyCertSign")),
        also=USAGE,
    ),
    Bad(
        "key_usage_fits_the_role",
        lambda tbs: tbs.with_extension(key_usage("cRLSign")),
        profile="issuing",
        also=USAGE,
    ),
    Bad(
        "key_usage_fits_the_key",
        lambda tbs: with_key(tbs).with_extension(key_usage("digitalSignature", "keyEncipherment")),
        also=USAGE,
    ),
    Bad(
        "key_usage_fits_the_key",
        lambda tbs: tbs.with_extension(key_usage("digitalSignature", "dataEncipherment")),
        also=USAGE,
    ),
    Bad(
        "basic_constraints_of_a_ca_are_critical",
        lambda tbs: critical(tbs, oids.BASIC_CONSTRAINTS),
        profile="issuing",
    ),
    Bad(
        "path_length_only_in_a_ca",
        lambda tbs: tbs.with_extension(x.basic_constraints(ca=False, path_length=0)),
    ),
    Bad(
        "path_length_fits_the_issuers",
        lambda tbs: tbs.with_extension(x.basic_constraints(ca=True, path_length=2)),
        profile="issuing",
    ),
    Bad(
        "path_length_fits_the_issuers",
        lambda tbs: tbs.with_extension(x.basic_constraints(ca=True, path_length=None)),
        profile="idevid-issuing",
    ),
    Bad(
        "name_constraints_only_in_a_ca",
        lambda tbs: tbs.with_extension(x.name_constraints(permitted=[GeneralName("dns", "example")])),
    ),
    Bad(
        "name_constraints_only_in_a_ca",
        lambda tbs: tbs.with_extension(
            replace(x.name_constraints(permitted=[GeneralName("dns", "example")]), critical=False)
        ),
        profile="issuing",
    ),
    Bad("alternative_names_are_critical_without_subject", lambda tbs: tbs.with_extension(names(True))),
    Bad(
        "alternative_names_are_critical_without_subject",
        lambda tbs: replace(tbs, subject=EMPTY_NAME.der).with_extension(names(False)),
    ),
    Bad(
        "alternative_names_are_critical_without_subject",
        lambda tbs: replace(tbs, subject=EMPTY_NAME.der),
    ),
    Bad(
        "a_ca_has_a_subject",
        lambda tbs: replace(tbs, subject=EMPTY_NAME.der).with_extension(names(True)),
        profile="issuing",
    ),
    Bad("subject_is_encoded_as_we_do", lambda tbs: replace(tbs, subject=TELETEX_NAME)),
    Bad("subject_is_encoded_as_we_do", lambda tbs: replace(tbs, subject=MULTI_VALUED_NAME)),
    Bad("publication_addresses_are_http", lambda tbs: critical(tbs, oids.CRL_DISTRIBUTION_POINTS)),
    Bad("publication_addresses_are_http", lambda tbs: critical(tbs, oids.AUTHORITY_INFORMATION_ACCESS)),
    Bad(
        "publication_addresses_are_http",
        lambda tbs: tbs.with_extension(x.crl_distribution_points((f"https{URL[4:]}/crl/issuing-1.crl",))),
        also=frozenset({"local.publication_addresses_are_there"}),
    ),
)


def _named(rule: str) -> str:
    return rule if "." in rule else f"rfc5280.{rule}"


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.rule)
def test_octets_that_break_a_rule_are_found_to_break_it_alone(good: Good, bad: Bad) -> None:
    tbs, context = good(bad.profile)
    found = {one.rule for one in lint.findings(bad.spoil(tbs).encode(), context)}
    assert found == {_named(rule) for rule in (bad.rule, *bad.also)}


def test_an_issuer_that_is_no_ca_may_not_certify(good: Good) -> None:
    """§6.1.4 (k): only a certificate with the CA bit is followed by another one."""
    tbs, context = good("ldevid")
    assert context.issuer is not None
    for issuer in (
        replace(context.issuer, is_ca=False),
        replace(context.issuer, key_usage=frozenset({"cRLSign"})),
        replace(context.issuer, key_usage=None),
    ):
        [found] = lint.findings(tbs.encode(), replace(context, issuer=issuer))
        assert found.rule == "rfc5280.issuer_may_certify"


def test_every_rule_is_proven_on_octets_that_break_it() -> None:
    proven = {bad.rule for bad in BAD} | {"issuer_may_certify"}
    assert proven == {rule.__name__ for rule in (*rfc5280.FRAME_RULES, *rfc5280.RULES)}


@pytest.mark.parametrize("profile", ["root", "idevid-root"])
def test_a_root_names_itself_and_its_own_key(good: Good, profile: str) -> None:
    """§4.2.1.1: a self-signed certificate's authorityKeyIdentifier is its own key's."""
    tbs, context = good(profile)
    other = Name.of((oids.COMMON_NAME, "somebody else"))
    changed = replace(tbs, issuer=other.der).with_extension(x.authority_key_identifier(bytes(20)))
    assert {one.rule for one in lint.findings(changed.encode(), context)} == {
        "rfc5280.issuer_is_the_issuers_subject",
        "rfc5280.authority_key_identifier_fits",
    }


def test_a_ca_below_an_unlimited_one_may_have_any_path_length(good: Good) -> None:
    """§6.1.4 (m): without a pathLenConstraint above, none is exceeded."""
    tbs, context = good("issuing")
    assert context.issuer is not None
    unlimited = replace(context, issuer=replace(context.issuer, path_length=None))
    longer = tbs.with_extension(x.basic_constraints(ca=True, path_length=5))
    assert lint.findings(longer.encode(), unlimited) == ()
