"""``keyworks device``."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Group, Session
from keyworks.cli.files import read_file
from keyworks.cli.paging import Pages, paged, print_pages
from keyworks.cli.table import Listing, print_list, print_one, report
from keyworks.cli.words import counted, visible
from keyworks.errors import MalformedRequest, OperatorError

if TYPE_CHECKING:
    from keyworks.devices.device import Device
    from keyworks.service.installation import Installation
    from keyworks.service.serial_list import SerialList

STATES: Final = ("registered", "issued", "shipped", "retired")
_MAX_SHOWN: Final = 100
_COLUMNS: Final = {
    "SERIAL NUMBER": "serial_number",
    "PRODUCT": "product",
    "MANUFACTURER": "manufacturer",
    "STATE": "state",
    "ADDED": "added_at",
}
_CERTIFICATES: Final = {"ID": "id", "PROFILE": "profile", "STATE": "state", "ENDS": "not_after"}


@click.group("device", cls=Group, examples=("keyworks device list", "keyworks device show SN-0001"))
def device() -> None:
    """The inventory: devices that may get an identity."""


@dataclass(frozen=True, slots=True)
class _Lot:
    serial_numbers: tuple[str, ...]
    source: str | None
    manufacturer: str
    product: str


@device.command(
    "add",
    examples=(
        "keyworks device add SN-0001 SN-0002 --manufacturer 'Example Pumps' --product P7",
        "keyworks device add --from order-4711.txt --manufacturer 'Example Pumps' --product P7",
        "keyworks device add --from - --manufacturer 'Example Pumps' --product P7 --json",
    ),
)
@click.argument("serial_numbers", nargs=-1, metavar="[SERIAL]...")
@click.option("--from", "source", metavar="FILE|-", help="One serial number per line; - is standard input.")
@click.option("--product", required=True, help="As in the OU of their certificates.")
@click.option(
    "--manufacturer", required=True, help="Whose devices; the word in the trust anchor, if there is one."
)
@click.pass_obj
def add(session: Session, /, **given: Any) -> None:
    """Register devices, so that they may get an identity: all of them, or none.

    In a file, empty lines and lines that start with # do not count. Each line that is refused is named, and
    then nothing is registered. A device that is registered already stays as it is. Serial numbers that other
    devices have too are told: two suppliers may share them, but it may be a typing error as well.
    """
    lot = _Lot(given["serial_numbers"], given["source"], given["manufacturer"], given["product"])
    if bool(lot.serial_numbers) == bool(lot.source):
        raise click.UsageError("Name serial numbers, or a list of them with --from FILE.")
    octets = read_file(lot.source) if lot.source else b""

    async def work(installation: "Installation") -> dict[str, Any]:
        return await _register(installation, lot, octets)

    document = session.run(work)
    report(session, document, f"Registered {counted(len(document['added']), 'device')}.", *_remarks(document))


def _remarks(document: dict[str, Any]) -> Iterator[str]:
    """Yield what is worth knowing about devices that were there before."""
    if document["known"]:
        known = counted(len(document["known"]), "device")
        yield f"Nothing changed for {known} registered before: {_some(document['known'])}."
    if document["retired"]:
        yield f"Retired, and so without new certificates: {_some(document['retired'])}."
    if document["namesakes"]:
        others = [f"{one['serial_number']} ({_whose(one)})" for one in document["namesakes"]]
        yield f"Warning: other devices have the same serial number: {_some(others)}."
        yield "If what was registered now is a typing error, retire it (`keyworks device retire`)."


def _whose(one: dict[str, Any]) -> str:
    return visible(f"{one['manufacturer']}, {one['product']}, {one['state']}")


async def _register(installation: "Installation", lot: _Lot, octets: bytes) -> dict[str, Any]:
    from keyworks.service.inventory import add_devices

    serial_numbers = lot.serial_numbers
    if lot.source:
        listed = _listed(lot, octets)
        for one in listed.refused[:_MAX_SHOWN]:
            click.echo(f"line {one.number}: {visible(one.reason)}", err=True)
        if listed.refused:
            refused = counted(len(listed.refused), "line")
            raise OperatorError(f"The list is refused for {refused}; nothing was registered.")
        serial_numbers = listed.serial_numbers
    if not serial_numbers:
        raise OperatorError("The list names no serial number; nothing was registered.")
    done = await add_devices(installation, lot.manufacturer, lot.product, serial_numbers)
    return {
        "added": [_document(one) for one in done.added],
        "known": list(done.known),
        "retired": list(done.retired),
        "namesakes": [_document(one) for one in done.namesakes],
    }


def _listed(lot: _Lot, octets: bytes) -> "SerialList":
    from keyworks.service.serial_list import parse_serial_list

    try:
        return parse_serial_list(octets, lot.manufacturer, lot.product)
    except MalformedRequest as error:
        raise OperatorError(f"{lot.source}: {error.detail}") from error


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


@device.command(
    "list",
    examples=("keyworks device list --state registered", "keyworks device list --serial SN-00 --json"),
)
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--manufacturer", help="Only this one's.")
@click.option("--serial", metavar="PREFIX", help="Only serial numbers that start so.")
@paged
@click.pass_obj
def list_(session: Session, /, limit: int | None, after: str, **given: str | None) -> None:
    """List devices in the order of their registration."""
    from keyworks.service.inventory import DeviceFilter, check_page, devices

    async def work(installation: "Installation") -> None:
        if after:
            await check_page(installation, after)

        def read(after: str, most: int) -> Any:
            wanted = DeviceFilter(
                state=given["state"] or "",
                manufacturer=given["manufacturer"] or "",
                prefix=given["serial"] or "",
                after=after,
                most=most,
            )
            return devices(installation, wanted)

        await print_pages(Listing(session, _COLUMNS), Pages(limit, after), read, _document)

    session.run(work)


_product: Final = click.option("--product", help="Where several products share the serial number.")
_manufacturer: Final = click.option("--manufacturer", help="Where several manufacturers share it.")


@device.command("show", examples=("keyworks device show SN-0001", "keyworks device show SN-0001 --json"))
@click.argument("serial_number", metavar="SERIAL")
@_product
@_manufacturer
@click.pass_obj
def show(session: Session, serial_number: str, product: str | None, manufacturer: str | None) -> None:
    """Show a device and every certificate it ever got."""
    from keyworks.service.inventory import certificates_of, find_device
    from keyworks.x509.certificate import time_text

    async def work(installation: "Installation") -> tuple[dict[str, Any], list[dict[str, Any]]]:
        found = await find_device(installation, serial_number, product, manufacturer)
        at = installation.clock.now()
        return _document(found), [
            {
                "id": one.id,
                "profile": one.profile,
                "state": one.state_at(at),
                "not_before": time_text(one.not_before),
                "not_after": time_text(one.not_after),
                "fingerprint": f"sha256:{one.fingerprint.hex()}",
            }
            for one in await certificates_of(installation, found)
        ]

    document, issued = session.run(work)
    if session.json:
        print_one(session, {**document, "certificates": issued})
        return
    print_one(session, document)
    click.echo()
    print_list(session, _CERTIFICATES, issued)


@device.command("ship", examples=("keyworks device ship SN-0001",))
@click.argument("serial_number", metavar="SERIAL")
@_product
@_manufacturer
@click.pass_obj
def ship(session: Session, serial_number: str, product: str | None, manufacturer: str | None) -> None:
    """Mark a device shipped: from then on its identity can no longer be replaced.

    To ship it again changes nothing, and is no error.
    """
    changed = _move(session, "shipped", serial_number, product, manufacturer)
    report(
        session,
        {"serial_number": serial_number, "state": "shipped", "changed": changed},
        f"Device {serial_number} is shipped; a request with another key is refused from now on."
        if changed
        else f"Device {serial_number} is shipped already; nothing was changed.",
    )


@device.command("retire", examples=("keyworks device retire SN-0001",))
@click.argument("serial_number", metavar="SERIAL")
@_product
@_manufacturer
@click.pass_obj
def retire(session: Session, serial_number: str, product: str | None, manufacturer: str | None) -> None:
    """Retire a device: nothing is issued to it any more.

    Its certificates stay valid until they are revoked (see `keyworks certificate revoke`). To retire it again
    changes nothing, and is no error.
    """
    changed = _move(session, "retired", serial_number, product, manufacturer)
    done = "retired" if changed else "retired already; nothing was changed"
    report(
        session,
        {"serial_number": serial_number, "state": "retired", "changed": changed},
        f"Device {serial_number} is {done}. Its certificates are not revoked by that; list them with:",
        f"  {session.typed} certificate list {_owned_by(serial_number, product, manufacturer)}",
    )


def _owned_by(serial_number: str, product: str | None, manufacturer: str | None) -> str:
    options = {"--device": serial_number, "--product": product, "--manufacturer": manufacturer}
    return " ".join(f"{name} {shlex.quote(value)}" for name, value in options.items() if value)


def _move(
    session: Session, state: str, serial_number: str, product: str | None, manufacturer: str | None
) -> bool:
    from keyworks.devices.device import DeviceState
    from keyworks.service.inventory import find_device, move_device

    async def work(installation: "Installation") -> bool:
        found = await find_device(installation, serial_number, product, manufacturer)
        return await move_device(installation, found, DeviceState(state))

    return session.run(work)


def _document(one: "Device") -> dict[str, Any]:
    from keyworks.x509.certificate import time_text

    return {
        "id": one.id,
        "serial_number": one.serial_number,
        "product": one.product,
        "manufacturer": one.manufacturer,
        "state": one.state.value,
        "added_at": time_text(one.added_at),
    }
