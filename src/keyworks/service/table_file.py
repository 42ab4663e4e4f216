"""Tables that other systems write: CSV and JSON, read into rows with every line that is refused.

CSV is UTF-8, with or without a byte order mark, separated by commas or (as some spreadsheets write it)
semicolons; its first line names the columns. JSON is a list of objects with the same names.
"""

import codecs
import csv
import difflib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from keyworks.errors import MalformedRequest, OperatorError, RejectedName

MAX_ROWS: Final = 1_000_000
MAX_CELL: Final = 4096
"""Characters of a cell."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_SHOWN: Final = 40
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns a table has.

    Args:
        needed: Each row has a value for them.
        optional: May be missing, or empty.
    """

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Return every name."""
        return (*self.needed, *self.optional)


@dataclass(frozen=True, slots=True)
class Row:
    """A row, nothing of it checked but that its cells are text.

    Args:
        line: Of the file, from 1; of JSON, the object's number.
        cells: By column; empty ones are left out.
    """

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that cannot be taken.

    Args:
        line: As in ``Row``.
        reason: One sentence.
    """

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Checked(Generic[_T]):
    """What a table says.

    Args:
        rows: What became of each row.
        refused: Rows with something wrong; if there are any, the table is not to be used.
        place: What is counted: ``line``, or ``object`` in JSON.
    """

    rows: list[tuple[int, _T]] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    place: str = "line"


def read_table(octets: bytes, columns: Columns, read: Callable[[Mapping[str, str]], _T]) -> Checked[_T]:
    """Return what ``read`` makes of each row.

    Args:
        octets: The file.
        columns: Those it may have.
        read: Returns what a row says, or raises with the reason why it cannot be.

    Raises:
        MalformedRequest: The file is no such table at all.
    """
    is_json = octets.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"{"))
    checked: Checked[_T] = Checked(place="object" if is_json else "line")
    for count, row in enumerate((_json_rows if is_json else _csv_rows)(octets, columns), 1):
        if count > MAX_ROWS:
            raise MalformedRequest(f"The table has more than {MAX_ROWS} rows; divide it.")
        try:
            if isinstance(row, RefusedRow):
                checked.refused.append(row)
                continue
            _check_cells(row, columns)
            checked.rows.append((row.line, read(row.cells)))
        except (RejectedName, OperatorError) as error:
            checked.refused.append(RefusedRow(row.line, error.detail))
    if not checked.rows and not checked.refused:
        raise MalformedRequest("The table has no rows.")
    return checked


def _check_cells(row: Row, columns: Columns) -> None:
    for name in columns.needed:
        if name not in row.cells:
            raise RejectedName(f"'{name}' is missing.")
    for name, value in row.cells.items():
        if len(value) > MAX_CELL:
            raise RejectedName(f"'{name}' has {len(value)} characters; at most {MAX_CELL} are looked at.")
        if value.startswith(_FORMULA):
            raise RejectedName(
                f"'{name}' is {value[:_SHOWN]!r}: a spreadsheet would take what starts with {value[0]!r} for a "
                "formula. If it is really called so, give it on the command line."
            )


def _csv_rows(octets: bytes, columns: Columns) -> Iterator[Row | RefusedRow]:
    text = _text(octets)
    head, _, _ = text.partition("\n")
    separator = ";" if head.count(";") > head.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        names = next(reader, [])
        _check_head([name.strip() for name in names], columns)
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(names):
                reason = f"The row has {len(cells)} cells, the first line names {len(names)} columns."
                yield RefusedRow(reader.line_num, reason)
                continue
            named = zip((name.strip() for name in names), (cell.strip(" ") for cell in cells), strict=True)
            yield Row(reader.line_num, {name: cell for name, cell in named if cell})
    except csv.Error as error:
        raise MalformedRequest(f"Line {reader.line_num} is no CSV: {error}.") from error


def _text(octets: bytes) -> str:
    try:
        return octets.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        if octets.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise MalformedRequest(
                "The table is UTF-16; save it as UTF-8 (CSV UTF-8) and try again."
            ) from error
        raise MalformedRequest(
            f"Line {line} is not UTF-8 (octet 0x{error.object[error.start]:02x}); save the table as UTF-8 "
            "(CSV UTF-8) and try again."
        ) from error


def _check_head(names: Sequence[str], columns: Columns) -> None:
    for name in names:
        if name not in columns.all:
            raise MalformedRequest(f"There is no column '{name[:_SHOWN]}'; {_meant(name, columns)}")
        if names.count(name) > 1:
            raise MalformedRequest(f"Column '{name}' is there twice.")
    for name in columns.needed:
        if name not in names:
            raise MalformedRequest(
                f"The first line lacks the column '{name}'; known are {', '.join(columns.all)}."
            )


def _meant(name: str, columns: Columns) -> str:
    near = difflib.get_close_matches(name.lower().replace(" ", "_"), columns.all, 1, 0.5)
    return f"did you mean '{near[0]}'?" if near else f"known are {', '.join(columns.all)}."


def _json_rows(octets: bytes, columns: Columns) -> Iterator[Row | RefusedRow]:
    try:
        listed = json.loads(_text(octets), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(f"The file is no JSON: {error}.") from error
    if not isinstance(listed, list):
        raise MalformedRequest("The JSON is no list of objects.")
    for number, one in enumerate(listed, 1):
        yield _json_row(number, one, columns)


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has '{twice[:_SHOWN]}' twice")
    return dict(pairs)


def _json_row(number: int, one: Any, columns: Columns) -> Row | RefusedRow:
    if not isinstance(one, dict):
        return RefusedRow(number, "It is no object.")
    cells = {}
    for name, value in one.items():
        if name not in columns.all:
            return RefusedRow(number, f"There is no '{str(name)[:_SHOWN]}'; {_meant(name, columns)}")
        text = " ".join(map(str, value)) if isinstance(value, list) and _all_text(value) else value
        if value is None or value == []:
            continue
        if isinstance(text, int) and not isinstance(text, bool):
            text = str(text)
        if not isinstance(text, str):
            return RefusedRow(number, f"'{name}' is no text, number or list of texts.")
        if text:
            cells[name] = text
    return Row(number, cells)


def _all_text(values: Sequence[Any]) -> bool:
    return all(isinstance(one, str) for one in values)
