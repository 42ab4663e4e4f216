"""The two installations: a supplier that makes devices, an operator that runs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.folder import clear
from keyworks.enroll.trust import Pin
from keyworks.service.accounts import NewSecret
from keyworks.service.authorities import find_generation, root_of
from keyworks.service.installation import open_installation
from keyworks.service.inventory import add_devices
from keyworks.service.setup import NewInstallation, create_installation
from keyworks.service.stations import add_station
from keyworks.settings.node import Database, Listen
from keyworks.settings.toml import Source
from keyworks.x509.certificate import pem_of

SUPPLIER: Final = "Example Drives"
OPERATOR: Final = "Example Plant"
PRODUCT: Final = "Servo Controller 7"
STATION: Final = "line-1"
_ANY_PORT: Final = Listen(enrollment="127.0.0.1:0", console="127.0.0.1:0", publication="127.0.0.1:0")


@dataclass(frozen=True, slots=True)
class Factory:
    """Two installations, ready to be served.

    Args:
        folder: Everything of the demo.
        station: The supplier's station with its one-time secret.
        supplier_trust: Pins the supplier's server.
        operator_trust: Pins the operator's server.
    """

    folder: Path
    station: NewSecret
    supplier_trust: Pin
    operator_trust: Pin

    @property
    def supplier(self) -> Path:
        """Return the supplier's installation."""
        return self.folder / "supplier"

    @property
    def operator(self) -> Path:
        """Return the operator's installation."""
        return self.folder / "operator"


def serial_number(number: int) -> str:
    """Return the serial number of the line's device ``number``."""
    return f"SC7-{number:06}"


async def build(folder: Path, devices: int, databases: Mapping[str, Database]) -> Factory:
    """Create both installations, and introduce them to each other.

    Args:
        folder: What an earlier run made in it is removed.
        devices: How many serial numbers are registered.
        databases: Where each has its own, by its name.
    """
    clear(folder)
    await create_installation(_new(folder, "supplier", databases["supplier"]))
    serial_numbers = [serial_number(number) for number in range(1, devices + 1)]
    async with open_installation(folder / "supplier") as supplier:
        station = await add_station(supplier, STATION, ["idevid"])
        await add_devices(supplier, SUPPLIER, PRODUCT, serial_numbers)
        idevid_root = root_of(await find_generation(supplier, "idevid-issuing"))
        idevid_issuing = (await find_generation(supplier, "idevid-issuing")).certificate
        supplier_root = root_of(await find_generation(supplier, "issuing"))
    (folder / "idevid-root.pem").write_text(pem_of(idevid_root.der))  # the operator's factory.toml names it
    await create_installation(_new(folder, "operator", databases["operator"]))
    async with open_installation(folder / "operator") as operator:
        await add_devices(operator, SUPPLIER, PRODUCT, serial_numbers[:1])
        operator_issuing = (await find_generation(operator, "issuing")).certificate
        operator_root = root_of(await find_generation(operator, "issuing"))
    for name, certificate in (
        ("idevid-issuing", idevid_issuing),
        ("operator-root", operator_root),
        ("operator-issuing", operator_issuing),
    ):
        (folder / f"{name}.pem").write_text(pem_of(certificate.der))
    return Factory(folder, station, Pin(supplier_root.fingerprint), Pin(operator_root.fingerprint))


def _new(folder: Path, name: str, database: Database) -> NewInstallation:
    return NewInstallation(
        home=folder / name,
        node=name,
        factory=Source.of(Path(__file__).with_name(f"{name}.toml")),
        names=("localhost", "127.0.0.1"),
        listen=_ANY_PORT,
        folder=folder,
        database=database,
    )
