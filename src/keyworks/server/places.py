"""How many connections a listener has open, and may have.

Where none is free, the oldest connection that has not got anywhere yet makes room: strangers who open
connections and say nothing keep nobody out.
"""

import asyncio
import resource
from typing import Final

RESERVED_FILES: Final = 64
"""For the database, the log and what the libraries open."""

_LISTENERS: Final = 3


def places_for(wanted: int) -> int:
    """Return how many connections a listener may have: ``wanted``, or its share of the files we may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (soft - RESERVED_FILES) // _LISTENERS))


class Places:
    """One per listener and worker.

    Args:
        most: Connections at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._new: dict[asyncio.Transport, None] = {}  # oldest first
        self._settled: set[asyncio.Transport] = set()

    def take(self, transport: asyncio.Transport) -> bool:
        """Take a place for a new connection; return whether there was one."""
        if len(self._new) + len(self._settled) >= self._most:
            if not self._new:
                return False
            oldest = next(iter(self._new))
            del self._new[oldest]
            oldest.abort()
        self._new[transport] = None
        return True

    def settle(self, transport: asyncio.Transport) -> None:
        """Let a connection keep its place: it has shown that it wants something."""
        if transport in self._new:
            del self._new[transport]
            self._settled.add(transport)

    def release(self, transport: asyncio.Transport) -> None:
        """Give the place back."""
        self._new.pop(transport, None)
        self._settled.discard(transport)

    def close_all(self) -> None:
        """Close every connection that is still open."""
        for transport in [*self._new, *self._settled]:
            transport.close()
