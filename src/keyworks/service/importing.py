"""Devices and orders from tables: all rows are right, or nothing of them is taken."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keyworks.devices import names
from keyworks.devices.device import Device, check_identity, check_word
from keyworks.devices.order import MAX_DEVICES, ProductionOrder, find_order, serial_range
from keyworks.devices.records import find_devices
from keyworks.errors import OperatorError, RejectedName
from keyworks.service.installation import Installation
from keyworks.service.orders import NewOrder, add_orders, check_order
from keyworks.service.registration import NewDevice, prepare, register_each
from keyworks.service.shared_names import account_names, claimed, compared
from keyworks.service.table_file import Checked, Columns, RefusedRow, read_table
from keyworks.store.engine import Transaction

DEVICE_COLUMNS: Final = Columns(("manufacturer", "product", "serial_number"), ("site", *names.KINDS))
ORDER_COLUMNS: Final = Columns(
    ("number", "manufacturer", "product"), ("first", "last", "serial_numbers", "quota", "site")
)
_QUOTA_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Import:
    """What an import did, or why it did nothing.

    Args:
        added: New devices.
        known: Rows whose device was registered before; nothing changed for them.
        orders: New orders.
        refused: Rows with something wrong; if there are any, nothing was imported.
        place: What is counted in the table: its ``line``, or its ``object``.
    """

    added: int = 0
    known: int = 0
    orders: tuple[ProductionOrder, ...] = ()
    refused: tuple[RefusedRow, ...] = ()
    place: str = "line"


async def import_devices(installation: Installation, octets: bytes) -> Import:
    """Register the devices of a table.

    Raises:
        MalformedRequest: It is no table of devices at all.
        RejectedName: A name was given to another device in the meantime; nothing was imported.
    """
    checked = read_table(octets, DEVICE_COLUMNS, _device)
    refused = [*checked.refused, *_repeated(checked)]
    if not refused:
        refused = await installation.store.read(lambda tx: list(_conflicts(tx, checked.rows)))
    if refused:
        return Import(refused=_in_order(refused), place=checked.place)
    prepared = prepare(installation, [new for _, new in checked.rows])
    added = await installation.store.write(register_each, prepared)
    return Import(added=sum(added), known=len(added) - sum(added))


def _device(cells: Mapping[str, str]) -> NewDevice:
    manufacturer, product, serial_number = (cells[name] for name in DEVICE_COLUMNS.needed)
    check_identity(manufacturer, product, serial_number)
    site = check_word("site", cells["site"]) if "site" in cells else None
    further = tuple(
        names.checked_name(kind, one) for kind in names.KINDS for one in _values(kind, cells.get(kind, ""))
    )
    return NewDevice(manufacturer, product, serial_number, site=site, names=further)


def _values(kind: str, cell: str) -> Sequence[str]:
    """Return the names in a cell: one tag, which may have blanks in it, or several of another kind."""
    return [cell] if kind == "tag" and cell else cell.split()


def _repeated(checked: Checked[NewDevice]) -> Iterator[RefusedRow]:
    """Yield the rows that repeat a device, or another device's name."""
    identities: dict[tuple[str, str, str], int] = {}
    taken: dict[names.Name, int] = {}
    for line, new in checked.rows:
        before = identities.setdefault((new.manufacturer, new.product, new.serial_number), line)
        if before != line:
            yield RefusedRow(line, f"Device '{new.serial_number}' is on {checked.place} {before} already.")
        for name in dict.fromkeys(new.names):
            before = taken.setdefault(compared(name), line)
            if before != line:
                yield RefusedRow(
                    line, f"The {name[0]} name '{name[1]}' is on {checked.place} {before} already."
                )


def _conflicts(tx: Transaction, rows: Sequence[tuple[int, NewDevice]]) -> Iterator[RefusedRow]:
    """Yield the rows that contradict what is registered."""
    taken = account_names(tx)
    for line, new in rows:
        found = find_devices(tx, new.serial_number, new.manufacturer, new.product)
        known = found[0] if found else None
        reason = _contradiction(tx, new, known, taken)
        if reason:
            yield RefusedRow(line, reason)


def _contradiction(
    tx: Transaction, new: NewDevice, known: Device | None, taken: Mapping[names.Name, str]
) -> str:
    if known is not None and new.site is not None and known.site != new.site:
        return f"Device '{new.serial_number}' is registered at site {known.site or '(none)'} already."
    for kind, value in new.names:
        owner = names.owner_of(tx, (kind, value))
        if owner is not None and (known is None or owner != known.id):
            return f"The {kind} name '{value}' belongs to another device."
        if owner is None and known is not None:
            return (
                f"Device '{new.serial_number}' is registered already, without the {kind} name '{value}'; "
                "add it with `keyworks device name add`."
            )
        if owner is None and (same := compared((kind, value))) in taken:
            return claimed((kind, value), taken[same])
    return ""


async def import_orders(installation: Installation, octets: bytes) -> Import:
    """Take the orders of a table, and register their devices.

    Rows with one number are one order: each adds serial numbers to it.

    Raises:
        MalformedRequest: It is no table of orders at all.
        OperatorError: Something else is in the way; nothing was imported.
    """
    checked = read_table(octets, ORDER_COLUMNS, _Orders().read)
    orders, refused = _merged(checked)
    if refused:
        return Import(refused=_in_order(refused), place=checked.place)
    try:
        made = await add_orders(installation, orders)
    except OperatorError:
        taken = await installation.store.read(lambda tx: tuple(_taken(tx, checked.rows)))
        if not taken:
            raise
        return Import(refused=taken, place=checked.place)
    return Import(added=sum(len(one.serial_numbers) for one in orders), orders=tuple(made))


def _taken(tx: Transaction, rows: Sequence[tuple[int, NewOrder]]) -> Iterator[RefusedRow]:
    """Yield the rows whose order, or a device of it, is there already."""
    for line, new in rows:
        if find_order(tx, new.number) is not None:
            yield RefusedRow(line, f"There is an order '{new.number}' already; see `keyworks order show`.")
            continue
        for serial_number in new.serial_numbers:
            if find_devices(tx, serial_number, new.manufacturer, new.product):
                yield RefusedRow(line, f"Device '{serial_number}' is registered already.")
                break


class _Orders:
    """Reads rows of orders; together they may not have more devices than anybody could want at once."""

    def __init__(self) -> None:
        self._devices = 0

    def read(self, cells: Mapping[str, str]) -> NewOrder:
        """Return what a row says; ranges are expanded only once their length is known to be bearable."""
        listed = cells.get("serial_numbers", "").split()
        if ("first" in cells) != ("last" in cells):
            raise RejectedName("'first' and 'last' belong together.")
        between = serial_range(cells["first"], cells["last"]) if "first" in cells else None
        self._devices += len(listed) + (between.count if between else 0)
        if self._devices > MAX_DEVICES:
            raise RejectedName(f"The orders up to here have more than {MAX_DEVICES} devices; divide the table.")
        if not listed and between is None:
            raise RejectedName("The row names no devices: give first and last, or serial_numbers.")
        quota = cells.get("quota")
        if quota is not None and not (quota.isascii() and quota.isdecimal() and len(quota) < _QUOTA_DIGITS):
            raise RejectedName(f"'quota' is {quota[:40]!r}, no number.")
        new = NewOrder(
            number=cells["number"],
            manufacturer=cells["manufacturer"],
            product=cells["product"],
            serial_numbers=(*listed, *(between or ())),
            quota=int(quota) if quota is not None else None,
            site=cells.get("site"),
        )
        check_order(new)
        return new


def _merged(checked: Checked[NewOrder]) -> tuple[list[NewOrder], list[RefusedRow]]:
    """Return each order once, and the rows that contradict others."""
    orders: dict[str, NewOrder] = {}
    devices: dict[str, list[str]] = {}
    refused = list(checked.refused)
    taken: dict[tuple[str, str, str], int] = {}
    for line, new in checked.rows:
        for serial_number in new.serial_numbers:
            before = taken.setdefault((new.manufacturer, new.product, serial_number), line)
            if before != line:
                reason = f"Device '{serial_number}' is on {checked.place} {before} already."
                refused.append(RefusedRow(line, reason))
                break
        first = orders.setdefault(new.number, new)
        if replace(first, serial_numbers=new.serial_numbers) != new:
            reason = f"Order '{new.number}' is there with another manufacturer, product, quota or site."
            refused.append(RefusedRow(line, reason))
        devices.setdefault(new.number, []).extend(new.serial_numbers)
    merged = [replace(one, serial_numbers=tuple(devices[number])) for number, one in orders.items()]
    return merged, refused


def _in_order(refused: Sequence[RefusedRow]) -> tuple[RefusedRow, ...]:
    return tuple(sorted(refused, key=lambda one: one.line))
