"""How many connections a listener has open, and may have."""

import asyncio


class Places:
    """One per listener and worker.

    Args:
        most: Connections at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: set[asyncio.BaseTransport] = set()

    def take(self, transport: asyncio.BaseTransport) -> bool:
        """Take a place for a connection; return whether there was one."""
        if len(self._taken) >= self._most:
            return False
        self._taken.add(transport)
        return True

    def release(self, transport: asyncio.BaseTransport) -> None:
        """Give the place back."""
        self._taken.discard(transport)

    def close_all(self) -> None:
        """Close every connection that is still open."""
        for transport in list(self._taken):
            transport.close()
