"""A section of the document becomes a profile."""

from datetime import timedelta

import msgspec
import pytest

from keyworks.authority.own_profile import own_profile, stored_profile
from keyworks.errors import OperatorError
from keyworks.settings.factory import ProfileSection

PUMP = ProfileSection(
    based_on="ldevid",
    lifetime="90d",
    keys=("P-384",),
    smallest_rsa_bits=0,
    subject=("O={organization}", "CN={serial_number}", "serialNumber={serial_number}"),
    san={"dns": ("{serial_number}.pumps.example",), "ip": ("{ip}", "10.0.0.0/8")},
    needs=(("dns",),),
    extended_key_usage=("1.3.6.1.5.5.7.3.17",),
    renewable=False,
)


def test_every_setting_becomes_what_it_says() -> None:
    profile = own_profile("pump", 7, PUMP)
    assert (profile.name, profile.base, profile.version) == ("pump", "ldevid", 7)
    assert (profile.lifetime, profile.keys, profile.smallest_rsa_bits) == (timedelta(days=90), ("P-384",), 0)
    assert profile.names.subject == (
        ("O", "{organization}"),
        ("CN", "{serial_number}"),
        ("serialNumber", "{serial_number}"),
    )
    assert profile.names.alternative == (
        ("dns", "{serial_number}.pumps.example"),
        ("ip", "{ip}"),
        ("ip", "10.0.0.0/8"),
    )
    assert profile.names.needs == (("dns",),)
    assert profile.extended_key_usage[-1] == "1.3.6.1.5.5.7.3.17"
    assert not profile.renewable


def test_what_is_stored_is_the_same_profile() -> None:
    assert stored_profile("pump", 7, msgspec.json.encode(PUMP).decode()) == own_profile("pump", 7, PUMP)


def test_an_idevid_says_where_its_vouchers_come_from() -> None:
    section = ProfileSection(based_on="idevid", masa_url="https://masa.example")
    assert own_profile("pump", 1, section).masa_url == "https://masa.example"


@pytest.mark.parametrize(
    ("section", "told"),
    [
        (ProfileSection(based_on="none"), "^based_on: 'none' is no built-in profile"),
        (ProfileSection(based_on="ldevid", lifetime="soon"), "^lifetime: 'soon' is no time span"),
        (ProfileSection(based_on="ldevid", subject=("CN",)), "^subject: 'CN' is no attribute"),
    ],
)
def test_what_cannot_be_is_told_by_its_setting(section: ProfileSection, told: str) -> None:
    with pytest.raises(OperatorError, match=told):
        own_profile("pump", 1, section)
