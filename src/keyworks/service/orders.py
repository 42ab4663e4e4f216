"""Production orders: what the MES wants made, and how many identities that allows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from keyworks.devices import order as orders
from keyworks.devices.device import check_identity, check_word
from keyworks.devices.order import ProductionOrder, check_number
from keyworks.errors import OperatorError, RejectedName
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.service.registration import NewDevice, Prepared, prepare, register
from keyworks.store.engine import Transaction
from keyworks.store.ids import new_id


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order as an operator or the MES gives it.

    Args:
        number: As the MES calls it.
        manufacturer: Of its devices.
        product: Of its devices.
        serial_numbers: Of its devices, each once.
        quota: How many of them may get an identity; ``None`` for all.
        site: Where they are made.
    """

    number: str
    manufacturer: str
    product: str
    serial_numbers: tuple[str, ...]
    quota: int | None = None
    site: str | None = None


def check_order(new: NewOrder) -> None:
    """Refuse an order that cannot be.

    Raises:
        RejectedName: A word of it cannot be what it is for.
        OperatorError: Its quota or its size cannot be.
    """
    check_number(new.number)
    if new.site is not None:
        check_word("site", new.site)
    count = len(new.serial_numbers)
    if not 1 <= count <= orders.MAX_DEVICES:
        raise OperatorError(f"Order {new.number} has {count} devices; it needs 1 to {orders.MAX_DEVICES}.")
    if new.quota is not None:
        _check_quota(new.number, new.quota)
    if len(set(new.serial_numbers)) != count:
        twice = Counter(new.serial_numbers).most_common(1)[0][0]
        raise RejectedName(f"Order {new.number} has serial number '{twice}' twice.")
    for serial_number in new.serial_numbers:
        check_identity(new.manufacturer, new.product, serial_number)


def _check_quota(number: str, quota: int) -> None:
    if not 0 <= quota <= orders.MAX_DEVICES:
        raise OperatorError(f"The quota of order {number} has to be 0 to {orders.MAX_DEVICES}.")


async def add_orders(installation: Installation, wanted: Sequence[NewOrder]) -> list[ProductionOrder]:
    """Take orders, and register their devices: all of them, or none.

    Raises:
        RejectedName: A word of one cannot be what it is for.
        OperatorError: One cannot be, or is there already, or a device of it is registered already.
    """
    at = installation.clock.now()
    made = []
    for new in wanted:
        check_order(new)
        quota = len(new.serial_numbers) if new.quota is None else new.quota
        one = ProductionOrder(new_id(), new.number, new.manufacturer, new.product, new.site, quota, 0, True, at)
        devices = [
            NewDevice(new.manufacturer, new.product, serial_number, new.site, one.id)
            for serial_number in new.serial_numbers
        ]
        detail = (
            ("manufacturer", one.manufacturer),
            ("product", one.product),
            ("devices", str(len(devices))),
            ("quota", str(quota)),
        )
        entry = event(installation, "order.added", f"order:{one.number}", detail)
        made.append(_Made(one, prepare(installation, devices), entry))
    await installation.store.write(_insert, made)
    return [one.order for one in made]


@dataclass(frozen=True, slots=True)
class _Made:
    order: ProductionOrder
    devices: list[Prepared]
    entry: SealedEntry


def _insert(tx: Transaction, items: Sequence[Sequence[_Made]]) -> list[None]:
    for made in items:
        for one in made:
            number = one.order.number
            if not orders.insert_order(tx, one.order):
                raise OperatorError(
                    f"There is an order '{number}' already; see `keyworks order show {number}`."
                )
            added = register(tx, one.devices)
            known = [made.device.serial_number for made, new in zip(one.devices, added, strict=True) if not new]
            if known:
                raise OperatorError(
                    f"{len(known)} of the devices of order '{number}' are registered already, "
                    f"the first is {known[0]}; nothing was changed."
                )
            insert_entries(tx, [one.entry])
    return [None] * len(items)


async def all_orders(installation: Installation) -> Sequence[ProductionOrder]:
    """Return all orders, oldest first."""
    return await installation.store.read(orders.list_orders)


async def find_order(installation: Installation, number: str) -> ProductionOrder:
    """Return an order by its number.

    Raises:
        OperatorError: There is none.
    """
    return await installation.store.read(lambda tx: _order(tx, number))


def _order(tx: Transaction, number: str) -> ProductionOrder:
    found = orders.find_order(tx, number)
    if found is None:
        raise OperatorError(f"There is no order '{number}'; see `keyworks order list`.")
    return found


async def change_order(
    installation: Installation, number: str, *, quota: int | None = None, is_open: bool | None = None
) -> ProductionOrder:
    """Give an order another quota, close or reopen it.

    Raises:
        OperatorError: There is none, or the quota cannot be.
    """
    if quota is not None:
        _check_quota(number, quota)
    change = _Change(number, quota, is_open, _entry(installation, number, quota, is_open))
    return await installation.store.write(_change, change)


def _entry(installation: Installation, number: str, quota: int | None, is_open: bool | None) -> SealedEntry:
    what = f"order:{number}"
    if quota is not None:
        return event(installation, "order.quota_changed", what, (("quota", str(quota)),))
    return event(installation, "order.reopened" if is_open else "order.closed", what)


@dataclass(frozen=True, slots=True)
class _Change:
    number: str
    quota: int | None
    is_open: bool | None
    entry: SealedEntry


def _change(tx: Transaction, items: Sequence[_Change]) -> list[ProductionOrder]:
    changed = []
    for one in items:
        found = _order(tx, one.number)
        quota = found.quota if one.quota is None else one.quota
        is_open = found.open if one.is_open is None else one.is_open
        orders.change_order(tx, found.id, quota=quota, is_open=is_open)
        insert_entries(tx, [one.entry])
        changed.append(replace(found, quota=quota, open=is_open))
    return changed
