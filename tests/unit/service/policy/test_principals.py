"""Mistakes in sites, trust anchors and accounts are told, and nothing is changed."""

import pytest

from keyworks.service.installation import Installation
from tests.unit.service.policy.mistake import Mistake, Propose, check

ADDED = {
    "anchor without a manufacturer": Mistake(
        "[anchor.a]\nvouches_for = 'device'\ncertificate = 'x'",
        1,
        "anchor.a.manufacturer: it vouches for devices; say whose (manufacturer), as in the inventory.",
    ),
    "anchor that is no certificate": Mistake(
        "[anchor.a]\nvouches_for = 'station'\ncertificate = '''x\n'''",
        3,
        "anchor.a.certificate: The trust anchor cannot be read: There is no certificate in the PEM file.",
    ),
    "anchor for a kind that is none": Mistake(
        "[anchor.a]\nvouches_for = 'statoin'\ncertificate = 'x'",
        2,
        "there is no kind of principal 'statoin' (did you mean 'station'?).",
    ),
    "name of two accounts": Mistake(
        "[station.a]\n[service.a]\n[person.'b']",
        2,
        "service.a: there is a station of this name already; choose another.",
    ),
    "name that cannot be": Mistake(
        "[station.'a b']", 1, "station.a b: it cannot be a station's name: use 1 to 64"
    ),
    "channel that does not serve": Mistake(
        "[station.a]\nchannels = ['ldevid']",
        2,
        "station.a.channels: there is no channel 'ldevid' that serves a station; there is stations.",
    ),
    "site that is not there": Mistake(
        "[station.a]\nsite = 'hall-1'", 2, "station.a.site: there is no site 'hall-1'"
    ),
    "host name that is none": Mistake("[station.a]\ndns = ['a b']", 2, "station.a.dns: 'a b' is not "),
    "text that cannot be shown": Mistake(
        "[site.a]\nzone = 'a\\u0007b'\nzone2 = 1", 3, "no setting 'site.a.zone2'"
    ),
    "zone that is too long": Mistake(
        f"[site.a]\nzone = '{'x' * 201}'", 2, "site.a.zone: it has to be at most 200"
    ),
}


@pytest.mark.parametrize("mistake", ADDED)
async def test_a_mistake_is_told_with_line_reason_and_remedy_and_nothing_changes(
    operator: Installation, text: str, proposed: Propose, mistake: str
) -> None:
    await check(operator, text, proposed, ADDED[mistake])
