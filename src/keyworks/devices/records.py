"""Tables and statements of the inventory."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)

from keyworks.devices.device import Device, DeviceState
from keyworks.store.engine import Transaction
from keyworks.store.schema import metadata, where
from keyworks.store.search import bounds
from keyworks.store.statement import Statement, insert

device: Final = Table(
    "device",
    metadata,
    Column("id", Text, primary_key=True),
    Column("manufacturer", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("serial_number", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("added_at", Integer, nullable=False),
    Column("site", Text),
    Column("order_id", Text),
    Column("counted", Integer, nullable=False, server_default="0"),
    UniqueConstraint("manufacturer", "product", "serial_number"),
    Index("device_serial_number", "serial_number"),
    Index("device_manufacturer", "manufacturer", "id"),
    Index("device_product", "product", "id"),
    Index("device_site", "site", "id", **where("site IS NOT NULL")),
    Index("device_order", "order_id", "id", **where("order_id IS NOT NULL")),
)
"""``counted``: its first certificate was counted in its order. No index has the state; issuing changes it."""

device_name: Final = Table(
    "device_name",
    metadata,
    Column("value", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("device_id", Text, nullable=False),
    Index("device_name_device", "device_id"),
    Index("device_name_folded", text("lower(value)"), "kind"),
    sqlite_with_rowid=False,
)
production_order: Final = Table(
    "production_order",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("manufacturer", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("site", Text),
    Column("quota", Integer, nullable=False),
    Column("issued", Integer, nullable=False),
    Column("open", Integer, nullable=False),
    Column("added_at", Integer, nullable=False),
)

_KNOWN: Final = (
    device.c.id,
    device.c.manufacturer,
    device.c.product,
    device.c.serial_number,
    device.c.state,
    device.c.added_at,
    device.c.site,
    device.c.order_id,
)

_INSERT: Final = Statement(insert(device).on_conflict_do_nothing().returning(device.c.id))
_FIND: Final = Statement(
    select(*_KNOWN)
    .where(device.c.serial_number == bindparam("serial_number"))
    .order_by(device.c.manufacturer, device.c.product)
)
_GET: Final = Statement(select(*_KNOWN).where(device.c.id == bindparam("id")))
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
                    "site": one.site,
                    "order_id": one.order_id,
                    "counted": 0,
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


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices to list; empty fields do not filter, and those that end in ``*`` are beginnings.

    Args:
        state: Only those in this state.
        manufacturer: Only this one's.
        product: Only this one.
        serial_number: Only those with it.
        site: Only those that stand there.
        order: Only those of this production order, by its number.
        name: Only those with this further name, of any kind, in any case.
        after: The last id of the page before.
        most: The page's size.
    """

    state: str = ""
    manufacturer: str = ""
    product: str = ""
    serial_number: str = ""
    site: str = ""
    order: str = ""
    name: str = ""
    after: str = ""
    most: int = 100


def folded(value: str) -> str:
    """Return a name as it compares: as SQL's ``lower`` does on both engines, for the letters of ASCII alone."""
    return value.encode(errors="surrogatepass").lower().decode(errors="surrogatepass")


_FILTERS: Final = ("state", "manufacturer", "product", "serial_number", "site", "order", "name")


@lru_cache(maxsize=128)
def list_statement(whole: frozenset[str], begun: frozenset[str]) -> Statement:
    """Return the query for a filter, of the conditions it uses alone: so the database can choose an index.

    Args:
        whole: The fields that are given as a whole.
        begun: Those of which the beginning is given: parameters ``FIELD`` and ``FIELD_last``.
    """
    query = select(*_KNOWN).where(device.c.id > bindparam("after"))
    for field in _FILTERS:
        if field in whole | begun:
            query = query.where(_condition(field, begun=field in begun))
    return Statement(query.order_by(device.c.id).limit(bindparam("most")))


def _condition(field: str, *, begun: bool) -> ColumnElement[bool]:
    column = {"order": production_order.c.number, "name": func.lower(device_name.c.value)}.get(field)
    searched = device.c[field] if column is None else column
    first = bindparam(field, type_=Text)
    fits = searched.between(first, bindparam(f"{field}_last")) if begun else searched == first
    if field == "order":
        return device.c.order_id.in_(select(production_order.c.id).where(fits))
    if field == "name":
        return device.c.id.in_(select(device_name.c.device_id).where(fits))
    return fits


def list_devices(tx: Transaction, wanted: DeviceFilter) -> list[Device]:
    """Return devices in the order of registration, page by page.

    Raises:
        OperatorError: A field has a ``*`` that is not its end.
    """
    texts: dict[str, str] = {field: getattr(wanted, field) for field in _FILTERS}
    texts["name"] = folded(texts["name"])
    given = {field: bounds(text) for field, text in texts.items() if text}
    begun = frozenset(field for field, (first, last) in given.items() if first != last)
    whole = frozenset(given) - begun
    parameters: dict[str, Any] = {"after": wanted.after, "most": wanted.most}
    parameters |= {field: first for field, (first, _) in given.items()}
    parameters |= {f"{field}_last": last for field, (_, last) in given.items() if field not in whole}
    return [_device(row) for row in tx.execute(list_statement(whole, begun), parameters)]


def _device(row: tuple[Any, ...]) -> Device:
    return Device(row[0], row[1], row[2], row[3], DeviceState(row[4]), row[5], row[6], row[7])
