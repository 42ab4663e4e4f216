"""Each rule of IEEE 802.1AR on octets that break it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from keyworks import lint, oids
from keyworks.lint import Context, ieee8021ar
from keyworks.testing import NOON, HandmadeTBS, time_octets
from keyworks.x509 import extensions as x
from keyworks.x509.general_name import HardwareModule, SubjectAltName
from keyworks.x509.name import Name
from keyworks.x509.tbs import NO_EXPIRY

Good = Callable[[str], tuple[HandmadeTBS, Context]]
Spoil = Callable[[HandmadeTBS], HandmadeTBS]
NAMELESS: Final = Name.of((oids.COMMON_NAME, "SN-1")).der
TWICE_NAMED: Final = Name.of((oids.SERIAL_NUMBER, "SN-1"), (oids.SERIAL_NUMBER, "SN-2")).der
CA_USAGE: Final = frozenset({"digitalSignature", "keyCertSign"})


def module(serial_number: bytes) -> x.Extension:
    names = SubjectAltName(hardware_modules=(HardwareModule("1.2.3.4", serial_number),))
    return x.subject_alt_name(names, critical=False)


def ends(at: int) -> Spoil:
    return lambda tbs: replace(tbs, not_after=time_octets(at))


CA_IN_ALL: Final = ("profiles.profile_fits_the_ca_bit", "profiles.profile_has_its_key_usage")
BAD: Final[tuple[tuple[str, str, Spoil, tuple[str, ...]], ...]] = (
    ("idevid_never_expires", "idevid", ends(NOON + 3600), ()),
    ("idevid_never_expires", "idevid", ends(NO_EXPIRY - 1), ()),
    ("idevid_never_expires", "idevid-issuing", ends(NOON + 3600), ()),
    ("idevid_never_expires", "idevid-root", ends(NOON + 3600), ()),
    ("idevid_has_one_serial_number", "idevid", lambda tbs: replace(tbs, subject=NAMELESS), ()),
    ("idevid_has_one_serial_number", "idevid", lambda tbs: replace(tbs, subject=TWICE_NAMED), ()),
    (
        "idevid_signs",
        "idevid",
        lambda tbs: tbs.with_extension(x.key_usage(frozenset({"keyAgreement"}))),
        ("profiles.profile_has_its_key_usage",),
    ),
    (
        "idevid_is_no_ca",
        "idevid",
        lambda tbs: tbs.with_extension(x.key_usage(CA_USAGE)).with_extension(
            x.basic_constraints(ca=True, path_length=0)
        ),
        (*CA_IN_ALL, "rfc5280.path_length_fits_the_issuers"),
    ),
    ("hardware_module_names_are_complete", "idevid", lambda tbs: tbs.with_extension(module(b"")), ()),
)


@pytest.mark.parametrize(("rule", "profile", "spoil", "also"), BAD)
def test_octets_that_break_a_rule_are_found_to_break_it_alone(
    good: Good, rule: str, profile: str, spoil: Spoil, also: tuple[str, ...]
) -> None:
    tbs, context = good(profile)
    found = {one.rule for one in lint.findings(spoil(tbs).encode(), context)}
    assert found == {f"ieee8021ar.{rule}", *also}


def test_every_rule_is_proven_on_octets_that_break_it() -> None:
    assert {rule for rule, *_ in BAD} == {
        rule.__name__ for rule in (*ieee8021ar.FRAME_RULES, *ieee8021ar.RULES)
    }


def test_an_idevid_may_name_its_hardware_module(good: Good) -> None:
    """RFC 4108 §5: hwType and hwSerialNum in an otherName of subjectAltName."""
    tbs, context = good("idevid")
    assert lint.findings(tbs.with_extension(module(b"\x01\x02")).encode(), context) == ()


def test_the_rules_of_idevids_say_nothing_about_other_certificates(good: Good) -> None:
    tbs, context = good("station")
    changed = replace(tbs, subject=NAMELESS, not_after=time_octets(NOON + 3600))
    assert lint.findings(changed.encode(), context) == ()
