"""Counting what is not worth an entry each: handshakes that fail, connections that are cut."""

from collections import Counter


class Counters:
    """Counts by name; one per worker."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def count(self, name: str) -> None:
        """Count one event."""
        self._counts[name] += 1

    def drain(self) -> dict[str, int]:
        """Return what was counted since the last call."""
        counts, self._counts = self._counts, Counter()
        return dict(counts)
