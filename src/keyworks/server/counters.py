"""Counting what is not worth an entry each: handshakes that fail, connections cut, requests refused."""

from collections import Counter


class Counters:
    """Counts by name; one per worker."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def count(self, name: str) -> int:
        """Count one event, and return how many of its name there were since they were drained."""
        self._counts[name] += 1
        return self._counts[name]

    def drain(self) -> dict[str, int]:
        """Return what was counted since the last call."""
        counts, self._counts = self._counts, Counter()
        return dict(counts)
