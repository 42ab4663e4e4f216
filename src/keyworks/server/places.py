"""How many connections a listener has open, and may have.

Where none is free, the oldest connection that has not got anywhere yet makes room, or else the one that has
been idle longest: strangers who open connections and say nothing, or little, keep nobody out.
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
        self._idle: dict[asyncio.Transport, None] = {}  # longest first
        self._busy: set[asyncio.Transport] = set()

    @property
    def taken(self) -> int:
        """Return how many connections are open."""
        return len(self._new) + len(self._idle) + len(self._busy)

    def take(self, transport: asyncio.Transport) -> bool:
        """Take a place for a connection, unless it has one; return whether it has one now."""
        if transport in self._new or transport in self._idle or transport in self._busy:
            return True
        if self.taken >= self._most:
            dispensable = self._new or self._idle
            if not dispensable:
                return False
            oldest = next(iter(dispensable))
            del dispensable[oldest]
            oldest.abort()
        self._new[transport] = None
        return True

    def settle(self, transport: asyncio.Transport) -> None:
        """Let a connection keep its place: a request of its own is to be answered."""
        for dispensable in (self._idle, self._new):
            if transport in dispensable:
                del dispensable[transport]
                self._busy.add(transport)

    def rest(self, transport: asyncio.Transport) -> None:
        """Note that a connection has been answered, and keeps its place as long as nobody needs it."""
        if transport in self._busy:
            self._busy.discard(transport)
            self._idle[transport] = None

    def release(self, transport: asyncio.Transport) -> None:
        """Give the place back."""
        self._new.pop(transport, None)
        self._idle.pop(transport, None)
        self._busy.discard(transport)

    def close_all(self) -> None:
        """Close every connection that is still open."""
        for transport in [*self._new, *self._idle, *self._busy]:
            transport.close()
