"""Maintenance windows: the hours of the week in which a plant lets things change. Pure.

::

    Sat 02:00-05:00          one day
    Mon-Fri 22:00-04:00      several; an end before the beginning is on the next day
    Sat,Sun 00:00-24:00      all day
    daily 12:00-12:30

They are meant in the plant's local time, daylight saving included: a window that the clocks skip is left out,
one that they repeat is longer.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Final

from keyworks.errors import OperatorError

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_MINUTES: Final = 24 * 60
_FORM: Final = re.compile(
    r"(?P<days>[A-Za-z,-]{3,60})\s+(?P<from>[0-9]{2}:[0-9]{2})\s*-\s*(?P<to>[0-9]{2}:[0-9]{2})", re.ASCII
)
_AHEAD_DAYS: Final = 15
"""How far to look: a window of one day a week comes at least every other week, wherever clocks are changed."""

_LAST_YEARS: Final = 250_000_000_000
"""Close to the year 9999, after which no calendar goes on."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time of the week.

    Args:
        days: On which it begins, 0 for Monday.
        start_minute: Of the day.
        minutes: How long it is by the clock, at most a day.
    """

    days: frozenset[int]
    start_minute: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Timetable:
    """All windows of a plant.

    Args:
        windows: None of them: any time will do.
        zone: The plant's; ``None`` for this machine's.
    """

    windows: tuple[Window, ...] = ()
    zone: tzinfo | None = None

    def place(self, earliest: int, draw: float) -> int:
        """Return an instant within the next window, at random, so that a plant does not come all at once.

        It lies in the first half, so that the second is left for other tries and for what follows a renewal.
        It is the same instant whenever it is asked for before that instant, and ``earliest`` itself from there
        to the window's end.

        Args:
            earliest: Epoch seconds.
            draw: Where in each window, from 0 up to but not including 1.
        """
        found = [
            max(earliest, start + int(draw * (end - start) / 2))
            for start, end in self._openings(earliest)
            if start < end > earliest
        ]
        return min(found, default=earliest)

    def is_open(self, at: int) -> bool:
        """Return whether an instant lies in a window; without any, every one does."""
        return not self.windows or any(start <= at < end for start, end in self._openings(at))

    def _openings(self, at: int) -> Iterator[tuple[int, int]]:
        """Yield beginning and end, epoch seconds, from the windows that may still be open on."""
        if at > _LAST_YEARS:
            return
        today = datetime.fromtimestamp(at, self.zone).date()
        for ahead in range(-1, _AHEAD_DAYS):
            day = today + timedelta(days=ahead)
            midnight = datetime.combine(day, time(), self.zone)
            for window in self.windows:
                if day.weekday() in window.days:
                    # By the clock on the wall: an aware datetime adds so within its zone.
                    start = midnight + timedelta(minutes=window.start_minute)
                    end = start + timedelta(minutes=window.minutes)
                    yield int(start.timestamp()), int(end.timestamp())


def parse_window(text: str) -> Window:
    """Return the window in text such as ``Sat 02:00-05:00``.

    Raises:
        OperatorError: It is none; the sentence says what is wrong.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise OperatorError(f"'{text}' is no window; write days and hours, such as 'Sat 02:00-05:00'.")
    start, end = (_minute(match[name], text) for name in ("from", "to"))
    if start in (end, _DAY_MINUTES):
        raise OperatorError(f"The window '{text}' has no length; a whole day is 00:00-24:00.")
    return Window(_days(match["days"], text), start, (end - start) % _DAY_MINUTES or _DAY_MINUTES)


def _minute(clock: str, text: str) -> int:
    hours, minutes = map(int, clock.split(":"))
    found = hours * 60 + minutes
    if minutes >= 60 or found > _DAY_MINUTES:
        raise OperatorError(f"{clock} in the window '{text}' is no time of day; write 00:00 to 24:00.")
    return found


def _days(names: str, text: str) -> frozenset[int]:
    if names.lower() == "daily":
        return frozenset(range(len(_DAYS)))
    found: set[int] = set()
    for part in names.split(","):
        first, *rest = (_day(name, text) for name in part.split("-"))
        if len(rest) > 1:
            raise OperatorError(f"'{part}' in the window '{text}' is no range of days; write 'Mon-Fri'.")
        last = rest[0] if rest else first
        found.update((first + ahead) % len(_DAYS) for ahead in range((last - first) % len(_DAYS) + 1))
    return frozenset(found)


def _day(name: str, text: str) -> int:
    try:
        return _DAYS.index(name.capitalize())
    except ValueError:
        days = ", ".join(_DAYS)
        raise OperatorError(
            f"'{name}' in the window '{text}' is no day; write {days}, a range such as Mon-Fri, or daily."
        ) from None


def parse_windows(texts: Sequence[str], zone: tzinfo | None = None) -> Timetable:
    """Return the timetable of several windows.

    Raises:
        OperatorError: One of them is none.
    """
    return Timetable(tuple(parse_window(one) for one in texts), zone)
