"""The inventory as operators use it."""

import asyncio
import json

import pytest

from keyworks.devices.device import Device, DeviceState
from keyworks.devices.records import DeviceFilter
from keyworks.errors import OperatorError, RejectedName
from keyworks.oids import SERIAL_NUMBER
from keyworks.service.installation import Installation
from keyworks.service.inventory import (
    Renaming,
    add_devices,
    certificates_of,
    devices,
    find_device,
    history_of,
    name_device,
    names_of_device,
)
from keyworks.service.policy.apply import amend
from keyworks.service.policy.document import with_section
from keyworks.settings.factory import ChannelSection
from keyworks.testing import NOON, EnrollmentDesk, ledger_entries
from keyworks.x509.name import Name

REGISTERED, ISSUED = DeviceState.REGISTERED, DeviceState.ISSUED


async def _in(installation: Installation, state: DeviceState) -> Device:
    """Return a device that came to a state by the way that devices go."""
    await add_devices(installation, "Maker", "Drive", ["SN-1"])
    if state is ISSUED:
        desk = EnrollmentDesk(installation)
        station = await desk.station("line-1", "idevid")
        await desk.enroll("idevid", _subject(), by=station)
    return await find_device(installation, "SN-1")


def _subject() -> Name:
    return Name.of((SERIAL_NUMBER, "SN-1"))


async def test_registered_devices_are_listed_in_the_order_given(supplier: Installation) -> None:
    numbers = [f"SN-{number}" for number in (3, 1, 2)]
    done = await add_devices(supplier, "Maker", "Drive", numbers)
    assert ([one.serial_number for one in done.added], done.known) == (numbers, ())
    assert await devices(supplier, DeviceFilter()) == list(done.added)
    assert {(one.state, one.added_at) for one in done.added} == {(REGISTERED, NOON)}


async def test_a_number_given_twice_is_one_device(supplier: Installation) -> None:
    done = await add_devices(supplier, "Maker", "Drive", ["SN-1", "SN-1"])
    assert len(done.added) == 1
    assert len(await ledger_entries(supplier.store, "device.registered")) == 1


async def test_a_known_device_stays_as_it_is_and_is_not_entered_again(supplier: Installation) -> None:
    await add_devices(supplier, "Maker", "Drive", ["SN-1"])
    done = await add_devices(supplier, "Maker", "Drive", ["SN-2", "SN-1"])
    assert ([one.serial_number for one in done.added], done.known) == (["SN-2"], ("SN-1",))
    assert len(await ledger_entries(supplier.store, "device.registered")) == 2


async def test_one_wrong_number_registers_none(supplier: Installation) -> None:
    with pytest.raises(RejectedName, match="cannot be a serial number"):
        await add_devices(supplier, "Maker", "Drive", ["SN-1", "SN_2", "SN-3"])
    assert await devices(supplier, DeviceFilter()) == []


async def test_two_registrations_at_once_register_each_device_once(supplier: Installation) -> None:
    numbers = [f"SN-{number}" for number in range(5)]
    one, other = await asyncio.gather(*(add_devices(supplier, "Maker", "Drive", numbers) for _ in range(2)))
    assert (len(one.added), len(other.added), len(other.known)) == (5, 0, 5)


async def test_a_shared_serial_number_is_told_apart_by_what_differs(supplier: Installation) -> None:
    for maker, product in (("Maker", "Drive"), ("Maker", "Pump"), ("Other", "Drive")):
        await add_devices(supplier, maker, product, ["SN-1"])
    with pytest.raises(OperatorError, match="Maker/Drive, Maker/Pump, Other/Drive"):
        await find_device(supplier, "SN-1")
    with pytest.raises(OperatorError, match="name its --manufacturer"):
        await find_device(supplier, "SN-1", "Drive")
    with pytest.raises(OperatorError, match="name its --product"):
        await find_device(supplier, "SN-1", None, "Maker")
    found = await find_device(supplier, "SN-1", "Drive", "Other")
    assert (found.manufacturer, found.product) == ("Other", "Drive")
    assert (await find_device(supplier, "SN-1", "Pump")).product == "Pump"


@pytest.mark.parametrize(("number", "product"), [("SN-2", None), ("SN-1", "Pump"), ("sn-1", None), ("", None)])
async def test_a_device_that_is_not_there_is_told(
    supplier: Installation, number: str, product: str | None
) -> None:
    await add_devices(supplier, "Maker", "Drive", ["SN-1"])
    with pytest.raises(OperatorError, match=f"no device '{number}'"):
        await find_device(supplier, number, product)


async def test_a_device_keeps_all_its_certificates(supplier: Installation) -> None:
    device = await _in(supplier, ISSUED)
    desk = EnrollmentDesk(supplier)
    station = await desk.station("line-2", "idevid")
    await desk.enroll("idevid", _subject(), by=station)
    states = [record.state for record in await certificates_of(supplier, device)]
    assert states == ["revoked", "valid"]


async def test_a_device_has_further_names_that_no_other_device_can_have(supplier: Installation) -> None:
    await add_devices(supplier, "Maker", "Drive", ["SN-1", "SN-2"])
    first, second = [await find_device(supplier, number) for number in ("SN-1", "SN-2")]
    given = [("dns", "Pump-1.Plant.example"), ("ip", "2001:DB8::1"), ("tag", "hall 3")]
    added = await name_device(supplier, first, given)
    names = (("dns", "pump-1.plant.example"), ("ip", "2001:db8::1"), ("tag", "hall 3"))
    assert added == Renaming(names)
    with pytest.raises(RejectedName, match="belongs to another device"):
        await name_device(supplier, second, [("ip", "192.0.2.1"), ("dns", "pump-1.plant.example")])
    assert await names_of_device(supplier, second) == {}
    for name in ("hall 3", "HALL 3", "Pump-1.Plant.EXAMPLE", "PUMP*", "Hall*"):
        assert await devices(supplier, DeviceFilter(name=name)) == [first]


@pytest.mark.parametrize(
    ("kind", "name", "same"),
    [
        ("dns", "a.example", "A.example"),
        ("uri", "urn:PC:App", "urn:pc:app"),
        ("uri", "HTTPS://Pump.example/App", "https://pump.example/App"),
        ("email", "Pump@Plant.example", "pump@plant.example"),
        ("tag", "Hall 3", "HALL 3"),
    ],
)
async def test_a_name_in_other_letters_is_the_same_one(
    supplier: Installation, kind: str, name: str, same: str
) -> None:
    await add_devices(supplier, "Maker", "Drive", ["SN-1", "SN-2"])
    first, second = [await find_device(supplier, number) for number in ("SN-1", "SN-2")]
    await name_device(supplier, first, [(kind, name)])
    with pytest.raises(RejectedName, match="belongs to another device"):
        await name_device(supplier, second, [(kind, same)])
    assert await name_device(supplier, first, [(kind, same)]) == Renaming(())
    listed = await names_of_device(supplier, first)
    assert (await name_device(supplier, first, [(kind, same)], remove=True)).changed == ((kind, *listed[kind]),)


async def test_names_given_again_or_taken_away_twice_change_nothing(supplier: Installation) -> None:
    await add_devices(supplier, "Maker", "Drive", ["SN-1"])
    device, name = await find_device(supplier, "SN-1"), [("uri", "urn:pump:1")]
    changes = [
        await name_device(supplier, device, name, remove=remove) for remove in (False, False, True, True)
    ]
    assert [list(one.changed) for one in changes] == [name, [], name, []]
    for action in ("device.named", "device.name_removed"):
        assert len(await ledger_entries(supplier.store, action)) == 1


async def test_a_name_taken_away_stays_in_certificates_and_that_is_told(operator: Installation) -> None:
    """A renewal keeps its names (RFC 7030 §4.2.2)."""
    channel = ChannelSection(authority="issuing", profile="https-device", accepts=("station",))
    await amend(operator, "channel add", lambda document: with_section(document, "channel", "https", channel))
    await add_devices(operator, "Maker", "Drive", ["SN-1"])
    device, desk = await find_device(operator, "SN-1"), EnrollmentDesk(operator)
    await name_device(operator, device, [("dns", "Pump.example"), ("ip", "192.0.2.1")])
    await desk.enroll("https", _subject(), by=await desk.station("line-1", "https"))
    taken = [("dns", "pump.Example"), ("ip", "192.0.2.1"), ("tag", "none")]
    gone = await name_device(operator, device, taken, remove=True)
    assert gone == Renaming((("dns", "pump.example"), ("ip", "192.0.2.1")), kept=1)
    assert await name_device(operator, device, taken, remove=True) == Renaming(())


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("dns", "*.plant.example"),
        ("dns", "a..b"),
        ("dns", ""),
        ("ip", "10.0.0.1/24"),
        ("uri", "pump 1"),
        ("email", "nobody"),
        ("tag", " x"),
        ("tag", "x" * 65),
    ],
)
async def test_what_is_no_name_is_refused(supplier: Installation, kind: str, value: str) -> None:
    await add_devices(supplier, "Maker", "Drive", ["SN-1"])
    with pytest.raises(RejectedName):
        await name_device(supplier, await find_device(supplier, "SN-1"), [(kind, value)])


async def test_the_ledger_tells_the_history_of_a_device_and_of_no_other(supplier: Installation) -> None:
    device = await _in(supplier, ISSUED)
    await add_devices(supplier, "Maker", "Drive", ["SN-2"])
    await name_device(supplier, device, [("tag", "T-1")])
    history = [json.loads(one.body) for one in await history_of(supplier, device)]
    actions = ["device.registered", "certificate.issued", "device.named"]
    assert [one["action"] for one in history] == actions
    assert {one["object"] for one in history} == {f"device:{device.id}"}
