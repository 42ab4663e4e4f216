"""Output: one thing, or many as a table; plain text where nobody looks, JSON where a script reads."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from keyworks.cli.command import Session
from keyworks.cli.words import as_json, shown

_GAP: Final = 2
Document = Mapping[str, Any]
"""What there is to show: names in snake_case, instants in ISO 8601, ready for JSON."""


class Listing:
    """A table that grows page by page, so that it can be of any length.

    Args:
        session: Says who reads it.
        columns: Heading to the name in the documents.
    """

    def __init__(self, session: Session, columns: Mapping[str, str]) -> None:
        self._json = session.json
        self._columns = columns
        self._out = sys.stdout
        self._is_terminal = self._out.isatty()
        self._widths = [len(heading) for heading in columns]
        self._count = 0

    @property
    def usual_limit(self) -> int | None:
        """Return how many rows are enough if nobody says: a screenful for people, everything in a pipe."""
        return 50 if self._is_terminal and not self._json else None

    def add(self, documents: Sequence[Document]) -> None:
        """Print the next rows."""
        if self._json:
            self._add_json(documents)
            return
        rows = [[shown(one.get(name)) for name in self._columns.values()] for one in documents]
        if self._is_terminal and rows:
            _print_table(list(self._columns), rows)
        elif rows:
            self._add_plain(rows)
        self._count += len(rows)

    def close(self, *, more: str = "") -> None:
        """Print what belongs to the end.

        Args:
            more: What to type to see the rest, if a limit was reached.
        """
        if self._json:
            self._out.write("[]\n" if not self._count else "\n]\n")
        elif not self._count and self._is_terminal:
            self._out.write("None.\n")
        elif not self._count:
            self._add_plain([])
        if more:
            click.echo(more, err=True)
        self._out.flush()

    def _add_json(self, documents: Sequence[Document]) -> None:
        for one in documents:
            self._out.write(("," if self._count else "[") + "\n  " + json.dumps(one))
            self._count += 1

    def _add_plain(self, rows: Sequence[Sequence[str]]) -> None:
        lines = rows if self._count else [list(self._columns), *rows]
        for row in lines:
            self._widths = [max(width, len(cell)) for width, cell in zip(self._widths, row, strict=True)]
        for row in lines:
            cells = (cell.ljust(width) for cell, width in zip(row, self._widths, strict=True))
            self._out.write("  ".join(cells).rstrip() + "\n")


def print_list(session: Session, columns: Mapping[str, str], documents: Sequence[Document]) -> None:
    """Print everything there is as one table."""
    listing = Listing(session, columns)
    listing.add(documents)
    listing.close()


def print_one(session: Session, document: Document) -> None:
    """Print one thing: a line per value, or a JSON object."""
    if session.json:
        click.echo(as_json(document))
        return
    width = max(len(name) for name in document)
    lines = (f"{name.replace('_', ' '):<{width}}  {shown(value)}" for name, value in document.items())
    click.echo("\n".join(lines))


def report(session: Session, document: Document, *sentences: str) -> None:
    """Print what was done: sentences for people, a JSON object for scripts."""
    click.echo(as_json(document) if session.json else "\n".join(sentences))


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that wraps between words and never within one: an id that was cut cannot be copied."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    columns = [[Text(cell) for cell in column] for column in zip(headings, *rows, strict=True)]
    measured = [[console.measure(cell) for cell in column] for column in columns]
    widths = _widths(
        [max(one.maximum for one in column) for column in measured],
        [max(one.minimum for one in column) for column in measured],
        console.width - _GAP * (len(columns) - 1),
    )
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for heading, width in zip(headings, widths, strict=True):
        table.add_column(heading, width=width)
    for row in zip(*(column[1:] for column in columns), strict=True):
        table.add_row(*row)
    console.width = max(console.width, sum(widths) + _GAP * len(columns))
    console.print(table)


def _widths(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Return how wide columns are: those that can give most do, none becomes narrower than its longest word."""
    widths = list(natural)
    for number in sorted(range(len(widths)), key=lambda one: least[one] - natural[one]):
        too_wide = max(0, sum(widths) - room)
        widths[number] = max(least[number], widths[number] - too_wide)
    return widths
