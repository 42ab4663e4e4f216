"""The inventory as operators use it."""

import asyncio

import pytest

from keyworks.devices.device import Device, DeviceState
from keyworks.errors import OperatorError, RejectedName
from keyworks.oids import SERIAL_NUMBER
from keyworks.service.installation import Installation
from keyworks.service.inventory import (
    DeviceFilter,
    add_devices,
    certificates_of,
    devices,
    find_device,
    move_device,
)
from keyworks.testing import NOON, EnrollmentDesk, ledger_entries
from keyworks.x509.name import Name

REGISTERED, ISSUED, SHIPPED, RETIRED = DeviceState


async def _in(installation: Installation, state: DeviceState) -> Device:
    """Return a device that came to a state by the way that devices go."""
    await add_devices(installation, "Maker", "Drive", ["SN-1"])
    if state in (ISSUED, SHIPPED):
        desk = EnrollmentDesk(installation)
        station = await desk.station("line-1", "idevid")
        await desk.enroll("idevid", _subject(), by=station)
    if state in (SHIPPED, RETIRED):
        await move_device(installation, await find_device(installation, "SN-1"), state)
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


@pytest.mark.parametrize("start", DeviceState)
@pytest.mark.parametrize("goal", DeviceState)
async def test_a_device_goes_one_way(supplier: Installation, start: DeviceState, goal: DeviceState) -> None:
    """Only what has an identity is shipped; whatever is not retired yet can be; nothing comes back."""
    device = await _in(supplier, start)
    before = len(await ledger_entries(supplier.store))
    if (start, goal) in {(ISSUED, SHIPPED), (REGISTERED, RETIRED), (ISSUED, RETIRED), (SHIPPED, RETIRED)}:
        assert await move_device(supplier, device, goal)
        assert (await find_device(supplier, "SN-1")).state is goal
        entry = (await ledger_entries(supplier.store))[before]
        assert (entry["action"], entry["detail"]["from"]) == (f"device.{goal}", start)
        return
    if start is goal:
        assert not await move_device(supplier, device, goal)
    else:
        with pytest.raises(OperatorError, match=f"is {start}; it cannot become {goal}"):
            await move_device(supplier, device, goal)
    assert await find_device(supplier, "SN-1") == device
    assert len(await ledger_entries(supplier.store)) == before


async def test_of_two_who_move_a_device_at_once_one_is_told_to_look_again(supplier: Installation) -> None:
    device = await _in(supplier, ISSUED)
    moves = [move_device(supplier, device, goal) for goal in (SHIPPED, RETIRED)]
    outcomes = await asyncio.gather(*moves, return_exceptions=True)
    assert outcomes[0] is True
    assert isinstance(outcomes[1], OperatorError)
    assert "changed in the meantime" in outcomes[1].detail
    assert (await find_device(supplier, "SN-1")).state is SHIPPED


async def test_a_device_keeps_all_its_certificates(supplier: Installation) -> None:
    device = await _in(supplier, ISSUED)
    desk = EnrollmentDesk(supplier)
    station = await desk.station("line-2", "idevid")
    await desk.enroll("idevid", _subject(), by=station)
    states = [record.state for record in await certificates_of(supplier, device)]
    assert states == ["revoked", "valid"]
