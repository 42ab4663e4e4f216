"""Production orders: ranges of serial numbers, and a quota that holds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from keyworks.devices.device import Device, DeviceState
from keyworks.devices.order import (
    MAX_DEVICES,
    ProductionOrder,
    check_number,
    count_device,
    find_order,
    insert_order,
    serial_range,
)
from keyworks.devices.records import insert_devices
from keyworks.errors import QuotaExceeded, RejectedName
from keyworks.store.engine import Store, Transaction
from keyworks.testing import NOON, throwaway_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store with an order for two devices and three that belong to it, and one that does not."""
    async with throwaway_store(tmp_path) as store:
        order = ProductionOrder("o", "PO-1", "Maker", "Drive", None, 2, 0, open=True, added_at=NOON)
        devices = [
            Device(name, "Maker", "Drive", name, DeviceState.REGISTERED, NOON, None, order_id)
            for name, order_id in (("1", "o"), ("2", "o"), ("3", "o"), ("other", None))
        ]

        def write(tx: Transaction, items: list[None]) -> list[None]:
            insert_order(tx, order)
            insert_devices(tx, devices)
            return items

        await store.write(write, None)  # type: ignore[arg-type]
        yield store


async def _counted(store: Store, *devices: str) -> list[str]:
    def write(tx: Transaction, items: list[None]) -> list[list[QuotaExceeded | None]]:
        return [[count_device(tx, one) for one in devices] for _ in items]

    outcomes = await store.write(write, None)  # type: ignore[arg-type]
    return [one.detail if one else "" for one in outcomes]


async def test_as_many_devices_as_the_quota_says_are_counted(store: Store) -> None:
    first, second, third = await _counted(store, "1", "2", "3")
    assert (first, second) == ("", "")
    assert third.startswith("Order PO-1 is for 2 devices, and as many have their identity")


async def test_a_device_counts_once_however_often_it_is_issued(store: Store) -> None:
    assert await _counted(store, "1", "1", "1", "2", "1") == [""] * 5
    order = await store.read(lambda tx: find_order(tx, "PO-1"))
    assert order is not None
    assert order.issued == 2


async def test_a_device_refused_once_is_counted_when_the_quota_allows(store: Store) -> None:
    await _counted(store, "1", "2", "3")
    assert "as many have their identity" in (await _counted(store, "3"))[0]


async def test_a_device_of_no_order_is_not_limited(store: Store) -> None:
    assert await _counted(store, "other", "other") == ["", ""]


@pytest.mark.parametrize(
    ("first", "last", "numbers"),
    [
        ("P7-08", "P7-11", ["P7-08", "P7-09", "P7-10", "P7-11"]),
        ("9", "9", ["9"]),
        ("2024-A98", "2024-A99", ["2024-A98", "2024-A99"]),
        ("0099", "0101", ["0099", "0100", "0101"]),
    ],
)
def test_a_range_keeps_its_prefix_and_its_leading_zeros(first: str, last: str, numbers: list[str]) -> None:
    assert list(serial_range(first, last)) == numbers


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("A-1", "B-2"),
        ("A-1", "A-10"),
        ("A-9", "A-1"),
        ("A", "B"),
        ("", ""),
        ("0000000", f"{MAX_DEVICES}"),
        ("1" * 30, "2" * 30),
    ],
)
def test_what_is_no_range_is_refused_before_it_is_made(first: str, last: str) -> None:
    with pytest.raises(RejectedName, match="is no range"):
        serial_range(first, last)


@pytest.mark.parametrize("number", ["", "-1", "a b", "x" * 65, "PO 1\n", "=1"])
def test_what_cannot_be_an_order_s_number_is_refused(number: str) -> None:
    with pytest.raises(RejectedName, match="cannot be an order's number"):
        check_number(number)
