"""A device of the inventory."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keyworks.errors import RejectedName
from keyworks.x509.name import PRINTABLE

MAX_CHARACTERS: Final = 64


class DeviceState(StrEnum):
    """Where a device is in its life; what leads from one to the other is in ``lifecycle``."""

    REGISTERED = "registered"
    ISSUED = "issued"
    """It has a certificate, and is still on the line."""

    SHIPPED = "shipped"
    COMMISSIONED = "commissioned"
    RETIRED = "retired"
    LOST = "lost"
    SCRAPPED = "scrapped"


GONE: Final = frozenset({DeviceState.RETIRED, DeviceState.LOST, DeviceState.SCRAPPED})
"""A device in one of these states gets no certificates."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device: known by manufacturer, product and serial number together.

    Args:
        id: Opaque.
        manufacturer: Two of them may use the same serial numbers.
        product: As in the subject's organizationalUnitName.
        serial_number: As in the subject's serialNumber.
        state: Where it is in its life.
        added_at: When it was registered.
        site: Where it stands, if that is known.
        order_id: The production order it belongs to, if there is one.
    """

    id: str
    manufacturer: str
    product: str
    serial_number: str
    state: DeviceState
    added_at: int
    site: str | None = None
    order_id: str | None = None


def check_word(what: str, value: str) -> str:
    """Return a word that a device is known by.

    Args:
        what: The word is to be, such as ``site``.
        value: What it says.

    Raises:
        RejectedName: It cannot be that.
    """
    if not 1 <= len(value) <= MAX_CHARACTERS or value != value.strip() or not value.isprintable():
        raise RejectedName(
            f"{_shown(value)} cannot be a {what}: 1 to {MAX_CHARACTERS} printable characters, no blanks around."
        )
    return value


def check_identity(manufacturer: str, product: str, serial_number: str) -> None:
    """Refuse words that could not stand in a certificate.

    Raises:
        RejectedName: One of them cannot; the sentence says which and why.
    """
    check_word("manufacturer", manufacturer)
    check_word("product", product)
    check_word("serial number", serial_number)
    if not PRINTABLE.issuperset(serial_number):
        raise RejectedName(
            f"'{serial_number}' cannot be a serial number: letters, digits, spaces and '()+,-./:=? are allowed."
        )


def _shown(value: str) -> str:
    """Return a word as an error may repeat it, whatever it is."""
    return repr(value if len(value) <= MAX_CHARACTERS else f"{value[:MAX_CHARACTERS]}...")
