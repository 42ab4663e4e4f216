"""Tables and statements of the inventory."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from keyworks.devices.device import Device, DeviceState
from keyworks.store.engine import Transaction
from keyworks.store.schema import metadata
from keyworks.store.statement import Statement

device: Final = Table(
    "device",
    metadata,
    Column("id", Text, primary_key=True),
    Column("manufacturer", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("serial_number", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("added_at", Integer, nullable=False),
    UniqueConstraint("manufacturer", "product", "serial_number"),
    Index("device_serial_number", "serial_number"),
)

_INSERT: Final = Statement(insert(device).on_conflict_do_nothing().returning(device.c.id))
_FIND: Final = Statement(
    select(*device.c)
    .where(device.c.serial_number == bindparam("serial_number"))
    .order_by(device.c.manufacturer, device.c.product)
)
_GET: Final = Statement(select(*device.c).where(device.c.id == bindparam("id")))
_SET_STATE: Final = Statement(
    update(device)
    .where(device.c.id == bindparam("wanted_id"), device.c.state == bindparam("old_state"))
    .values(state=bindparam("new_state"))
    .returning(device.c.id)
)
_ISSUE_TO: Final = Statement(
    update(device)
    .where(
        device.c.id == bindparam("wanted_id"),
        or_(device.c.state == DeviceState.REGISTERED.value, device.c.state == DeviceState.ISSUED.value),
    )
    .values(state=DeviceState.ISSUED.value)
    .returning(device.c.id)
)
_LIST: Final = Statement(
    select(*device.c)
    .where(
        or_(bindparam("state") == "", device.c.state == bindparam("state")),
        or_(bindparam("manufacturer") == "", device.c.manufacturer == bindparam("manufacturer")),
        and_(device.c.serial_number >= bindparam("first"), device.c.serial_number < bindparam("last")),
        device.c.id > bindparam("after"),
    )
    .order_by(device.c.id)
    .limit(bindparam("most"))
)


def insert_devices(tx: Transaction, devices: Sequence[Device]) -> list[bool]:
    """Register devices; for each, whether it was not there yet."""
    return [
        bool(
            tx.execute(
                _INSERT,
                {
                    "id": one.id,
                    "manufacturer": one.manufacturer,
                    "product": one.product,
                    "serial_number": one.serial_number,
                    "state": one.state.value,
                    "added_at": one.added_at,
                },
            )
        )
        for one in devices
    ]


def find_devices(
    tx: Transaction, serial_number: str, manufacturer: str | None = None, product: str | None = None
) -> list[Device]:
    """Return every device with a serial number, and with a manufacturer and product where given."""
    found = (_device(row) for row in tx.execute(_FIND, {"serial_number": serial_number}))
    return [one for one in found if manufacturer in (None, one.manufacturer) and product in (None, one.product)]


def get_device(tx: Transaction, device_id: str) -> Device | None:
    """Return one device by its id."""
    rows = tx.execute(_GET, {"id": device_id})
    return _device(rows[0]) if rows else None


def set_state(tx: Transaction, device_id: str, old: DeviceState, new: DeviceState) -> bool:
    """Move a device from one state to another; return whether it was in the first."""
    states = {"old_state": old.value, "new_state": new.value}
    return bool(tx.execute(_SET_STATE, {"wanted_id": device_id, **states}))


def issue_to(tx: Transaction, device_id: str) -> bool:
    """Note that a device gets a certificate; return whether it is still on the line."""
    return bool(tx.execute(_ISSUE_TO, {"wanted_id": device_id}))


def list_devices(
    tx: Transaction,
    *,
    state: str = "",
    manufacturer: str = "",
    prefix: str = "",
    after: str = "",
    most: int = 100,
) -> list[Device]:
    """Return devices in the order of registration, page by page.

    Args:
        tx: Where to read.
        state: Only those in this state.
        manufacturer: Only this one's.
        prefix: Only serial numbers that start so.
        after: The last id of the page before.
        most: The page's size.
    """
    rows = tx.execute(
        _LIST,
        {
            "state": state,
            "manufacturer": manufacturer,
            "first": prefix,
            "last": prefix + "\U0010ffff",
            "after": after,
            "most": most,
        },
    )
    return [_device(row) for row in rows]


def _device(row: tuple[Any, ...]) -> Device:
    return Device(row[0], row[1], row[2], row[3], DeviceState(row[4]), row[5])
