"""When a certificate is due."""

from dataclasses import replace

import pytest

from keyworks.enroll.renewal import Need, Verdict, judge
from keyworks.x509.certificate import Certificate
from keyworks.x509.tbs import NO_EXPIRY
from tests.unit.enroll.small_pki import root

CERTIFICATE = replace(Certificate.parse(root().der), not_before=1000, not_after=4000)


@pytest.mark.parametrize(
    ("at", "need"),
    [
        (0, Need.NOTHING),
        (2999, Need.NOTHING),
        (3000, Need.RENEWAL),
        (4000, Need.RENEWAL),
        (4001, Need.NEW_ENROLLMENT),
    ],
)
def test_a_certificate_is_due_after_two_thirds_of_its_life_and_useless_after_its_end(
    at: int, need: Need
) -> None:
    assert judge(CERTIFICATE, at) == Verdict(need, 3000)


def test_one_that_never_expires_is_never_due() -> None:
    """RFC 5280 §4.1.2.5; IEEE 802.1AR-2018: an IDevID lives as long as its device."""
    assert judge(replace(CERTIFICATE, not_after=NO_EXPIRY), NO_EXPIRY) == Verdict(Need.NOTHING, None)


def test_without_a_certificate_an_enrollment_is_due() -> None:
    assert judge(None, 7) == Verdict(Need.NEW_ENROLLMENT, 7)
