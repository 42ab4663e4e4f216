"""Writing devices into the inventory, each with its names and its ledger entry."""

from collections.abc import Sequence
from dataclasses import dataclass

from keyworks.devices import records
from keyworks.devices.device import Device, DeviceState
from keyworks.devices.names import Name, add_names, in_words
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.service.shared_names import check_no_account_s
from keyworks.store.engine import Transaction
from keyworks.store.ids import new_id


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device to be registered, its words checked.

    Args:
        manufacturer: As in the trust anchor, if there is one.
        product: As in the OU of its certificates.
        serial_number: Unique with the two.
        site: Where it stands, or is made.
        order_id: The production order it belongs to.
        names: Further ones.
    """

    manufacturer: str
    product: str
    serial_number: str
    site: str | None = None
    order_id: str | None = None
    names: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A device ready to be written.

    Args:
        device: As it becomes.
        names: Further ones.
        entry: Says that it was registered.
    """

    device: Device
    names: tuple[Name, ...]
    entry: SealedEntry


def prepare(installation: Installation, devices: Sequence[NewDevice]) -> list[Prepared]:
    """Return devices ready to be written."""
    at = installation.clock.now()
    prepared = []
    for new in devices:
        identity = (new.manufacturer, new.product, new.serial_number)
        one = Device(new_id(), *identity, DeviceState.REGISTERED, at, new.site, new.order_id)
        detail = (
            ("manufacturer", one.manufacturer),
            ("product", one.product),
            ("serial_number", one.serial_number),
            *((("site", one.site),) if one.site else ()),
            *in_words(new.names),
        )
        entry = event(installation, "device.registered", f"device:{one.id}", detail)
        prepared.append(Prepared(one, new.names, entry))
    return prepared


def register_each(tx: Transaction, items: Sequence[Sequence[Prepared]]) -> list[list[bool]]:
    """Do ``register`` for each item (a write function)."""
    return [register(tx, devices) for devices in items]


def register(tx: Transaction, devices: Sequence[Prepared]) -> list[bool]:
    """Write devices; for each, whether it was not there yet. Those that were keep what they have.

    Raises:
        RejectedName: A name belongs to another device, or to an account.
    """
    added = records.insert_devices(tx, [one.device for one in devices])
    insert_entries(tx, [one.entry for one, new in zip(devices, added, strict=True) if new])
    named = [one for one, new in zip(devices, added, strict=True) if new and one.names]
    if named:
        check_no_account_s(tx, (name for one in named for name in one.names))
    for one in named:
        add_names(tx, one.device.id, one.names)
    return added
