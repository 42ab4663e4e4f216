"""Serial numbers from a list, such as a line's order: all of it is right, or none of it is taken."""

import codecs
from dataclasses import dataclass
from typing import Final

from keyworks.devices.device import check_identity
from keyworks.errors import MalformedRequest, RejectedName

COMMENT: Final = "#"
SEPARATOR: Final = ","
"""It may stand in a serial number; in a file it is far more often a table's."""

_UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that is no new serial number.

    Args:
        number: From 1.
        reason: One sentence.
    """

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class SerialList:
    """What a list says.

    Args:
        serial_numbers: In the list's order.
        refused: Lines with something wrong; if there are any, the list is not to be used.
    """

    serial_numbers: tuple[str, ...]
    refused: tuple[RefusedLine, ...]


def parse_serial_list(octets: bytes, manufacturer: str, product: str) -> SerialList:
    """Return the serial numbers in a text file, one per line; empty lines and ``#`` comments do not count.

    Raises:
        RejectedName: The manufacturer or the product could not stand in a certificate.
        MalformedRequest: The file is not text in UTF-8.
    """
    check_identity(manufacturer, product, "0")
    try:
        lines = octets.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        found = " but in UTF-16" if octets.startswith(_UTF16_MARKS) else ""
        raise MalformedRequest(
            f"The list of serial numbers is not text in UTF-8{found}; save it as UTF-8 and try again."
        ) from error
    first: dict[str, int] = {}
    refused = []
    for number, line in enumerate(lines, 1):
        serial_number = line.strip()
        if not serial_number or serial_number.startswith(COMMENT):
            continue
        reason = _problem(serial_number, manufacturer, product, first.get(serial_number))
        if reason:
            refused.append(RefusedLine(number, reason))
        first.setdefault(serial_number, number)
    return SerialList(tuple(first) if not refused else (), tuple(refused))


def _problem(serial_number: str, manufacturer: str, product: str, before: int | None) -> str:
    if SEPARATOR in serial_number:
        return (
            f"'{serial_number[:_SHOWN]}' looks like a line of a table: a list has serial numbers alone. "
            "One that has a comma in it is named on the command line."
        )
    if before is not None:
        return f"'{serial_number[:_SHOWN]}' is on line {before} already."
    try:
        check_identity(manufacturer, product, serial_number)
    except RejectedName as error:
        return error.detail
    return ""
