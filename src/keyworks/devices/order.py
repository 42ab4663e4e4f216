"""Production orders: which devices are to be made, and how many of them may get an identity."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, select, update

from keyworks.devices.device import MAX_CHARACTERS
from keyworks.devices.records import device, production_order
from keyworks.errors import QuotaExceeded, RejectedName
from keyworks.store.engine import Transaction
from keyworks.store.statement import Statement, insert

MAX_DEVICES: Final = 1_000_000
"""Of one order."""

_NUMBER: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9./_-]{0,62}[A-Za-z0-9])?")
_LAST: Final = re.compile(r"(?P<prefix>.*?)(?P<digits>[0-9]{1,18})", re.DOTALL)

_columns: Final = tuple(column for column in production_order.c)
_INSERT: Final = Statement(insert(production_order).on_conflict_do_nothing().returning(production_order.c.id))
_FIND: Final = Statement(select(*_columns).where(production_order.c.number == bindparam("number")))
_LIST: Final = Statement(select(*_columns).order_by(production_order.c.id))
_CHANGE: Final = Statement(
    update(production_order)
    .where(production_order.c.id == bindparam("wanted_id"))
    .values(quota=bindparam("new_quota"), open=bindparam("new_open"))
    .returning(production_order.c.id)
)
_COUNT_DEVICE: Final = Statement(
    update(device)
    .where(device.c.id == bindparam("device_id"), device.c.counted == 0, device.c.order_id.is_not(None))
    .values(counted=1)
    .returning(device.c.order_id)
)
_UNCOUNT_DEVICE: Final = Statement(
    update(device).where(device.c.id == bindparam("device_id")).values(counted=0).returning(device.c.id)
)
_COUNT: Final = Statement(
    update(production_order)
    .where(
        production_order.c.id == bindparam("order_id"),
        production_order.c.open == 1,
        production_order.c.issued < production_order.c.quota,
    )
    .values(issued=production_order.c.issued + 1)
    .returning(production_order.c.id)
)
_BY_ID: Final = Statement(select(*_columns).where(production_order.c.id == bindparam("id")))


@dataclass(frozen=True, slots=True)
class ProductionOrder:
    """An order of the MES.

    Args:
        id: Opaque.
        number: As the MES calls it.
        manufacturer: Of its devices.
        product: Of its devices.
        site: Where they are made, if that is said.
        quota: How many devices may get an identity.
        issued: How many have got one; a device that is reworked counts once.
        open: Whether further ones may.
        added_at: When it came.
    """

    id: str
    number: str
    manufacturer: str
    product: str
    site: str | None
    quota: int
    issued: int
    open: bool
    added_at: int


def check_number(number: str) -> str:
    """Return the number of an order.

    Raises:
        RejectedName: It cannot be one.
    """
    if not _NUMBER.fullmatch(number):
        raise RejectedName(
            f"{number[:MAX_CHARACTERS]!r} cannot be an order's number: "
            "1 to 64 letters, digits and inner . / _ -"
        )
    return number


@dataclass(frozen=True, slots=True)
class SerialRange:
    """Serial numbers that differ in digits at their end alone; not expanded before somebody asks.

    Args:
        prefix: What all of them start with.
        first: The first one's digits, as a number.
        count: How many there are.
        width: How many digits each has.
    """

    prefix: str
    first: int
    count: int
    width: int

    def __iter__(self) -> Iterator[str]:
        """Yield each serial number."""
        numbers = range(self.first, self.first + self.count)
        return (f"{self.prefix}{number:0{self.width}}" for number in numbers)


def serial_range(first: str, last: str) -> SerialRange:
    """Return the serial numbers from ``first`` to ``last``: equal but for digits at their end, equally long.

    Raises:
        RejectedName: They are no such range, or it is longer than an order may be.
    """
    start, end = _LAST.fullmatch(first), _LAST.fullmatch(last)
    if start is None or end is None or start["prefix"] != end["prefix"] or len(first) != len(last):
        raise RejectedName(
            f"'{first}' to '{last}' is no range: both have to be the same but for digits at the end, "
            "as many in both."
        )
    low, high, width = int(start["digits"]), int(end["digits"]), len(start["digits"])
    if not low <= high < low + MAX_DEVICES:
        raise RejectedName(
            f"'{first}' to '{last}' is no range of 1 to {MAX_DEVICES} serial numbers, the lower one first."
        )
    return SerialRange(start["prefix"], low, high - low + 1, width)


def insert_order(tx: Transaction, order: ProductionOrder) -> bool:
    """Write an order; return whether its number was free."""
    names = [column.name for column in _columns]
    row = {name: getattr(order, name) for name in names}
    return bool(tx.execute(_INSERT, {**row, "open": int(order.open)}))


def find_order(tx: Transaction, number: str) -> ProductionOrder | None:
    """Return an order by its number."""
    return next(map(_order, tx.execute(_FIND, {"number": number})), None)


def list_orders(tx: Transaction) -> Sequence[ProductionOrder]:
    """Return all orders, oldest first."""
    return [_order(row) for row in tx.execute(_LIST)]


def change_order(tx: Transaction, order_id: str, *, quota: int, is_open: bool) -> None:
    """Give an order another quota, close or reopen it."""
    tx.execute(_CHANGE, {"wanted_id": order_id, "new_quota": quota, "new_open": int(is_open)})


def count_device(tx: Transaction, device_id: str) -> QuotaExceeded | None:
    """Count a device's first certificate in its order; return why it may not get one, if so.

    To be called in the transaction that records the certificate, and only for devices of an order.
    """
    counted = tx.execute(_COUNT_DEVICE, {"device_id": device_id})
    if not counted or tx.execute(_COUNT, {"order_id": counted[0][0]}):
        return None
    tx.execute(_UNCOUNT_DEVICE, {"device_id": device_id})
    [order] = map(_order, tx.execute(_BY_ID, {"id": counted[0][0]}))
    if not order.open:
        return QuotaExceeded(
            f"Order {order.number} is closed; its devices get no identity any more "
            f"(`keyworks order reopen {order.number}`)."
        )
    return QuotaExceeded(
        f"Order {order.number} is for {order.quota} devices, and as many have their identity; "
        f"raise it with `keyworks order quota {order.number} NUMBER` if that is right."
    )


def _order(row: tuple[Any, ...]) -> ProductionOrder:
    identifier, number, manufacturer, product, site, quota, issued, is_open, added_at = row
    return ProductionOrder(
        identifier, number, manufacturer, product, site, quota, issued, open=bool(is_open), added_at=added_at
    )
