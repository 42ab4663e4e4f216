"""Each rule of profiles on octets that break it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from keyworks import lint, oids
from keyworks.authority.library import PROFILES
from keyworks.lint import Context, profiles
from keyworks.testing import NOON, HandmadeTBS, time_octets
from keyworks.x509 import extensions as x
from keyworks.x509.general_name import SubjectAltName

Good = Callable[[str], tuple[HandmadeTBS, Context]]
Spoil = Callable[[HandmadeTBS], HandmadeTBS]
CA_USAGE: Final = x.key_usage(frozenset({"digitalSignature", "keyCertSign"}))
STAMPS: Final = oids.KP_TIME_STAMPING


def purposes(*listed: str, critical: bool = False) -> Spoil:
    return lambda tbs: tbs.with_extension(x.extended_key_usage(listed, critical=critical))


def names(**kinds: tuple[str, ...]) -> Spoil:
    found = SubjectAltName(**kinds)  # type: ignore[arg-type]
    return lambda tbs: tbs.with_extension(x.subject_alt_name(found, critical=False))


def usage(*bits: str) -> Spoil:
    return lambda tbs: tbs.with_extension(x.key_usage(frozenset(bits)))


def lives(**period: int) -> Spoil:
    return lambda tbs: replace(tbs, not_after=time_octets(NOON + int(timedelta(**period).total_seconds())))


def without(oid: str) -> Spoil:
    return lambda tbs: tbs.without(oid)


BAD: Final[tuple[tuple[str, str, Spoil], ...]] = (
    ("profile_has_its_purpose", "tls-server", purposes(oids.KP_CLIENT_AUTH)),
    ("profile_has_its_purpose", "tls-service", purposes(oids.KP_SERVER_AUTH)),
    ("profile_has_its_purpose", "station", purposes(oids.KP_SERVER_AUTH)),
    ("profile_has_its_purpose", "ldevid", without(oids.EXTENDED_KEY_USAGE)),
    ("profile_has_its_purpose", "firmware", purposes(oids.KP_SERVER_AUTH)),
    ("powers_stay_with_their_profiles", "ldevid", lambda tbs: more(tbs, oids.KP_CMC_RA)),
    ("powers_stay_with_their_profiles", "https-device", lambda tbs: more(tbs, oids.ANY_EXTENDED_KEY_USAGE)),
    ("powers_stay_with_their_profiles", "code-signing", lambda tbs: more(tbs, oids.KP_OCSP_SIGNING)),
    ("profile_has_its_key_usage", "ldevid", usage("digitalSignature", "nonRepudiation")),
    ("profile_has_its_key_usage", "opcua-application", usage("digitalSignature")),
    ("profile_has_its_key_usage", "opcua-application-rsa", usage("digitalSignature", "nonRepudiation")),
    ("profile_has_its_names", "tls-server", without(oids.SUBJECT_ALT_NAME)),
    ("profile_has_its_names", "tls-server", names(email=("server@example",))),
    ("profile_has_its_names", "opcua-application", names(dns=("a.example",))),
    ("profile_has_its_names", "opcua-application", names(uri=("urn:example:1",))),
    ("profile_has_its_names", "ipsec", names(uri=("urn:example:1",))),
    ("profile_has_its_names", "user", names(dns=("a.example",))),
    ("application_has_one_uri", "opcua-application", names(dns=("a.example",), uri=("urn:a:1", "urn:a:2"))),
    ("time_stamps_have_a_critical_purpose_of_their_own", "timestamping", purposes(STAMPS)),
    (
        "time_stamps_have_a_critical_purpose_of_their_own",
        "timestamping",
        purposes(STAMPS, oids.KP_CLIENT_AUTH, critical=True),
    ),
    ("only_ocsp_responders_are_not_checked", "ocsp-responder", without(oids.OCSP_NO_CHECK)),
    ("only_ocsp_responders_are_not_checked", "ldevid", lambda tbs: tbs.with_extension(x.ocsp_no_check())),
    ("profile_does_not_live_too_long", "https-device", lives(days=826)),
    ("profile_does_not_live_too_long", "ocsp-responder", lives(days=90, minutes=1)),
    ("profile_does_not_live_too_long", "ldevid", lives(days=5 * 365 + 1)),
    (
        "profile_fits_the_ca_bit",
        "issuing",
        lambda tbs: tbs.without(oids.BASIC_CONSTRAINTS).with_extension(
            x.key_usage(frozenset({"digitalSignature"}))
        ),
    ),
)
ALSO: Final = {"profile_fits_the_ca_bit": {"profiles.profile_has_its_key_usage"}}


def more(tbs: HandmadeTBS, purpose: str) -> HandmadeTBS:
    """Return it with one more purpose."""
    [present] = [one for one in tbs.extensions if one.oid == oids.EXTENDED_KEY_USAGE]
    listed = (*x.parse_extended_key_usage(present.value), purpose)
    return tbs.with_extension(x.extended_key_usage(listed, critical=present.critical))


@pytest.mark.parametrize(("rule", "profile", "spoil"), BAD)
def test_octets_that_break_a_rule_are_found_to_break_it_alone(
    good: Good, rule: str, profile: str, spoil: Spoil
) -> None:
    tbs, context = good(profile)
    found = {one.rule for one in lint.findings(spoil(tbs).encode(), context)}
    assert found == {f"profiles.{rule}"} | ALSO.get(rule, set())


def test_every_rule_is_proven_on_octets_that_break_it() -> None:
    assert {rule for rule, *_ in BAD} == {rule.__name__ for rule in (*profiles.FRAME_RULES, *profiles.RULES)}


@pytest.mark.parametrize("profile", [name for name, profile in PROFILES.items() if not profile.ca])
def test_no_profile_of_an_end_entity_makes_an_authority(good: Good, profile: str) -> None:
    tbs, context = good(profile)
    ca = tbs.with_extension(CA_USAGE).with_extension(x.basic_constraints(ca=True, path_length=0))
    assert "profiles.profile_fits_the_ca_bit" in {one.rule for one in lint.findings(ca.encode(), context)}


@pytest.mark.parametrize(
    ("profile", "days"),
    [(name, one.days) for name, one in profiles.LONGEST.items() if one.days < 3650],
)
def test_a_profiles_longest_life_itself_is_allowed(good: Good, profile: str, days: int) -> None:
    tbs, context = good(profile)
    longest = replace(tbs, not_after=time_octets(NOON + days * 86400 - 1))
    assert lint.findings(longest.encode(), context) == ()
