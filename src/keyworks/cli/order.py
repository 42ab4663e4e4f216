"""``keyworks order``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Group, Session
from keyworks.cli.importing import import_report, run_import
from keyworks.cli.table import print_list, print_one, report
from keyworks.cli.words import counted
from keyworks.errors import OperatorError

if TYPE_CHECKING:
    from keyworks.devices.order import ProductionOrder

_COLUMNS: Final = {
    "NUMBER": "number",
    "PRODUCT": "product",
    "MANUFACTURER": "manufacturer",
    "SITE": "site",
    "ISSUED": "issued",
    "QUOTA": "quota",
    "OPEN": "open",
    "ADDED": "added_at",
}


@click.group("order", cls=Group, examples=("keyworks order list", "keyworks order import orders.csv"))
def order() -> None:
    """Production orders: which devices are made, and how many may get an identity."""


@order.command("import", examples=("keyworks order import orders.csv", "keyworks order import - --json"))
@click.argument("file")
@import_report
@click.pass_obj
def import_(session: Session, file: str, report_file: Path | None) -> None:
    """Take the orders in FILE (CSV or JSON; - is standard input), and register their devices: all, or none.

    Columns: number, manufacturer, product; first and last (a range of serial numbers) or serial_numbers
    (separated by blanks); quota and site if wanted. Rows with one number are one order.
    """
    from keyworks.service.importing import import_orders

    run_import(session, file, report_file, import_orders)


@order.command(
    "add",
    examples=(
        "keyworks order add PO-4711 --manufacturer 'Example Pumps' --product P7 --range P7-0001 P7-0500",
    ),
)
@click.argument("number")
@click.option("--manufacturer", required=True, help="Of its devices; the word in the trust anchor.")
@click.option("--product", required=True, help="As in the OU of their certificates.")
@click.option(
    "--range", "ranges", nargs=2, multiple=True, required=True, metavar="FIRST LAST", help="Serial numbers."
)
@click.option("--quota", type=int, help="How many devices may get an identity.  [default: all of them]")
@click.option("--site", help="Where they are made.")
@click.pass_obj
def add(session: Session, /, **given: Any) -> None:
    """Take one order, and register its devices."""
    from keyworks.devices.order import serial_range
    from keyworks.service.orders import NewOrder, add_orders

    serial_numbers = [one for first, last in given["ranges"] for one in serial_range(first, last)]
    if len(set(serial_numbers)) < len(serial_numbers):
        raise OperatorError("The ranges overlap; nothing was changed.")
    new = NewOrder(
        number=given["number"],
        manufacturer=given["manufacturer"],
        product=given["product"],
        serial_numbers=tuple(serial_numbers),
        quota=given["quota"],
        site=given["site"],
    )
    [made] = session.run(lambda installation: add_orders(installation, [new]))
    devices = counted(len(serial_numbers), "device")
    lines = [f"Added order {made.number}: {devices}, quota {made.quota}."]
    if made.quota > len(serial_numbers):
        lines.append("Its quota is larger than it is; check that no digit is wrong (`keyworks order quota`).")
    report(session, _document(made), *lines)


@order.command("list", examples=("keyworks order list", "keyworks order list --json"))
@click.pass_obj
def list_(session: Session) -> None:
    """List all orders, oldest first."""
    from keyworks.service.orders import all_orders

    print_list(session, _COLUMNS, [_document(one) for one in session.run(all_orders)])


@order.command("show", examples=("keyworks order show PO-4711",))
@click.argument("number")
@click.pass_obj
def show(session: Session, number: str) -> None:
    """Show an order; its devices are listed by `keyworks device list --order NUMBER`."""
    from keyworks.service.orders import find_order

    print_one(session, _document(session.run(lambda installation: find_order(installation, number))))


@order.command("quota", examples=("keyworks order quota PO-4711 520",))
@click.argument("number")
@click.argument("quota", type=int)
@click.pass_obj
def quota(session: Session, number: str, quota: int) -> None:
    """Let as many devices of an order get an identity; those that have one keep it."""
    from keyworks.service.orders import change_order

    changed = session.run(lambda installation: change_order(installation, number, quota=quota))
    report(session, _document(changed), f"Order {number}: {changed.issued} of {changed.quota} issued.")


@order.command("close", examples=("keyworks order close PO-4711",))
@click.argument("number")
@click.pass_obj
def close(session: Session, number: str) -> None:
    """Close an order: its devices that have no identity get none."""
    _open(session, number, is_open=False)


@order.command("reopen", examples=("keyworks order reopen PO-4711",))
@click.argument("number")
@click.pass_obj
def reopen(session: Session, number: str) -> None:
    """Let the devices of a closed order get their identity again."""
    _open(session, number, is_open=True)


def _open(session: Session, number: str, *, is_open: bool) -> None:
    from keyworks.service.orders import change_order

    changed = session.run(lambda installation: change_order(installation, number, is_open=is_open))
    report(session, _document(changed), f"Order {number} is {'open' if is_open else 'closed'}.")


def _document(one: "ProductionOrder") -> dict[str, Any]:
    from keyworks.x509.certificate import time_text

    return {
        "number": one.number,
        "manufacturer": one.manufacturer,
        "product": one.product,
        "site": one.site,
        "issued": one.issued,
        "quota": one.quota,
        "open": one.open,
        "added_at": time_text(one.added_at),
    }
