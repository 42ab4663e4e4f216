"""Figures that all workers share: each writes in a row of its own, whoever is asked adds the rows up.

The rows lie in memory that is mapped before the workers are forked, and stay when one of them is replaced, so a
counter never runs backwards. A worker writes 64-bit words that nobody else writes; no lock is needed.
"""

import bisect
import mmap
from collections.abc import Sequence
from typing import Final

OPERATIONS: Final = (
    *("cacerts", "csrattrs", "simpleenroll", "simplereenroll", "serverkeygen", "fullcmc"),
    *("aia", "health", "metrics", "other"),
)
STATUSES: Final = ("200", "202", "204", "400", "401", "403", "404", "405", "415", "429", "500", "503", "other")
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the latency histogram, in seconds; the last bucket has none."""

_OPERATION: Final = {name: place for place, name in enumerate(OPERATIONS)}
_STATUS: Final = {int(name): place for place, name in enumerate(STATUSES) if name.isdecimal()}
_OTHER: Final = len(STATUSES) - 1
_ANSWERS: Final = len(OPERATIONS) * len(STATUSES)
_SECONDS: Final = _ANSWERS + len(BUCKETS) + 1
_OPEN: Final = _SECONDS + 1
_ROW: Final = _OPEN + 1
_WORD: Final = 8
_NANOSECONDS: Final = 1e9


class Meter:
    """The row of one worker.

    Args:
        row: Its words.
    """

    def __init__(self, row: memoryview) -> None:
        self._row = row

    def answered(self, operation: str, status: int, seconds: float) -> None:
        """Count one answer.

        Args:
            operation: One of ``OPERATIONS``.
            status: HTTP's.
            seconds: From the whole request to the answer.
        """
        row = self._row
        row[_OPERATION[operation] * len(STATUSES) + _STATUS.get(status, _OTHER)] += 1
        row[_ANSWERS + bisect.bisect_left(BUCKETS, seconds)] += 1
        row[_SECONDS] += int(seconds * _NANOSECONDS)

    def holds_open(self, connections: int) -> None:
        """Note how many connections are open now."""
        self._row[_OPEN] = connections


class Board:
    """All rows.

    Args:
        workers: How many there are.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._words = memoryview(mmap.mmap(-1, workers * _ROW * _WORD)).cast("Q")

    def meter(self, number: int) -> Meter:
        """Return the row of worker ``number``; one that takes the place of another goes on with its figures."""
        meter = Meter(self._words[number * _ROW : (number + 1) * _ROW])
        meter.holds_open(0)
        return meter

    def totals(self) -> "Totals":
        """Return the sums over all workers."""
        rows = [self._words[number * _ROW : (number + 1) * _ROW].tolist() for number in range(self.workers)]
        return Totals([sum(column) for column in zip(*rows, strict=True)])


class Totals:
    """Sums over all workers.

    Args:
        words: As in a row.
    """

    def __init__(self, words: Sequence[int]) -> None:
        self._words = words

    @property
    def answers(self) -> dict[tuple[str, str], int]:
        """Return answers by operation and status, without those that never were."""
        pairs = ((operation, status) for operation in OPERATIONS for status in STATUSES)
        return {pair: count for pair, count in zip(pairs, self._words, strict=False) if count}

    @property
    def buckets(self) -> tuple[int, ...]:
        """Return answers by latency, those of the last, unbounded bucket at the end."""
        return tuple(self._words[_ANSWERS:_SECONDS])

    @property
    def seconds(self) -> float:
        """Return the time of all answers together."""
        return self._words[_SECONDS] / _NANOSECONDS

    @property
    def open_connections(self) -> int:
        """Return how many connections are open."""
        return self._words[_OPEN]
