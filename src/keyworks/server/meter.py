"""Figures that all workers share: each writes into a part of its own, whoever is asked adds the parts up.

The parts lie in memory that is mapped before the workers are forked, and stay when one of them is replaced, so
a counter never runs backwards. A worker writes 64-bit words that nobody else writes; no lock is needed. What a
word counts stands beside it, because what there is to count (channels, for one) is not known before::

    length │ requests␟enrollment␟simpleenroll␟200  │ 7
"""

import bisect
import mmap
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

OPERATIONS: Final = (
    *("cacerts", "csrattrs", "simpleenroll", "simplereenroll", "serverkeygen", "fullcmc"),
    *("aia", "health", "metrics", "other"),
)
STATUSES: Final = ("200", "202", "204", "400", "401", "403", "404", "405", "415", "429", "500", "503", "other")
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the latency histogram, in seconds; the last bucket has none."""

ALIVE_SECONDS: Final = 10.0
"""A worker that has not been heard of for so long does not work."""

MAX_SERIES: Final = 4096
"""Things counted by one worker; further ones are counted together, as lost."""

_STATUS: Final = {int(name): name for name in STATUSES if name.isdecimal()}
_BOUNDS: Final = tuple(map(str, range(len(BUCKETS) + 1)))
_NANOSECONDS: Final = 1e9
_WORD: Final = 8
_NAME: Final = 64
_PART: Final = MAX_SERIES * (_WORD + _NAME)
_SEPARATOR: Final = "\x1f"
_LOST: Final = ("lost",)
Series = tuple[str, ...]
"""What is counted: the kind, then its labels."""


class Meter:
    """The part of one worker.

    Args:
        part: Its memory; what a former worker has counted there goes on.
        now: A clock that no worker's differs from.
    """

    def __init__(self, part: memoryview, now: Callable[[], float] = time.monotonic) -> None:
        self._words, self._names = _divided(part)
        self._now = now
        self._places: dict[Series, int] = {name: place for place, name in enumerate(_names_in(self._names))}
        self._place(_LOST)

    def start(self) -> None:
        """Note that a worker begins here: what only the former one had is gone."""
        for name, place in self._places.items():
            if name[0] in ("open", "ends"):
                self._words[place] = 0
        self._add(("starts",))
        self.beat()

    def beat(self) -> None:
        """Note that the worker works."""
        self._words[self._place(("beat",))] = int(self._now())

    def answered(self, listener: str, operation: str, status: int, seconds: float) -> None:
        """Count one answer.

        Args:
            listener: Where it was asked for.
            operation: One of ``OPERATIONS``.
            status: HTTP's.
            seconds: From the whole request to the answer.
        """
        self._add(("answers", listener, operation, _STATUS.get(status, "other")))
        self._add(("within", operation, _BOUNDS[bisect.bisect_left(BUCKETS, seconds)]))
        self._add(("nanoseconds", operation), int(seconds * _NANOSECONDS))

    def refused(self, cause: str) -> None:
        """Count one refusal by its cause: a class of ``errors``."""
        self._add(("refused", cause))

    def cut(self, cause: str) -> None:
        """Count one connection that the listener ended, or a request that never became one."""
        self._add(("cut", cause))

    def issued(self, channel_id: str) -> None:
        """Count one certificate."""
        self._add(("issued", channel_id))

    def holds_open(self, listener: str, connections: int) -> None:
        """Note how many connections are open now."""
        self._words[self._place(("open", listener))] = connections

    def serves_until(self, not_after: int) -> None:
        """Note when the certificate ends that this worker serves with."""
        self._words[self._place(("ends",))] = not_after

    def _add(self, series: Series, amount: int = 1) -> None:
        place = self._places.get(series)
        if place is None:
            place = self._place(series)
        self._words[place] += amount

    def _place(self, series: Series) -> int:
        """Return where something is counted; a name counts for readers once its length is written."""
        if series in self._places:
            return self._places[series]
        place, name = len(self._places), _SEPARATOR.join(series).encode()
        if place == MAX_SERIES or len(name) >= _NAME:
            return self._places[_LOST]
        start = place * _NAME
        self._names[start + 1 : start + 1 + len(name)] = name
        self._names[start] = len(name)
        self._places[series] = place
        return place


def _divided(part: memoryview) -> tuple[memoryview, memoryview]:
    """Return a part's words and the names of what they count."""
    return part[: MAX_SERIES * _WORD].cast("Q"), part[MAX_SERIES * _WORD :]


def _counted(part: memoryview) -> dict[Series, int]:
    words, names = _divided(part)
    return dict(zip(_names_in(names), words, strict=False))


def _names_in(names: memoryview) -> list[Series]:
    found = []
    for start in range(0, len(names), _NAME):
        length = names[start]
        if not length:
            break
        text = bytes(names[start + 1 : start + 1 + length]).decode()
        found.append(tuple(text.split(_SEPARATOR)))
    return found


class Board:
    """All parts.

    Args:
        workers: How many there are.
        now: A clock that no worker's differs from.
    """

    def __init__(self, workers: int, now: Callable[[], float] = time.monotonic) -> None:
        self.workers = workers
        self._memory = memoryview(mmap.mmap(-1, workers * _PART))
        self._now = now

    def meter(self, number: int) -> Meter:
        """Return the part of worker ``number``; who takes the place of another goes on with its figures."""
        return Meter(self._part(number), self._now)

    def totals(self) -> "Totals":
        """Return what all workers counted together."""
        return Totals([_counted(self._part(number)) for number in range(self.workers)], self._now())

    def _part(self, number: int) -> memoryview:
        return self._memory[number * _PART : (number + 1) * _PART]


class Totals:
    """What all workers counted.

    Args:
        parts: What each counted.
        at: When they were asked.
    """

    def __init__(self, parts: list[dict[Series, int]], at: float) -> None:
        self._parts = parts
        self._sums: Counter[Series] = Counter()
        for part in parts:
            self._sums.update(part)
        self._at = at

    def of(self, kind: str) -> Mapping[Series, int]:
        """Return the sums of one kind by their labels."""
        return {series[1:]: count for series, count in sorted(self._sums.items()) if series[0] == kind}

    def buckets(self, operation: str) -> tuple[int, ...]:
        """Return an operation's answers by latency, those of the last, unbounded bucket at the end."""
        return tuple(self._sums["within", operation, bound] for bound in _BOUNDS)

    def seconds(self, operation: str) -> float:
        """Return the time of an operation's answers together."""
        return self._sums["nanoseconds", operation] / _NANOSECONDS

    @property
    def alive(self) -> int:
        """Return how many workers work."""
        beats = (part[("beat",)] for part in self._parts if ("beat",) in part)
        return sum(self._at - beat < ALIVE_SECONDS for beat in beats)

    @property
    def serves_until(self) -> int:
        """Return when the first certificate ends that a worker serves with; 0 if none does."""
        return min((part[("ends",)] for part in self._parts if part.get(("ends",))), default=0)
