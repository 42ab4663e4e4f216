"""Tables from other systems: what is taken, and what is said of the rest."""

import json
from collections.abc import Mapping

import pytest

from keyworks.errors import MalformedRequest, RejectedName
from keyworks.service import table_file
from keyworks.service.table_file import Columns, RefusedRow, read_table

COLUMNS = Columns(("serial_number",), ("site", "dns"))


def row(cells: Mapping[str, str]) -> dict[str, str]:
    if "refuse" in cells.values():
        raise RejectedName("No.")
    return dict(cells)


@pytest.mark.parametrize(
    "octets",
    [
        b"serial_number,site\nA 1,hall 2\n",
        b"serial_number;site\r\nA 1;hall 2\r\n",
        b"\xef\xbb\xbfserial_number,site\nA 1,hall 2\n",
        b'site,serial_number\n"hall 2","A 1"',
        b"serial_number, site\nA 1 , hall 2\n,\n\n",
        b'[{"serial_number": "A 1", "site": "hall 2", "dns": null}]',
        b' \n[{"serial_number": "A 1", "site": "hall 2", "dns": []}]',
    ],
)
def test_the_ways_in_which_systems_write_a_table_say_the_same(octets: bytes) -> None:
    checked = read_table(octets, COLUMNS, row)
    assert [one for _, one in checked.rows] == [{"serial_number": "A 1", "site": "hall 2"}]
    assert checked.refused == []


def test_json_may_list_several_names_and_write_a_number_as_one() -> None:
    octets = json.dumps([{"serial_number": 4711, "dns": ["a", "b"]}]).encode()
    assert read_table(octets, COLUMNS, row).rows == [(1, {"serial_number": "4711", "dns": "a b"})]


@pytest.mark.parametrize(
    ("octets", "sentence"),
    [
        (b"", "lacks the column 'serial_number'"),
        (b"serialnumber\n1\n", "no column 'serialnumber'; did you mean 'serial_number'?"),
        (b"Serial Number\n1\n", "did you mean 'serial_number'?"),
        (b"serial_number,zzz\n", "known are serial_number, site, dns"),
        (b"serial_number,site,site\n", "Column 'site' is there twice"),
        (b"serial_number\nA\nM\xfcller\n", "Line 3 is not UTF-8 (octet 0xfc); save"),
        (b"\xef\xbb\xbfserial_number\nA\nM\xfcller\n", "Line 3 is not UTF-8 (octet 0xfc); save"),
        (b'[{"serial_number": "A", "serial_number": "B"}]', "an object has 'serial_number' twice"),
        ("serial_number\nA\n".encode("utf-16"), "is UTF-16; save it as UTF-8"),
        (b'serial_number\n"A\n', "Line 2 is no CSV"),
        (b'serial_number\n"A"B\n', "Line 2 is no CSV"),
        (b"{}", "no list of objects"),
        (b"[" * 100_000, "is no JSON"),
        (b"[1,", "is no JSON"),
        (b"serial_number\n" + b"x" * 200_000, "is no CSV"),
    ],
)
def test_what_is_no_such_table_is_refused_as_a_whole(octets: bytes, sentence: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        read_table(octets, COLUMNS, row)
    assert sentence in refused.value.detail


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (b"A,hall,a,b", "has 4 cells, the first line names 3 columns"),
        (b",hall,", "'serial_number' is missing"),
        (b"refuse,,", "No."),
        (b"=1+2,,", "a spreadsheet would take what starts with '=' for a formula"),
        (b"A,+49,", "'site' is '+49'"),
        (b"A,-1,", "formula"),
        (b"A,@SUM(A1),", "formula"),
        (b"A,\tx,", "formula"),
        (b"A,,%s" % (b"x" * 5000), "'dns' has 5000 characters"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_line_and_the_others_are_read(
    cells: bytes, reason: str
) -> None:
    octets = b"serial_number,site,dns\nfirst,,\n%s\nlast,,\n" % cells
    checked = read_table(octets, COLUMNS, row)
    assert [line for line, _ in checked.rows] == [2, 4]
    [refused] = checked.refused
    assert refused.line == 3
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (1, "no object"),
        ({"serial": "A"}, "did you mean 'serial_number'?"),
        ({"serial_number": {}}, "no text, number or list of texts"),
        ({"serial_number": True}, "no text, number or list of texts"),
        ({"serial_number": [1]}, "no text, number or list of texts"),
        ({"serial_number": ""}, "'serial_number' is missing"),
    ],
)
def test_an_object_that_cannot_be_is_refused_with_its_number(document: object, reason: str) -> None:
    octets = json.dumps([{"serial_number": "A"}, document]).encode()
    [refused] = read_table(octets, COLUMNS, row).refused
    assert refused.line == 2
    assert reason in refused.reason


def test_more_rows_than_anybody_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "MAX_ROWS", 2)
    assert len(read_table(b"serial_number\n1\n2\n", COLUMNS, row).rows) == 2
    with pytest.raises(MalformedRequest, match="more than 2 rows"):
        read_table(b"serial_number\n1\n2\n3\n", COLUMNS, row)


def test_a_cell_with_a_line_break_is_reported_at_its_end() -> None:
    checked = read_table(b'serial_number,site\n"=a\nb",x\n', COLUMNS, row)
    assert checked.refused[0] == RefusedRow(3, checked.refused[0].reason)
