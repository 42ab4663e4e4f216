"""A list of serial numbers is right as a whole, or not used."""

import pytest

from keyworks.errors import MalformedRequest, RejectedName
from keyworks.service.serial_list import RefusedLine, parse_serial_list

_NOT_PRINTABLE = "'S_N' cannot be a serial number: letters, digits, spaces and '()+,-./:=? are allowed."
_TABLE = (
    "'SN-2,P7' looks like a line of a table: a list has serial numbers alone. "
    "One that has a comma in it is named on the command line."
)


def test_a_list_is_taken_line_by_line_without_comments_and_blanks() -> None:
    listed = parse_serial_list(b"\xef\xbb\xbfSN-1\r\n\n# order 4711\n  SN-2\t\nSN-3", "Maker", "P7")
    assert (listed.serial_numbers, listed.refused) == (("SN-1", "SN-2", "SN-3"), ())


@pytest.mark.parametrize(
    ("octets", "refused"),
    [
        (b"SN-1\nSN-2\nSN-1\n", RefusedLine(3, "'SN-1' is on line 1 already.")),
        (b"SN-1\nS_N\n", RefusedLine(2, _NOT_PRINTABLE)),
        (b"SN-1\nSN-2,P7\n", RefusedLine(2, _TABLE)),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_taken(octets: bytes, refused: RefusedLine) -> None:
    listed = parse_serial_list(octets, "Maker", "P7")
    assert (listed.serial_numbers, listed.refused) == ((), (refused,))


def test_every_wrong_line_is_named() -> None:
    listed = parse_serial_list(b"ok\n_\nok\n_\n", "Maker", "P7")
    assert [one.number for one in listed.refused] == [2, 3, 4]


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"\xff\xfeS\0", "UTF-8 but in UTF-16;"),
        (b"\xfe\xff\0S", "UTF-8 but in UTF-16;"),
        (b"SN-1\n\x80\n", "UTF-8;"),
    ],
)
def test_a_list_that_is_no_text_is_refused(octets: bytes, said: str) -> None:
    with pytest.raises(MalformedRequest, match=said):
        parse_serial_list(octets, "Maker", "P7")


def test_a_maker_that_cannot_be_is_said_once_and_not_per_line() -> None:
    with pytest.raises(RejectedName, match="manufacturer"):
        parse_serial_list(b"SN-1\nSN-2\n", "", "P7")
