"""The machine's clock against the time of the last record, and the way back after it was once far ahead."""

from dataclasses import dataclass

from keyworks.ledger.records import enter
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.store.engine import SET_BACK_SECONDS, clock_mark_of
from keyworks.x509.certificate import time_text


@dataclass(frozen=True, slots=True)
class ClockState:
    """How the clock stands to the records.

    Args:
        now: What the machine's clock says.
        mark: The latest instant at which anything was recorded.
    """

    now: int
    mark: int

    @property
    def behind_seconds(self) -> int:
        """Return how far the clock is behind the last record; 0 where it is not."""
        return max(0, self.mark - self.now)

    @property
    def records(self) -> bool:
        """Return whether anything is recorded now: a clock that is behind by little does no harm."""
        return self.behind_seconds <= SET_BACK_SECONDS


async def clock_state(installation: Installation) -> ClockState:
    """Return the present time and the time of the last record."""
    now = installation.clock.now()
    return ClockState(now, await installation.store.read(clock_mark_of))


async def correct_clock_mark(installation: Installation, seen: ClockState) -> bool:
    """Go on from the present time, though records of a later one exist; the ledger says from which to which.

    Nothing recorded is changed. What was issued meanwhile keeps the times that are in it.

    Args:
        installation: Where.
        seen: What the operator decided on.

    Returns:
        Whether there was anything to correct.
    """
    if not seen.behind_seconds:
        return False
    detail = (("from", time_text(seen.mark)), ("to", time_text(installation.clock.now())))
    entry = event(installation, "clock.corrected", f"node:{installation.settings.node.name}", detail)
    await installation.store.correct_clock(enter, entry)
    return True
