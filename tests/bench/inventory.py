"""An order of 100,000 devices: imported, and found again by each column."""

import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from keyworks.devices.device import Device, DeviceState
from keyworks.devices.records import DeviceFilter, insert_devices
from keyworks.service.importing import import_devices
from keyworks.service.installation import Installation, open_installation
from keyworks.service.inventory import devices
from keyworks.service.orders import NewOrder, add_orders
from keyworks.service.setup import create_installation
from keyworks.store.engine import Transaction
from keyworks.store.ids import new_id
from keyworks.testing import NOON, small_installation
from tests.bench.figure import Figure, at_most

_DEVICES: Final = 100_000
_HALLS: Final = 5
_LOOKS: Final = 9


async def measure(folder: Path) -> list[Figure]:
    """Return the figures of the inventory."""
    home = folder / "inventory"
    await create_installation(small_installation(home, "supplier"))
    async with open_installation(home) as installation:
        raw = await _raw(installation)
        begun = time.perf_counter()
        done = await import_devices(installation, _table())
        seconds = time.perf_counter() - begun
        assert (done.added, done.refused) == (_DEVICES, ())
        slowest = max([await _seconds(installation, wanted) for wanted in await _filters(installation)])
    return [
        at_most("import of 100,000 devices with site, host name and tag", seconds, "s", 10.0),
        at_most("the same, to rows alone in one transaction", seconds / raw, "times", 20.0),
        at_most("page of 100 of 200,000 devices, slowest filter", slowest * 1000, "ms", 50.0),
    ]


def _table() -> bytes:
    rows = (
        f"Maker,Drive {number % 3},SN-{number:06},Hall {number % _HALLS},d{number}.plant.example,T{number}\n"
        for number in range(_DEVICES)
    )
    return ("manufacturer,product,serial_number,site,dns,tag\n" + "".join(rows)).encode()


async def _raw(installation: Installation) -> float:
    """Return the seconds that as many device rows take, without names, entries or checks."""
    rows = [
        Device(new_id(), "Raw", "Drive", f"R-{number:06}", DeviceState.REGISTERED, NOON)
        for number in range(_DEVICES)
    ]

    def write(tx: Transaction, items: list[None]) -> list[None]:
        insert_devices(tx, rows)
        return items

    begun = time.perf_counter()
    await installation.store.write(write, None)  # type: ignore[arg-type]
    return time.perf_counter() - begun


async def _filters(installation: Installation) -> list[DeviceFilter]:
    await add_orders(installation, [NewOrder("PO-1", "Maker", "Drive 9", ("A-1", "A-2"))])
    return [
        DeviceFilter(),
        DeviceFilter(state="shipped"),
        DeviceFilter(manufacturer="Maker"),
        DeviceFilter(product="Drive 2"),
        DeviceFilter(site="Hall 4"),
        DeviceFilter(order="PO-1"),
        DeviceFilter(name="d99999.plant.example"),
        DeviceFilter(serial_number="SN-099999"),
        # Beginnings: of few, and of as many as there are, all of which have to be put into the list's order.
        DeviceFilter(serial_number="SN-0999*"),
        DeviceFilter(serial_number="*"),
        DeviceFilter(manufacturer="*"),
        DeviceFilter(product="*"),
        DeviceFilter(site="*"),
        DeviceFilter(order="*"),
        DeviceFilter(name="d*"),
    ]


async def _seconds(installation: Installation, wanted: DeviceFilter) -> float:
    async def once(look: Callable[[], Awaitable[object]]) -> float:
        begun = time.perf_counter()
        await look()
        return time.perf_counter() - begun

    return statistics.median([await once(lambda: devices(installation, wanted)) for _ in range(_LOOKS)])
