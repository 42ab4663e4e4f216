"""The inventory's table."""

from collections.abc import AsyncIterator, Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest

from keyworks.devices.device import Device, DeviceState
from keyworks.devices.records import (
    DeviceFilter,
    find_devices,
    get_device,
    insert_devices,
    list_devices,
    list_statement,
    set_state,
)
from keyworks.store.engine import Store, Transaction
from keyworks.store.ids import new_id
from keyworks.testing import NOON, explained, throwaway_store

T = TypeVar("T")


def _device(
    serial_number: str,
    manufacturer: str = "Example",
    product: str = "Pump",
    state: DeviceState = DeviceState.REGISTERED,
) -> Device:
    return Device(new_id(), manufacturer, product, serial_number, state, NOON)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with throwaway_store(tmp_path) as store:
        yield store


async def _do(store: Store, what: Callable[[Transaction], T]) -> T:
    def write(tx: Transaction, items: Sequence[None]) -> list[T]:
        return [what(tx) for _ in items]

    return await store.write(write, None)


async def _insert(store: Store, *devices: Device) -> list[bool]:
    return await _do(store, lambda tx: insert_devices(tx, devices))


async def test_a_device_is_read_back_as_it_was_registered(store: Store) -> None:
    device = _device("S-1", "Größe", "Ventil/µ")
    await _insert(store, device)
    assert await store.read(lambda tx: get_device(tx, device.id)) == device
    assert await store.read(lambda tx: find_devices(tx, "S-1")) == [device]


async def test_what_is_not_there_is_not_found(store: Store) -> None:
    assert await store.read(lambda tx: get_device(tx, "none")) is None
    assert await store.read(lambda tx: find_devices(tx, "none")) == []


async def test_registering_twice_changes_nothing(store: Store) -> None:
    first, again = _device("S-1"), _device("S-1", state=DeviceState.SHIPPED)
    assert await _insert(store, first, again) == [True, False]
    assert await _insert(store, again) == [False]
    assert await store.read(lambda tx: find_devices(tx, "S-1")) == [first]


async def test_two_suppliers_may_use_one_serial_number(store: Store) -> None:
    ours, theirs, other = _device("S-1"), _device("S-1", "Foreign"), _device("S-1", product="Valve")
    assert await _insert(store, theirs, other, ours) == [True, True, True]

    def found(tx: Transaction) -> list[list[Device]]:
        return [
            find_devices(tx, "S-1"),
            find_devices(tx, "S-1", "Example"),
            find_devices(tx, "S-1", None, "Pump"),
            find_devices(tx, "S-1", "Example", "Pump"),
            find_devices(tx, "S-1", "Nobody"),
        ]

    assert await store.read(found) == [[ours, other, theirs], [ours, other], [ours, theirs], [ours], []]


async def test_a_state_is_only_left_by_whoever_knows_it(store: Store) -> None:
    """Of two workers that both saw one state, one moves the device."""
    device = _device("S-1")
    await _insert(store, device)
    issued, shipped, registered = DeviceState.ISSUED, DeviceState.SHIPPED, DeviceState.REGISTERED
    moves = [(registered, issued), (registered, issued), (registered, shipped), (issued, shipped)]
    outcomes = await _do(store, lambda tx: [set_state(tx, device.id, old, new) for old, new in moves])
    assert outcomes == [True, False, False, True]
    assert not await _do(store, lambda tx: set_state(tx, "none", registered, issued))
    found = await store.read(lambda tx: get_device(tx, device.id))
    assert found is not None
    assert found.state is shipped


async def test_devices_are_listed_in_the_order_of_registration_page_by_page(store: Store) -> None:
    devices = [_device(f"S-{number}") for number in (5, 3, 9, 1, 7)]
    await _insert(store, *devices)
    pages, after = [], ""
    while page := await store.read(lambda tx, after=after: list_devices(tx, DeviceFilter(after=after, most=2))):  # type: ignore[misc]
        pages.append(page)
        after = page[-1].id
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [device for page in pages for device in page] == devices
    assert all(one.id < other.id for one, other in pairwise(devices))


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", ["A-1", "A-10", "A-2", "B", "a-1", "z"]),
        ("A-", ["A-1", "A-10", "A-2"]),
        ("A-1", ["A-1", "A-10"]),
        ("A-10", ["A-10"]),
        ("A-100", []),
        ("a", ["a-1"]),
        ("z", ["z"]),
        ("%", []),
        ("_", []),
    ],
)
async def test_a_prefix_is_taken_literally(store: Store, prefix: str, found: list[str]) -> None:
    await _insert(store, *(_device(number) for number in ("A-1", "A-10", "A-2", "B", "a-1", "z")))
    listed = await store.read(lambda tx: list_devices(tx, DeviceFilter(serial_number=f"{prefix}*")))
    assert [device.serial_number for device in listed] == found


async def test_a_list_can_be_narrowed_by_state_and_manufacturer(store: Store) -> None:
    await _insert(
        store,
        _device("1"),
        _device("2", state=DeviceState.SHIPPED),
        _device("3", "Foreign"),
        _device("4", "Foreign", state=DeviceState.SHIPPED),
    )

    def found(tx: Transaction) -> list[list[str]]:
        lists = (
            list_devices(tx, DeviceFilter(state="shipped")),
            list_devices(tx, DeviceFilter(manufacturer="Foreign")),
            list_devices(tx, DeviceFilter(state="shipped", manufacturer="Foreign", serial_number="4*")),
            list_devices(tx, DeviceFilter(state="shipped", manufacturer="Foreign", serial_number="3*")),
            list_devices(tx, DeviceFilter(state="none")),
        )
        return [[device.serial_number for device in listed] for listed in lists]

    assert await store.read(found) == [["2", "4"], ["3", "4"], ["4"], [], []]


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize(
    ("used", "index"),
    [
        ("manufacturer", "device_manufacturer"),
        ("product", "device_product"),
        ("serial_number", "device_serial_number"),
        ("site", "device_site"),
        ("order", "device_order"),
        ("name", "device_name_folded"),
    ],
)
@pytest.mark.file
async def test_a_filter_is_answered_from_an_index(store: Store, used: str, index: str, *, begun: bool) -> None:
    statement = list_statement(*((frozenset[str](), frozenset({used}))[:: 1 if begun else -1]))
    parameters = {used: "x", f"{used}_last": "y", "after": "", "most": 9}

    def explain(tx: Transaction) -> str:
        plan = tx.execute(explained(statement), parameters)
        return "\n".join(row[3] for row in plan)

    assert index in (await store.read(explain))
