"""The inventory: devices are registered before they get an identity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keyworks.authority.chosen_names import count_holding
from keyworks.authority.status import CertificateRecord, certificates_of_owner
from keyworks.devices import names, records
from keyworks.devices.device import GONE, Device, check_identity
from keyworks.devices.records import DeviceFilter
from keyworks.errors import OperatorError
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import StoredEntry, entries_about, insert_entries
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.service.registration import NewDevice, prepare, register_each
from keyworks.service.shared_names import check_no_account_s
from keyworks.store.engine import Transaction


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
    new = [NewDevice(manufacturer, product, one) for one in dict.fromkeys(serial_numbers)]
    for one in new:
        check_identity(one.manufacturer, one.product, one.serial_number)
    prepared = prepare(installation, new)
    added = await installation.store.write(register_each, prepared)
    return await installation.store.read(lambda tx: _registration(tx, [one.device for one in prepared], added))


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
        if any((one.manufacturer, one.product) == identity and one.state in GONE for one in alike):
            retired.append(device.serial_number)
    return Registration(tuple(new), tuple(known), tuple(retired), tuple(namesakes))


async def devices(installation: Installation, wanted: DeviceFilter) -> list[Device]:
    """Return devices in the order of registration, page by page."""
    return await installation.store.read(lambda tx: records.list_devices(tx, wanted))


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
    return await installation.store.read(lambda tx: certificates_of_owner(tx, f"device:{device.id}"))


async def names_of_device(installation: Installation, device: Device) -> Mapping[str, tuple[str, ...]]:
    """Return the further names of a device by kind."""
    return await installation.store.read(lambda tx: names.names_of(tx, device.id))


@dataclass(frozen=True, slots=True)
class Renaming:
    """What became of names that a device was given, or that were taken from it.

    Args:
        changed: Those that it did not have, or had.
        kept: How many of its live certificates still have one that was taken away, and keep it when renewed.
    """

    changed: tuple[names.Name, ...]
    kept: int = 0


async def name_device(
    installation: Installation, device: Device, given: Sequence[tuple[str, str]], *, remove: bool = False
) -> Renaming:
    """Give a device further names, or take them away; certificates keep what they have, also when renewed.

    Args:
        installation: Where.
        device: Whose.
        given: Kinds and values.
        remove: Take them away.

    Raises:
        RejectedName: One is none of its kind, or belongs to another device or an account; nothing changed.
    """
    checked = [names.checked_name(kind, value) for kind, value in given]
    action = "device.name_removed" if remove else "device.named"
    detail = (("serial_number", device.serial_number), *names.in_words(checked))
    entry = event(installation, action, f"device:{device.id}", detail)
    change = _Naming(device, checked, entry, installation.clock.now(), remove)
    return await installation.store.write(_name, change)


@dataclass(frozen=True, slots=True)
class _Naming:
    device: Device
    given: list[names.Name]
    entry: SealedEntry
    at: int
    remove: bool


def _name(tx: Transaction, items: Sequence[_Naming]) -> list[Renaming]:
    outcomes = []
    for one in items:
        act = names.remove_names if one.remove else names.add_names
        changed = act(tx, one.device.id, one.given)
        if not one.remove:
            check_no_account_s(tx, changed)
        if changed:
            insert_entries(tx, [one.entry])
        gone = changed if one.remove else []
        kept = count_holding(tx, f"device:{one.device.id}", gone, one.at)
        outcomes.append(Renaming(tuple(changed), kept))
    return outcomes


async def history_of(installation: Installation, device: Device) -> list[StoredEntry]:
    """Return every ledger entry about a device, oldest first."""
    return await installation.store.read(lambda tx: entries_about(tx, f"device:{device.id}"))
