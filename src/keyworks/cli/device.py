"""``keyworks device``."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Group, Session
from keyworks.cli.device_steps import STEP_COMMANDS
from keyworks.cli.device_words import device_document, which
from keyworks.cli.files import read_file
from keyworks.cli.importing import import_report, run_import
from keyworks.cli.key_encryption_key import key_encryption_key_commands
from keyworks.cli.paging import Pages, paged, print_pages
from keyworks.cli.table import Listing, print_list, print_one, report
from keyworks.cli.words import counted, visible
from keyworks.errors import MalformedRequest, OperatorError

if TYPE_CHECKING:
    from keyworks.service.installation import Installation
    from keyworks.service.inventory import Renaming
    from keyworks.service.serial_list import SerialList

STATES: Final = ("registered", "issued", "shipped", "commissioned", "retired", "lost", "scrapped")
_MAX_SHOWN: Final = 100
_COLUMNS: Final = {
    "SERIAL NUMBER": "serial_number",
    "PRODUCT": "product",
    "MANUFACTURER": "manufacturer",
    "STATE": "state",
    "ADDED": "added_at",
}
_HISTORY: Final = {"AT": "at", "ACTOR": "actor", "ACTION": "action", "RESULT": "result", "DETAIL": "detail"}
_KINDS: Final = {
    "dns": "Host name.",
    "ip": "Address.",
    "uri": "URI, such as an OPC UA ApplicationUri.",
    "email": "Mail address, as an IKE identity.",
    "tag": "The plant's own tag; never in a certificate.",
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
        "added": [device_document(one) for one in done.added],
        "known": list(done.known),
        "retired": list(done.retired),
        "namesakes": [device_document(one) for one in done.namesakes],
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
    "import", examples=("keyworks device import devices.csv", "keyworks device import devices.json --json")
)
@click.argument("file")
@import_report
@click.pass_obj
def import_(session: Session, file: str, report_file: Path | None) -> None:
    """Register the devices in FILE (CSV or JSON; - is standard input): all of them, or none.

    Columns: manufacturer, product, serial_number; site, dns, ip, uri, email and tag if wanted (several names
    separated by blanks). Every row that is refused is named with its line, and then nothing is registered.
    """
    from keyworks.service.importing import import_devices

    run_import(session, file, report_file, import_devices)


@device.command(
    "list",
    examples=("keyworks device list --state registered", "keyworks device list --serial 'SN-00*' --json"),
)
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--manufacturer", help="Only this one's.")
@click.option("--product", help="Only this one.")
@click.option("--site", help="Only those that stand there.")
@click.option("--order", metavar="NUMBER", help="Only those of this production order.")
@click.option("--name", metavar="NAME", help="Only those with this further name.")
@click.option("--serial", metavar="SERIAL", help="Only those with this serial number.")
@paged
@click.pass_obj
def list_(session: Session, /, limit: int | None, after: str, **given: str | None) -> None:
    """List devices in the order of their registration.

    Of what is looked for the beginning is enough, with a * after it, in quotes: --serial 'SN-00*'.
    """
    from keyworks.devices.records import DeviceFilter
    from keyworks.service.inventory import check_page, devices
    from keyworks.service.orders import find_order
    from keyworks.store.search import ANY

    for option, value in given.items():
        if value == "":
            raise click.UsageError(f"--{option} is empty; leave it out to list whatever it is.")

    async def work(installation: "Installation") -> None:
        if after:
            await check_page(installation, after)
        if (order := given["order"]) and not order.endswith(ANY):
            await find_order(installation, order)

        def read(after: str, most: int) -> Any:
            wanted = DeviceFilter(
                state=given["state"] or "",
                manufacturer=given["manufacturer"] or "",
                product=given["product"] or "",
                serial_number=given["serial"] or "",
                site=given["site"] or "",
                order=order or "",
                name=given["name"] or "",
                after=after,
                most=most,
            )
            return devices(installation, wanted)

        await print_pages(Listing(session, _COLUMNS), Pages(limit, after), read, device_document)

    session.run(work)


@device.command("show", examples=("keyworks device show SN-0001", "keyworks device show SN-0001 --json"))
@click.argument("serial_number", metavar="SERIAL")
@which
@click.pass_obj
def show(session: Session, serial_number: str, product: str | None, manufacturer: str | None) -> None:
    """Show a device and every certificate it ever got."""
    from keyworks.service.inventory import certificates_of, find_device, names_of_device
    from keyworks.x509.certificate import time_text

    async def work(installation: "Installation") -> tuple[dict[str, Any], list[dict[str, Any]]]:
        found = await find_device(installation, serial_number, product, manufacturer)
        at = installation.clock.now()
        further = await names_of_device(installation, found)
        return {**device_document(found), "names": {kind: list(names) for kind, names in further.items()}}, [
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


@device.command("history", examples=("keyworks device history SN-0001",))
@click.argument("serial_number", metavar="SERIAL")
@which
@click.pass_obj
def history(session: Session, serial_number: str, product: str | None, manufacturer: str | None) -> None:
    """Show what the ledger says of a device, from its registration on."""
    from keyworks.service.inventory import find_device, history_of
    from keyworks.x509.certificate import time_text

    async def work(installation: "Installation") -> list[dict[str, Any]]:
        found = await find_device(installation, serial_number, product, manufacturer)
        return [json.loads(one.body) for one in await history_of(installation, found)]

    events = session.run(work)
    shown = [
        {
            **one,
            "at": time_text(one["at"]),
            "detail": one["detail"]
            if session.json
            else " ".join(
                f"{name}={value}" for name, value in one["detail"].items() if name != "serial_number"
            ),
        }
        for one in events
    ]
    print_list(session, _HISTORY, shown)


@device.group("name", cls=Group, examples=("keyworks device name add SN-0001 --dns pump-1.plant.example",))
def name() -> None:
    """Further names of a device: what its certificates for TLS, OPC UA or IPsec carry."""


def _named(command: Callable[..., Any]) -> Callable[..., Any]:
    for kind, text in reversed(_KINDS.items()):
        command = click.option(f"--{kind}", multiple=True, metavar="NAME", help=text)(command)
    return which(click.argument("serial_number", metavar="SERIAL")(command))


@name.command(
    "add",
    examples=("keyworks device name add SN-0001 --dns pump-1.plant.example --ip 10.20.0.11 --tag P-4711",),
)
@_named
@click.pass_obj
def add_name(session: Session, /, **given: Any) -> None:
    """Give a device names that its next certificates carry, where the profile has names of that kind.

    A name belongs to one device alone. Certificates that it has keep the names they have.
    """
    _change_names(session, given, remove=False)


@name.command("remove", examples=("keyworks device name remove SN-0001 --dns pump-1.plant.example",))
@_named
@click.pass_obj
def remove_name(session: Session, /, **given: Any) -> None:
    """Take names away from a device.

    Certificates that it has keep them, and so do those that renew them, until they are revoked.
    """
    _change_names(session, given, remove=True)


def _change_names(session: Session, given: Mapping[str, Any], *, remove: bool) -> None:
    from keyworks.service.inventory import find_device, name_device

    pairs = [(kind, value) for kind in _KINDS for value in given[kind]]
    if not pairs:
        raise click.UsageError(f"Give at least one of {', '.join(f'--{kind}' for kind in _KINDS)}.")

    async def work(installation: "Installation") -> "Renaming":
        found = await find_device(installation, given["serial_number"], given["product"], given["manufacturer"])
        return await name_device(installation, found, pairs, remove=remove)

    renaming = session.run(work)
    listed = ", ".join(value for _, value in renaming.changed)
    done = "Removed" if remove else "Added"
    said = [f"{done} {listed}." if renaming.changed else "Nothing was changed."]
    if renaming.kept:
        said.append(
            f"Still certified, also when renewed, by {counted(renaming.kept, 'live certificate')}; revoke what "
            "must not go on with it (`keyworks device show` lists them)."
        )
    document = {
        "serial_number": given["serial_number"],
        "removed" if remove else "added": [{"kind": kind, "name": value} for kind, value in renaming.changed],
    }
    if remove:
        document["certificates_that_keep_it"] = renaming.kept
    report(session, document, *said)


device.add_command(key_encryption_key_commands("device", "SN-0001"))
for _command in STEP_COMMANDS:
    device.add_command(_command)
