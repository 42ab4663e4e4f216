"""Stations: what on a line may ask for certificates of others."""

import pytest

from keyworks.access.credential import BasicCredentials
from keyworks.access.principal import Kind
from keyworks.access.records import find_secret
from keyworks.access.secret import LIFETIME
from keyworks.errors import AuthenticationFailed, OperatorError
from keyworks.service.accounts import accounts_of, set_account_active
from keyworks.service.installation import Installation
from keyworks.service.stations import add_station
from keyworks.testing import NOON, EnrollmentDesk, ledger_entries, software_signer


async def test_a_station_gets_a_secret_for_the_channel_of_its_own_certificate(supplier: Installation) -> None:
    new = await add_station(supplier, "line-1", ["idevid"])
    assert (new.enrolls_at, new.channels) == ("stations", ("stations", "idevid"))
    mac = supplier.keystore.mac(new.secret.encode())
    stored = await supplier.store.read(lambda tx: find_secret(tx, mac))
    assert stored is not None
    assert (stored.principal_kind, stored.principal_name) == (Kind.STATION, "line-1")
    assert (stored.channel_label, stored.spent, stored.bound_key) == ("stations", False, None)
    assert stored.expires_at == new.expires_at == NOON + LIFETIME.total_seconds()


async def test_a_secret_is_never_shown_but_where_it_is_asked_for(supplier: Installation) -> None:
    new = await add_station(supplier, "line-1", ["idevid"])
    assert new.secret not in repr(new)
    assert new.secret not in str(await ledger_entries(supplier.store))


async def test_a_known_station_gets_a_new_secret_and_further_channels(supplier: Installation) -> None:
    first = await add_station(supplier, "line-1", [])
    second = await add_station(supplier, "line-1", ["idevid", "idevid"])
    assert first.secret != second.secret
    third = await add_station(supplier, "line-1", [])
    assert (first.channels, second.channels, third.channels) == (
        ("stations",),
        ("stations", "idevid"),
        ("stations", "idevid"),
    )
    [station] = await accounts_of(supplier, Kind.STATION)
    assert (station.name, station.active) == ("line-1", True)
    assert station.channels == frozenset({"stations", "idevid"})


async def test_a_new_secret_replaces_the_former_one_of_this_station_alone(supplier: Installation) -> None:
    """Perhaps it is asked for because the former one is in wrong hands."""
    other = await add_station(supplier, "line-2", [])
    first = await add_station(supplier, "line-1", [])
    second = await add_station(supplier, "line-1", [])
    desk = EnrollmentDesk(supplier)
    with pytest.raises(AuthenticationFailed, match=r"replaced by a newer one before it was used"):
        await desk.enroll("stations", by=BasicCredentials("line-1", first.secret))
    await desk.enroll("stations", by=BasicCredentials("line-1", second.secret))
    await desk.enroll("stations", by=BasicCredentials("line-2", other.secret))


async def test_a_station_that_used_its_secret_is_still_answered_after_a_new_one_is_made(
    supplier: Installation,
) -> None:
    """An identical retry gets the certificate that exists."""
    desk, signer = EnrollmentDesk(supplier), software_signer()
    first = await add_station(supplier, "line-1", [])
    basic = BasicCredentials("line-1", first.secret)
    once = await desk.enroll("stations", by=basic, signer=signer)
    await add_station(supplier, "line-1", [])
    again = await desk.enroll("stations", by=basic, signer=signer)
    assert again.issued.der == once.issued.der


async def test_registering_a_stopped_station_anew_does_not_start_it(supplier: Installation) -> None:
    await add_station(supplier, "line-1", [])
    await set_account_active(supplier, Kind.STATION, "line-1", active=False)
    await add_station(supplier, "line-1", ["idevid"])
    [station] = await accounts_of(supplier, Kind.STATION)
    assert not station.active


@pytest.mark.parametrize("name", ["line-1", "a", "Line_1.north", "x" * 64])
async def test_names_that_can_stand_in_a_certificate_are_taken(supplier: Installation, name: str) -> None:
    await add_station(supplier, name, [])
    assert [station.name for station in await accounts_of(supplier, Kind.STATION)] == [name]


@pytest.mark.parametrize(
    "name", ["", " ", "line 1", "-line", "line-", "li/ne", "line\n", "größe", "a:b", "x" * 65]
)
async def test_other_names_are_told(supplier: Installation, name: str) -> None:
    """A colon would end the user name of HTTP Basic (RFC 7617 §2)."""
    with pytest.raises(OperatorError, match="cannot be a station"):
        await add_station(supplier, name, ["idevid"])
    assert await accounts_of(supplier, Kind.STATION) == []


@pytest.mark.parametrize("label", ["none", "tls", ""])
async def test_a_channel_that_serves_no_stations_is_told(supplier: Installation, label: str) -> None:
    with pytest.raises(OperatorError, match=f"no channel '{label}' that serves a station"):
        await add_station(supplier, "line-1", ["idevid", label])
    assert await accounts_of(supplier, Kind.STATION) == []


async def test_a_station_can_be_stopped_and_started(supplier: Installation) -> None:
    await add_station(supplier, "line-1", [])
    for active in (False, True):
        await set_account_active(supplier, Kind.STATION, "line-1", active=active)
        [station] = await accounts_of(supplier, Kind.STATION)
        assert station.active is active


async def test_a_station_that_is_not_there_is_told(supplier: Installation) -> None:
    with pytest.raises(OperatorError, match="no station 'line-1'"):
        await set_account_active(supplier, Kind.STATION, "line-1", active=False)
