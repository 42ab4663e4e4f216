"""Whether this worker lives, and whether it can serve: for balancers and for people at 3 a.m."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from keyworks.authority.register import Registers
from keyworks.errors import KeyworksError, Unavailable
from keyworks.protocols.exchange import Reply, Request, method_not_allowed, refuse
from keyworks.store.engine import Store, Transaction

_AGAIN_SECONDS: Final = 1.0
"""How long a failure to write is believed before it is tried again for who asks."""


class Health:
    """Answers ``/healthz`` and ``/readyz``.

    Args:
        store: What has to take records for a worker to be of use.
        registers: What has to be readable.
        now: A clock for how long ago something was tried.
    """

    def __init__(self, store: Store, registers: Registers, now: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._registers = registers
        self._stopping = False
        self._unwritable = ""
        self._now = now
        self._tried = now()

    def stop(self) -> None:
        """From now on, say that requests had better go elsewhere."""
        self._stopping = True

    async def try_writing(self) -> None:
        """Find out whether anything can be recorded now: a full disk can still be read.

        Raises:
            KeyworksError: It cannot; until it can again, this worker is not ready.
        """
        self._tried = self._now()
        try:
            # Nothing of its own: the store keeps the time of its last write, and that has moved.
            await self._store.write(_nothing, None)
        except KeyworksError as error:
            self._unwritable = error.detail
            raise
        self._unwritable = ""

    async def alive(self, request: Request) -> Reply:
        """Say that this process answers at all."""
        return _text("alive\n") if request.method in ("GET", "HEAD") else method_not_allowed("GET")

    async def ready(self, request: Request) -> Reply:
        """Say whether this worker can serve now: it reads and writes the database, and is not stopping."""
        if request.method not in ("GET", "HEAD"):
            return method_not_allowed("GET")
        if self._stopping:
            return refuse(Unavailable("This server is stopping."))
        if self._unwritable and self._now() - self._tried >= _AGAIN_SECONDS:
            with suppress(KeyworksError):  # a balancer is told as soon as it works again
                await self.try_writing()
        if self._unwritable:
            return refuse(Unavailable(f"Not ready: {self._unwritable}"))
        try:
            await self._registers.current()
        except KeyworksError as error:
            return refuse(Unavailable(f"Not ready: {error.detail}"))
        return _text("ready\n")


def _nothing(_: Transaction, items: Sequence[None]) -> Sequence[None]:
    return items


def _text(text: str) -> Reply:
    return Reply(200, (("Cache-Control", "no-store"),), text.encode())
