"""The rules together: all applied, all reported, and nothing signed that breaks one."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest

from keyworks import lint
from keyworks.authority.library import PROFILES
from keyworks.errors import LintFailed
from keyworks.lint import Context, ieee8021ar, local, profiles, rfc5280
from keyworks.testing import HandmadeTBS
from keyworks.x509.extensions import key_usage
from keyworks.x509.tbs import NO_EXPIRY

Good = Callable[[str], tuple[HandmadeTBS, Context]]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_right_certificate_of_every_profile_breaks_no_rule(good: Good, profile: str) -> None:
    tbs, context = good(profile)
    assert lint.findings(tbs.encode(), context) == ()
    lint.check(tbs.encode(), context)


@pytest.mark.parametrize("module", [rfc5280, ieee8021ar, profiles, local])
def test_every_rule_of_a_source_is_applied_under_its_name(module: ModuleType) -> None:
    source = module.__name__.rpartition(".")[2]
    written = {
        f"{source}.{name}"
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and callable(value) and name[0] != "_"
    }
    assert written == {name for name in (*lint.FRAME_RULES, *lint.RULES) if name.startswith(f"{source}.")}


def test_what_breaks_a_rule_is_not_signed_and_only_the_log_says_which(good: Good) -> None:
    tbs, context = good("idevid")
    with pytest.raises(LintFailed) as refused:
        lint.check(tbs.encode(), Context("ldevid", context.issuer, context.publication_url))
    assert "profiles.profile_has_its_purpose" in refused.value.private
    assert "profile_has_its_purpose" not in refused.value.detail


def test_every_broken_rule_is_found_not_only_the_first(good: Good) -> None:
    tbs, context = good("idevid")
    wrong = Context("ldevid", context.issuer, "http://elsewhere.example")
    assert {one.rule for one in lint.findings(tbs.encode(), wrong)} == {
        "profiles.profile_has_its_purpose",
        "profiles.profile_does_not_live_too_long",
        "local.publication_addresses_are_there",
    }


def test_the_never_expiring_time_is_encoded_as_802_1ar_writes_it(good: Good) -> None:
    """IEEE 802.1AR §8.7; RFC 5280 §4.1.2.5: GeneralizedTime 99991231235959Z."""
    tbs, _ = good("idevid")
    assert tbs.not_after == b"\x18\x0f99991231235959Z"
    assert lint.view.read(tbs.encode()).not_after == NO_EXPIRY


def test_what_certificates_share_is_read_once_and_judged_anew_for_another_issuer(good: Good) -> None:
    tbs, context = good("idevid")
    other = replace(tbs, serial_number=b"\x11" + bytes(14))
    assert lint.view.read(tbs.encode()).frame is lint.view.read(other.encode()).frame
    assert lint.findings(other.encode(), context) == ()
    elsewhere = Context(context.profile, context.issuer, "http://elsewhere.example")
    assert [one.rule for one in lint.findings(other.encode(), elsewhere)] == [
        "local.publication_addresses_are_there"
    ]


def test_a_certificate_with_another_extension_is_judged_by_itself(good: Good) -> None:
    tbs, context = good("idevid")
    assert lint.findings(tbs.encode(), context) == ()
    spoilt = tbs.with_extension(key_usage(frozenset({"keyAgreement"})))
    assert {one.rule for one in lint.findings(spoilt.encode(), context)} == {
        "ieee8021ar.idevid_signs",
        "profiles.profile_has_its_key_usage",
    }
    assert lint.findings(tbs.encode(), context) == ()
