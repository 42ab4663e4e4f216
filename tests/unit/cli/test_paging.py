"""Long lists: every row once, whatever the page and the filter."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from keyworks.cli.command import Session
from keyworks.cli.paging import PAGE, Pages, print_pages
from keyworks.cli.table import Document, Listing


@dataclass(frozen=True)
class Row:
    id: str


async def rows_of(
    count: int, pages: Pages, capsys: pytest.CaptureFixture[str], every: int = 1
) -> tuple[list[str], str]:
    """Print ``count`` rows, of which every so many is wanted; return what was printed, and the hint."""
    stored = [Row(f"{number:05}") for number in range(count)]

    async def read(after: str, most: int) -> Sequence[Row]:
        return [row for row in stored if row.id > after][:most]

    def document(row: Row) -> Document | None:
        return {"id": row.id} if int(row.id) % every == 0 else None

    await print_pages(Listing(Session(Path(), json=True), {"ID": "id"}), pages, read, document)
    out, err = capsys.readouterr()
    return [one["id"] for one in json.loads(out)], err


@pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE])
async def test_a_list_is_printed_whole(capsys: pytest.CaptureFixture[str], count: int) -> None:
    printed, hint = await rows_of(count, Pages(None, ""), capsys)
    assert printed == [f"{number:05}" for number in range(count)]
    assert hint == ""


@pytest.mark.parametrize("every", [1, 7])
@pytest.mark.parametrize("limit", [1, 3, PAGE, PAGE + 1])
async def test_following_the_hints_shows_every_row_once(
    capsys: pytest.CaptureFixture[str], limit: int, every: int
) -> None:
    count, after, seen = PAGE + 9, "", list[str]()
    for _ in range(count + 1):
        printed, hint = await rows_of(count, Pages(limit, after), capsys, every)
        assert len(printed) <= limit
        seen += printed
        if not hint:
            break
        after = hint.split()[-1]
    assert seen == [f"{number:05}" for number in range(count) if number % every == 0]


@pytest.mark.parametrize("count", [3, PAGE, 2 * PAGE])
async def test_a_limit_that_is_just_enough_promises_no_more(
    capsys: pytest.CaptureFixture[str], count: int
) -> None:
    printed, hint = await rows_of(count, Pages(count, ""), capsys)
    assert (len(printed), hint) == (count, "")
