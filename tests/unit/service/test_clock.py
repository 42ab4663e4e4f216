"""The machine's clock against the time of the last record."""

from datetime import timedelta

import pytest

from keyworks.errors import Unavailable
from keyworks.service.clock import ClockState, clock_state, correct_clock_mark
from keyworks.service.installation import Installation, location_of
from keyworks.service.inventory import add_devices
from keyworks.store.opening import open_store
from keyworks.testing import NOON, FixedClock, ledger_entries
from keyworks.x509.certificate import time_text

AHEAD = timedelta(days=400)


async def _record(installation: Installation, serial_number: str) -> None:
    await add_devices(installation, "Maker", "Drive", [serial_number])


async def _was_ahead(installation: Installation, clock: FixedClock) -> None:
    """Let the clock be far ahead for one record, as a machine without a battery may find it."""
    clock.advance(AHEAD)
    await _record(installation, "SN-1")
    clock.advance(-AHEAD)


async def test_a_clock_that_was_once_ahead_stops_recording_until_that_is_corrected(
    supplier: Installation, clock: FixedClock
) -> None:
    await _was_ahead(supplier, clock)
    with pytest.raises(Unavailable, match="set back"):
        await _record(supplier, "SN-2")
    assert await correct_clock_mark(supplier, await clock_state(supplier))
    await _record(supplier, "SN-2")
    assert await clock_state(supplier) == ClockState(NOON, NOON)


async def test_a_running_server_records_again_without_a_restart(
    supplier: Installation, clock: FixedClock
) -> None:
    await _was_ahead(supplier, clock)
    running = open_store(location_of(supplier.home, supplier.settings.database), clock)
    with pytest.raises(Unavailable):
        await running.write(lambda _, items: items, None)
    await correct_clock_mark(supplier, await clock_state(supplier))
    await running.write(lambda _, items: items, None)
    await running.close()


async def test_a_correction_says_from_when_to_when(supplier: Installation, clock: FixedClock) -> None:
    await _was_ahead(supplier, clock)
    await correct_clock_mark(supplier, await clock_state(supplier))
    [entry] = await ledger_entries(supplier.store, "clock.corrected")
    mark = NOON + int(AHEAD.total_seconds())
    assert entry["detail"] == {"from": time_text(mark), "to": time_text(NOON)}
    assert entry["at"] == NOON


async def test_a_mark_that_is_ahead_by_little_can_be_corrected_too(
    supplier: Installation, clock: FixedClock
) -> None:
    await _record(supplier, "SN-1")
    clock.advance(timedelta(seconds=-30))
    await _record(supplier, "SN-2")
    assert await clock_state(supplier) == ClockState(NOON - 30, NOON)
    assert await correct_clock_mark(supplier, await clock_state(supplier))
    assert await clock_state(supplier) == ClockState(NOON - 30, NOON - 30)


async def test_where_the_clock_is_not_behind_nothing_is_corrected(
    supplier: Installation, clock: FixedClock
) -> None:
    clock.advance(timedelta(days=1))
    assert not await correct_clock_mark(supplier, await clock_state(supplier))
    assert await ledger_entries(supplier.store, "clock.corrected") == []
    assert (await clock_state(supplier)).mark == NOON


async def test_a_clock_set_back_later_is_noticed_again(supplier: Installation, clock: FixedClock) -> None:
    await _was_ahead(supplier, clock)
    await correct_clock_mark(supplier, await clock_state(supplier))
    clock.advance(timedelta(hours=-1))
    with pytest.raises(Unavailable, match="set back"):
        await _record(supplier, "SN-2")


@pytest.mark.parametrize(("behind", "records"), [(-5, True), (0, True), (60, True), (61, False)])
def test_being_behind_by_a_minute_is_no_harm(behind: int, records: bool) -> None:
    state = ClockState(NOON - behind, NOON)
    assert (state.behind_seconds, state.records) == (max(0, behind), records)
