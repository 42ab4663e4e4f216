"""Counting strangers: refusals of requesters nobody authenticated.

They are summarized once a minute in one entry, so a stranger can fill neither the ledger nor the memory.
"""

from collections import Counter
from typing import Final

from keyworks.ledger.entry import Entry

MAX_COUNTED: Final = 1000
"""(source, cause) pairs counted apart; further ones are counted together."""

MAX_NAMED: Final = 20
"""Pairs named in a summary; the busiest."""

SUMMARY_SECONDS: Final = 60
_OTHERS: Final = ("others", "several")


class RefusalCounter:
    """Counts per source and cause."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, source: str, cause: str) -> None:
        """Count one refusal."""
        key = (source, cause)
        if key not in self._counts and len(self._counts) >= MAX_COUNTED:
            key = _OTHERS
        self._counts[key] += 1

    def drain(self, at: int) -> Entry | None:
        """Return an entry that summarizes what was counted since the last call, if anything was."""
        if not self._counts:
            return None
        counts, self._counts = self._counts, Counter()
        named = tuple(
            (f"{source} {cause}", str(count)) for (source, cause), count in counts.most_common(MAX_NAMED)
        )
        return Entry(
            at=at,
            actor="anonymous",
            source="several",
            object="enrollment",
            action="requests.refused",
            result=str(counts.total()),
            detail=named,
        )
