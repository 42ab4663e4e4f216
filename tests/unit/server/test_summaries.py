"""Strangers' refusals are summed up in entries, and none is lost while nothing can be written."""

from datetime import timedelta

import pytest

from keyworks.errors import Unavailable
from keyworks.ledger.refusals import RefusalCounter
from keyworks.server.summaries import MAX_KEPT, Summaries
from keyworks.service.installation import Installation
from keyworks.testing import SOURCE, FixedClock, ledger_entries


async def summed_up(installation: Installation) -> list[dict[str, str]]:
    return [entry["detail"] for entry in await ledger_entries(installation.store, "requests.refused")]


async def test_what_was_counted_becomes_one_entry_and_nothing_becomes_none(
    supplier: Installation, clock: FixedClock
) -> None:
    refusals = RefusalCounter()
    summaries = Summaries(supplier.store, refusals, clock)
    await summaries.enter()
    assert await summed_up(supplier) == []
    for cause in ("NotFound", "InvalidPath", "NotFound"):
        refusals.count(SOURCE, cause)
    await summaries.enter()
    await summaries.enter()
    assert await summed_up(supplier) == [{f"{SOURCE} NotFound": "2", f"{SOURCE} InvalidPath": "1"}]


async def test_a_summary_that_cannot_be_written_now_is_written_later(
    supplier: Installation, clock: FixedClock
) -> None:
    refusals = RefusalCounter()
    summaries = Summaries(supplier.store, refusals, clock)
    clock.advance(timedelta(hours=-1))  # behind the last record: nothing is written
    for cause in ("NotFound", "InvalidPath"):
        refusals.count(SOURCE, cause)
        with pytest.raises(Unavailable):
            await summaries.enter()
    clock.advance(timedelta(hours=1))
    await summaries.enter()
    assert await summed_up(supplier) == [{f"{SOURCE} NotFound": "1"}, {f"{SOURCE} InvalidPath": "1"}]


async def test_what_waits_is_bounded(supplier: Installation, clock: FixedClock) -> None:
    refusals = RefusalCounter()
    summaries = Summaries(supplier.store, refusals, clock)
    clock.advance(timedelta(hours=-1))
    for number in range(MAX_KEPT + 2):
        refusals.count(f"source {number}", "NotFound")
        with pytest.raises(Unavailable):
            await summaries.enter()
    clock.advance(timedelta(hours=1))
    await summaries.enter()
    found = await summed_up(supplier)
    assert len(found) == MAX_KEPT
    assert found[0] == {"source 2 NotFound": "1"}
