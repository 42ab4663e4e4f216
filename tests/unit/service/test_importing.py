"""Importing devices and orders: all of a table, or nothing of it."""

import json

import pytest

from keyworks.devices.records import DeviceFilter
from keyworks.service.importing import Import, import_devices, import_orders
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices, devices, find_device, name_device, names_of_device
from keyworks.service.orders import find_order
from keyworks.testing import ledger_entries

HEAD = "manufacturer,product,serial_number,site,dns,ip,tag\n"
ORDER = "number,manufacturer,product,first,last,quota\n"


async def _import(installation: Installation, *rows: str) -> Import:
    return await import_devices(installation, (HEAD + "".join(f"{row}\n" for row in rows)).encode())


async def _reasons(installation: Installation, *rows: str) -> dict[int, str]:
    done = await _import(installation, *rows)
    assert done.added == 0
    assert await devices(installation, DeviceFilter(product="New")) == []
    return {one.line: one.reason for one in done.refused}


async def test_devices_come_with_site_and_names_and_are_entered_each(supplier: Installation) -> None:
    done = await _import(
        supplier, "Maker,Drive,SN-1,hall 1,a.example b.example,10.0.0.1,", "Maker,Drive,SN-2,,,,T2"
    )
    assert (done.added, done.known, done.refused) == (2, 0, ())
    first = await find_device(supplier, "SN-1")
    assert first.site == "hall 1"
    assert await names_of_device(supplier, first) == {"dns": ("a.example", "b.example"), "ip": ("10.0.0.1",)}
    entries = await ledger_entries(supplier.store, "device.registered")
    assert [one["detail"]["serial_number"] for one in entries] == ["SN-1", "SN-2"]


async def test_a_table_imported_twice_changes_nothing_the_second_time(supplier: Installation) -> None:
    rows = ("Maker,Drive,SN-1,hall 1,a.example,,", "Maker,Drive,SN-2,,,,")
    await _import(supplier, *rows)
    again = await _import(supplier, *rows)
    assert (again.added, again.known, again.refused) == (0, 2, ())
    assert len(await ledger_entries(supplier.store, "device.registered")) == 2


async def test_every_row_that_is_refused_is_named_and_nothing_is_imported(supplier: Installation) -> None:
    reasons = await _reasons(
        supplier,
        "Maker,New,SN-1,,a.example,,",
        "Maker,New,SN-1,,,,",
        "Maker,New,SN-2,,A.EXAMPLE,,",
        "Maker,New,S_N,,,,",
        "Maker,New,SN-3,,,10.0.0.0/8,",
        "Maker,New,SN-4,,,,=cmd",
        ",New,SN-5,,,,",
    )
    assert list(reasons) == [3, 4, 5, 6, 7, 8]
    assert reasons[3] == "Device 'SN-1' is on line 2 already."
    assert reasons[4] == "The dns name 'a.example' is on line 2 already."
    assert "cannot be a serial number" in reasons[5]


async def test_what_contradicts_the_inventory_is_refused(supplier: Installation) -> None:
    await add_devices(supplier, "Maker", "Drive", ["SN-1", "SN-2"])
    await name_device(supplier, await find_device(supplier, "SN-1"), [("dns", "a.example")])
    reasons = await _reasons(
        supplier,
        "Maker,New,SN-3,,a.example,,",
        "Maker,Drive,SN-2,hall 1,,,",
        "Maker,Drive,SN-2,,,,T2".replace("SN-2", "SN-1"),
    )
    assert reasons == {
        2: "The dns name 'a.example' belongs to another device.",
        3: "Device 'SN-2' is registered at site (none) already.",
        4: "Device 'SN-1' is registered already, without the tag name 'T2'; "
        "add it with `keyworks device name add`.",
    }


async def test_an_order_s_rows_are_ranges_of_one_order(supplier: Installation) -> None:
    rows = "PO-1,Maker,Drive,A-01,A-03,4\nPO-1,Maker,Drive,B-1,B-2,4\nPO-2,Maker,Drive,C1,C1,\n"
    done = await import_orders(supplier, (ORDER + rows).encode())
    assert (done.added, [one.number for one in done.orders]) == (6, ["PO-1", "PO-2"])
    order = await find_order(supplier, "PO-1")
    listed = await devices(supplier, DeviceFilter(order="PO-1"))
    assert [one.serial_number for one in listed] == ["A-01", "A-02", "A-03", "B-1", "B-2"]
    assert (order.quota, order.issued, order.open) == (4, 0, True)
    assert (await find_order(supplier, "PO-2")).quota == 1


async def test_orders_as_json_may_list_serial_numbers(supplier: Installation) -> None:
    document = [
        {"number": "PO-1", "manufacturer": "M", "product": "P", "serial_numbers": ["a", "b"], "quota": 1}
    ]
    done = await import_orders(supplier, json.dumps(document).encode())
    assert (done.added, done.orders[0].quota) == (2, 1)


@pytest.mark.parametrize(
    ("rows", "line", "reason"),
    [
        ("PO-1,M,P,A-1,,\n", 2, "'first' and 'last' belong together"),
        ("PO-1,M,P,,,\n", 2, "names no devices"),
        ("PO-1,M,P,A-1,A-9,many\n", 2, "'quota' is 'many', no number"),
        ("PO-1,M,P,A-9,A-1,\n", 2, "is no range"),
        ("PO-1,M,P,A-1,A-2,\nPO-1,M,P2,A-3,A-4,\n", 3, "with another manufacturer, product, quota or site"),
        ("PO-1,M,P,A-1,A-2,\nPO-2,M,P,A-2,A-3,\n", 3, "Device 'A-2' is on line 2 already"),
        ("P O,M,P,A-1,A-2,\n", 2, "cannot be an order's number"),
    ],
)
async def test_an_order_that_cannot_be_is_refused(
    supplier: Installation, rows: str, line: int, reason: str
) -> None:
    done = await import_orders(supplier, (ORDER + rows).encode())
    [refused] = done.refused
    assert refused.line == line
    assert reason in refused.reason
    assert await devices(supplier, DeviceFilter()) == []


async def test_an_order_or_a_device_that_is_there_already_refuses_the_whole_table(
    supplier: Installation,
) -> None:
    await import_orders(supplier, (ORDER + "PO-1,M,P,A-1,A-1,\n").encode())
    rows = "PO-2,M,P,B-1,B-1,\nPO-1,M,P,C-1,C-1,\nPO-3,M,P,A-1,A-2,\n"
    done = await import_orders(supplier, (ORDER + rows).encode())
    assert [(one.line, one.reason) for one in done.refused] == [
        (3, "There is an order 'PO-1' already; see `keyworks order show`."),
        (4, "Device 'A-1' is registered already."),
    ]
    assert (done.added, done.orders) == (0, ())
    assert [one.serial_number for one in await devices(supplier, DeviceFilter())] == ["A-1"]


async def test_a_serial_number_twice_in_one_order_is_told_as_that(supplier: Installation) -> None:
    table = '[{"number": "PO-1", "manufacturer": "M", "product": "P", "serial_numbers": ["Q-1", "Q-2", "Q-1"]}]'
    [refused] = (await import_orders(supplier, table.encode())).refused
    assert refused.reason == "Order PO-1 has serial number 'Q-1' twice."


async def test_the_ledger_has_every_name_that_a_device_came_with(supplier: Installation) -> None:
    await _import(supplier, "Maker,Drive,SN-1,,a.example b.example,,INV 4711")
    [entry] = await ledger_entries(supplier.store, "device.registered")
    assert (entry["detail"]["dns"], entry["detail"]["tag"]) == ("a.example b.example", "INV 4711")
    device = await find_device(supplier, "SN-1")
    assert (await names_of_device(supplier, device))["tag"] == ("INV 4711",)


async def test_ranges_are_not_expanded_before_they_are_known_to_be_bearable(supplier: Installation) -> None:
    row = "PO-{0},M,P,{0}-000000,{0}-999999,\n"
    done = await import_orders(supplier, (ORDER + row.format("A") + row.format("B") * 1000).encode())
    assert len(done.refused) == 1000
    assert done.refused[0].reason == "The orders up to here have more than 1000000 devices; divide the table."
