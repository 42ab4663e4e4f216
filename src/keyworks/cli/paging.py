"""Long lists, page by page: a screenful for people, everything for a pipe."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import click

from keyworks.cli.table import Document, Listing

PAGE: Final = 500


class Identified(Protocol):
    """What has an id that pages go on from."""

    @property
    def id(self) -> str:
        """Opaque, and ordered."""


_Row = TypeVar("_Row", bound=Identified)


@dataclass(frozen=True, slots=True)
class Pages:
    """Which part of a list is wanted.

    Args:
        limit: Rows; ``None`` for as many as is usual.
        after: The last id of what was shown before.
    """

    limit: int | None
    after: str


def paged(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--limit`` and ``--after``."""
    command = click.option(
        "--after", default="", metavar="ID", help="Go on after this id, as the list before said."
    )(command)
    return click.option(
        "--limit",
        type=click.IntRange(min=1),
        help="Rows.  [default: 50 on a terminal, otherwise all]",
    )(command)


async def print_pages(
    listing: Listing,
    pages: Pages,
    read: Callable[[str, int], Awaitable[Sequence[_Row]]],
    document: Callable[[_Row], Document | None],
) -> None:
    """Print a list page by page.

    Args:
        listing: Where to.
        pages: Which part.
        read: Returns the rows after an id, at most so many.
        document: Returns what to show of a row, or ``None`` to leave it out.
    """
    left, after = pages.limit or listing.usual_limit, pages.after
    while found := await read(after, PAGE):
        wanted = [(row.id, shown) for row in found if (shown := document(row)) is not None]
        if left is not None and len(wanted) > left:
            listing.add([shown for _, shown in wanted[:left]])
            last = wanted[left - 1][0] if left else after
            listing.close(more=f"There are more; add: --after {last}")
            return
        listing.add([shown for _, shown in wanted])
        left = None if left is None else left - len(wanted)
        after = found[-1].id
        if len(found) < PAGE:
            break
    listing.close()
