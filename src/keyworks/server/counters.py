"""Counting what is not worth an entry each: handshakes that fail, connections cut, requests refused."""

from collections import Counter
from typing import Final

from keyworks.server.meter import Board, Meter

_ANSWERED: Final = ("refused_", "noticed")
"""What is measured as an answer besides."""


class Counters:
    """Counts by name; one per worker.

    Args:
        meter: Where what is measured of every answer goes; one of its own, if there is no other.
    """

    def __init__(self, meter: Meter | None = None) -> None:
        self.meter = meter or Board(1).meter(0)
        self._counts: Counter[str] = Counter()

    def count(self, name: str) -> int:
        """Count one event, and return how many of its name there were since they were drained."""
        self._counts[name] += 1
        if not name.startswith(_ANSWERED):
            self.meter.cut(name)
        return self._counts[name]

    def drain(self) -> dict[str, int]:
        """Return what was counted since the last call."""
        counts, self._counts = self._counts, Counter()
        return dict(counts)
