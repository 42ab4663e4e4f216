"""Production orders: a quota that the line meets."""

import pytest

from keyworks.errors import OperatorError, QuotaExceeded, RejectedName
from keyworks.oids import SERIAL_NUMBER
from keyworks.service.installation import Installation
from keyworks.service.inventory import find_device
from keyworks.service.orders import NewOrder, add_orders, all_orders, change_order, find_order
from keyworks.testing import EnrollmentDesk, Holder, ledger_entries, move
from keyworks.x509.name import Name

NEW = NewOrder("PO-1", "Maker", "Drive", ("SN-1", "SN-2", "SN-3"), quota=2, site="hall 1")


@pytest.fixture
async def desk(supplier: Installation) -> EnrollmentDesk:
    await add_orders(supplier, [NEW])
    return EnrollmentDesk(supplier)


@pytest.fixture
async def station(desk: EnrollmentDesk) -> Holder:
    return await desk.station("line-1", "idevid")


async def make(desk: EnrollmentDesk, serial_number: str, station: Holder) -> None:
    await desk.enroll("idevid", Name.of((SERIAL_NUMBER, serial_number)), by=station)


async def test_no_more_devices_get_an_identity_than_ordered_and_the_refusal_is_recorded(
    desk: EnrollmentDesk, station: Holder
) -> None:
    await make(desk, "SN-1", station)
    await make(desk, "SN-2", station)
    with pytest.raises(QuotaExceeded, match="Order PO-1 is for 2 devices"):
        await make(desk, "SN-3", station)
    assert (await find_device(desk.installation, "SN-3")).state == "registered"
    assert (await ledger_entries(desk.store, "certificate.refused"))[-1]["result"] == "QuotaExceeded"
    await change_order(desk.installation, "PO-1", quota=3)
    await make(desk, "SN-3", station)
    assert (await find_order(desk.installation, "PO-1")).issued == 3


async def test_a_device_made_again_counts_once(desk: EnrollmentDesk, station: Holder) -> None:
    await make(desk, "SN-1", station)
    await make(desk, "SN-1", station)
    await move(desk.installation, "SN-1", "rework")
    await make(desk, "SN-1", station)
    assert (await find_order(desk.installation, "PO-1")).issued == 1


async def test_of_a_closed_order_only_devices_with_an_identity_get_another(
    desk: EnrollmentDesk, station: Holder
) -> None:
    await make(desk, "SN-1", station)
    assert not (await change_order(desk.installation, "PO-1", is_open=False)).open
    with pytest.raises(QuotaExceeded, match="is closed"):
        await make(desk, "SN-2", station)
    await make(desk, "SN-1", station)
    await change_order(desk.installation, "PO-1", is_open=True)
    await make(desk, "SN-2", station)


async def test_orders_are_listed_as_they_came(desk: EnrollmentDesk) -> None:
    [later] = await add_orders(desk.installation, [NewOrder("PO-0", "Maker", "Drive", ("SN-9",))])
    listed = await all_orders(desk.installation)
    assert [one.number for one in listed] == ["PO-1", "PO-0"]
    assert listed[1] == later
    assert (listed[0].site, listed[0].quota, listed[1].quota) == ("hall 1", 2, 1)


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        (NewOrder("PO-2", "Maker", "Drive", ()), "has 0 devices"),
        (NewOrder("PO-2", "Maker", "Drive", ("SN-9",), quota=-1), "quota of order PO-2 has to be"),
        (NewOrder("PO-2", "Maker", "Drive", ("S_9",)), "cannot be a serial number"),
        (NewOrder("PO-2", "Maker", "Drive", ("SN-9",), site=""), "cannot be a site"),
        (NewOrder("PO-1", "Maker", "Drive", ("SN-9",)), "There is an order 'PO-1' already"),
        (NewOrder("PO-2", "Maker", "Drive", ("SN-9", "SN-1")), "registered already, the first is SN-1"),
    ],
)
async def test_an_order_that_cannot_be_is_refused(desk: EnrollmentDesk, new: NewOrder, sentence: str) -> None:
    with pytest.raises((OperatorError, RejectedName), match=sentence):
        await add_orders(desk.installation, [new])
    assert len(await all_orders(desk.installation)) == 1


async def test_an_order_that_is_not_there_is_told(supplier: Installation) -> None:
    with pytest.raises(OperatorError, match="no order 'PO-9'"):
        await find_order(supplier, "PO-9")
    with pytest.raises(OperatorError, match="no order 'PO-9'"):
        await change_order(supplier, "PO-9", is_open=False)
