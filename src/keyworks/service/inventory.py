"""The inventory: devices are registered before they get an identity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keyworks.authority.status import CertificateRecord, Filter, list_certificates
from keyworks.devices import records
from keyworks.devices.device import Device, DeviceState, check_identity
from keyworks.errors import OperatorError
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction
from keyworks.store.ids import new_id

_ALL: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class Registration:
    """What became of devices that were to be registered.

    Args:
        added: New ones.
        known: Serial numbers that were registered before; nothing changed for them.
        retired: Those of the known ones that are retired, and stay it.
        namesakes: Other devices with the serial number of a new one: another supplier's, or a typing error.
    """

    added: tuple[Device, ...]
    known: tuple[str, ...]
    retired: tuple[str, ...]
    namesakes: tuple[Device, ...]


async def add_devices(
    installation: Installation, manufacturer: str, product: str, serial_numbers: Sequence[str]
) -> Registration:
    """Register devices by their serial numbers, all or none.

    Raises:
        RejectedName: A word cannot stand in a certificate; nothing was registered.
    """
    at = installation.clock.now()
    devices = []
    for serial_number in dict.fromkeys(serial_numbers):
        check_identity(manufacturer, product, serial_number)
        devices.append(Device(new_id(), manufacturer, product, serial_number, DeviceState.REGISTERED, at))
    entries = [
        event(
            installation,
            "device.registered",
            f"device:{one.id}",
            (("manufacturer", manufacturer), ("product", product), ("serial_number", one.serial_number)),
        )
        for one in devices
    ]
    added = await installation.store.write(_insert, (devices, entries))
    return await installation.store.read(lambda tx: _registration(tx, devices, added))


def _registration(tx: Transaction, devices: Sequence[Device], added: Sequence[bool]) -> Registration:
    """Return what became of devices, and what an operator had better know about their serial numbers."""
    new: list[Device] = []
    known: list[str] = []
    retired: list[str] = []
    namesakes: list[Device] = []
    for device, is_new in zip(devices, added, strict=True):
        alike = records.find_devices(tx, device.serial_number)
        if is_new:
            new.append(device)
            namesakes += (one for one in alike if one.id != device.id)
            continue
        known.append(device.serial_number)
        identity = (device.manufacturer, device.product)
        if any(
            (one.manufacturer, one.product) == identity and one.state is DeviceState.RETIRED for one in alike
        ):
            retired.append(device.serial_number)
    return Registration(tuple(new), tuple(known), tuple(retired), tuple(namesakes))


def _insert(tx: Transaction, items: Sequence[tuple[list[Device], list[SealedEntry]]]) -> list[list[bool]]:
    outcomes = []
    for devices, entries in items:
        added = records.insert_devices(tx, devices)
        insert_entries(tx, [entry for entry, new in zip(entries, added, strict=True) if new])
        outcomes.append(added)
    return outcomes


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices to list; empty fields do not filter.

    Args:
        state: Only those in this state.
        manufacturer: Only this one's.
        prefix: Only serial numbers that start so.
        after: The last id of the page before.
        most: The page's size.
    """

    state: str = ""
    manufacturer: str = ""
    prefix: str = ""
    after: str = ""
    most: int = 100


async def devices(installation: Installation, wanted: DeviceFilter) -> list[Device]:
    """Return devices in the order of registration, page by page."""
    return await installation.store.read(
        lambda tx: records.list_devices(
            tx,
            state=wanted.state,
            manufacturer=wanted.manufacturer,
            prefix=wanted.prefix,
            after=wanted.after,
            most=wanted.most,
        )
    )


async def check_page(installation: Installation, after: str) -> None:
    """Refuse to list what comes after a device that does not exist: nothing would look like the end.

    Raises:
        OperatorError: There is no device of this id.
    """
    if await installation.store.read(lambda tx: records.get_device(tx, after)) is None:
        raise OperatorError(
            f"No device has the id '{after}'; --after takes the id that the list before ended with."
        )


async def find_device(
    installation: Installation,
    serial_number: str,
    product: str | None = None,
    manufacturer: str | None = None,
) -> Device:
    """Return one device by its serial number.

    Raises:
        OperatorError: There is none, or several manufacturers or products share the number.
    """
    found = await installation.store.read(
        lambda tx: records.find_devices(tx, serial_number, manufacturer, product)
    )
    if not found:
        raise OperatorError(f"There is no device '{serial_number}'; see `keyworks device list`.")
    if len(found) > 1:
        products = ", ".join(f"{one.manufacturer}/{one.product}" for one in found)
        needed = "--product" if len({one.manufacturer for one in found}) == 1 else "--manufacturer"
        raise OperatorError(
            f"Several products have a device '{serial_number}' ({products}); name its {needed}."
        )
    return found[0]


async def certificates_of(installation: Installation, device: Device) -> list[CertificateRecord]:
    """Return every certificate a device ever got."""
    wanted = Filter(owner=f"device:{device.id}", most=_ALL)
    return await installation.store.read(lambda tx: list_certificates(tx, wanted))


async def move_device(installation: Installation, device: Device, state: DeviceState) -> bool:
    """Ship or retire a device: from then on its identity is no longer replaced, or nothing is issued to it.

    Returns:
        Whether that changed anything; ``False`` if it is in that state already.

    Raises:
        OperatorError: Not from the state it is in.
    """
    if device.state is state:
        return False
    if state is DeviceState.SHIPPED and device.state is DeviceState.REGISTERED:
        raise OperatorError(
            f"Device {device.serial_number} is registered; it cannot become shipped without a certificate."
        )
    allowed = {DeviceState.SHIPPED: (DeviceState.ISSUED,), DeviceState.RETIRED: tuple(DeviceState)}
    if device.state not in allowed.get(state, ()):
        raise OperatorError(
            f"Device {device.serial_number} is {device.state.value}; it cannot become {state.value}."
        )
    detail = (("serial_number", device.serial_number), ("from", device.state.value))
    entry = event(installation, f"device.{state.value}", f"device:{device.id}", detail)
    await installation.store.write(_move, (device, state, entry))
    return True


def _move(tx: Transaction, items: Sequence[tuple[Device, DeviceState, SealedEntry]]) -> list[None]:
    for device, state, entry in items:
        if not records.set_state(tx, device.id, device.state, state):
            raise OperatorError(f"Device {device.serial_number} changed in the meantime; look again.")
        insert_entries(tx, [entry])
    return [None] * len(items)
