"""Who asks, once authenticated."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What kind of principal it is; a trust anchor vouches for one kind."""

    DEVICE = "device"
    STATION = "station"
    SERVICE = "service"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """A device as its certificate names it.

    Args:
        manufacturer: As the trust anchor or the certificate says.
        product: If the certificate says.
        serial_number: Unique with the manufacturer and the product.
    """

    manufacturer: str
    product: str | None
    serial_number: str


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated requester.

    Args:
        kind: What kind.
        name: Name of the station, service or person, or the device's serial number.
        device: The device, where it is one.
    """

    kind: Kind
    name: str
    device: DeviceIdentity | None = None

    @property
    def text(self) -> str:
        """Return who it is, as the ledger says it."""
        if self.device is not None:
            return f"device:{self.device.manufacturer}/{self.device.serial_number}"
        return f"{self.kind.value}:{self.name}"
