"""Tables: whatever a file holds, it is read, or refused in our words."""

import csv
import io
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from keyworks.devices.names import KINDS
from keyworks.errors import MalformedRequest
from keyworks.service.importing import DEVICE_COLUMNS
from keyworks.service.table_file import read_table

VALID = b'manufacturer,product,serial_number,dns\nMaker,Drive,SN-1,a.example\n"Maker","Drive, big",SN-2,\n'
WORDS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x17F), min_size=1, max_size=20).filter(
    lambda text: text == text.strip() and text[0] not in "=+-@"
)


@given(st.binary(max_size=400))
def test_octets_are_read_or_refused(octets: bytes) -> None:
    with suppress(MalformedRequest):
        read_table(octets, DEVICE_COLUMNS, dict)


@given(st.integers(0, len(VALID) - 1), st.binary(max_size=3))
def test_a_damaged_table_is_read_or_refused(place: int, instead: bytes) -> None:
    damaged = VALID[:place] + instead + VALID[place + 1 :]
    try:
        checked = read_table(damaged, DEVICE_COLUMNS, dict)
    except MalformedRequest:
        return
    assert all(set(cells) <= {*DEVICE_COLUMNS.needed, "site", *KINDS} for _, cells in checked.rows)


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=5), st.sampled_from(",;"))
def test_what_is_written_is_what_is_read(rows: list[tuple[str, str, str]], separator: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator)
    writer.writerows([DEVICE_COLUMNS.needed, *rows])
    checked = read_table(text.getvalue().encode(), DEVICE_COLUMNS, dict)
    assert [tuple(cells.values()) for _, cells in checked.rows] == rows
    assert checked.refused == []
