"""Keys made ahead of need, for who asks the server to make them.

A key leaves the pool and is kept nowhere: neither here nor in the store, and in no log. It comes back only
where the request that it was taken for was refused, before anything of it was certified or sent.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from keyworks.errors import Unavailable
from keyworks.keys.software import PrivateKey, make_private_key

READY: Final = 8
"""Keys of each type in use that are kept ready, where making one takes longer than a request."""

MAX_WAITING: Final = 32
"""Requests that may wait for a key at a time; the others are told to come again."""

_MAKERS: Final = 1
"""Threads: who needs many keys must not take the processor from who needs a signature."""


class KeyPool:
    """Private keys, each for one certificate.

    Args:
        make: Makes a private key of a type; called in a thread of the pool's own.
    """

    def __init__(self, make: Callable[[str], PrivateKey] = make_private_key) -> None:
        self._make = make
        self._ready: dict[str, deque[PrivateKey]] = {}
        self._refills: dict[str, asyncio.Future[None]] = {}
        self._waiting = 0
        self._executor = ThreadPoolExecutor(_MAKERS, thread_name_prefix="keys")

    async def take(self, key_type: str) -> PrivateKey:
        """Return a new private key.

        Of elliptic curves and ML-DSA it is made at once, in less time than a signature takes.

        Raises:
            Unavailable: More keys are asked for than can be made.
            OperatorError: There is no such key type.
        """
        key = self._at_once(key_type)
        if key is None:
            key = await self._made(key_type)
            self._ready.setdefault(key_type, deque())
            self._refill(key_type)
        return key

    def give_back(self, key_type: str, key: PrivateKey) -> None:
        """Take back a key that was neither certified nor sent, nor shown to anybody in any other way.

        Of types that are made at once none is kept.
        """
        if len(self._ready.get(key_type, ())) < READY and key_type in self._ready:
            self._ready[key_type].appendleft(key)

    def close(self) -> None:
        """Make no more keys, and forget those that are ready."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._ready.clear()

    def __repr__(self) -> str:
        """Return how many keys are ready; never a key."""
        return f"KeyPool({ {kind: len(keys) for kind, keys in self._ready.items()} })"

    def _at_once(self, key_type: str) -> PrivateKey | None:
        """Return a new private key if that takes no time."""
        if not key_type.startswith("rsa-"):
            return self._make(key_type)
        if not self._ready.get(key_type):
            return None
        key = self._ready[key_type].popleft()
        self._refill(key_type)
        return key

    async def _made(self, key_type: str) -> PrivateKey:
        if self._waiting >= MAX_WAITING:
            raise Unavailable("More keys are asked for than can be made now; come again shortly.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._make, key_type)
        finally:
            self._waiting -= 1

    def _refill(self, key_type: str) -> None:
        """Have one more key made, and one after the other until enough are ready."""
        if key_type in self._refills or len(self._ready.get(key_type, ())) >= READY:
            return
        loop = asyncio.get_running_loop()
        made = loop.run_in_executor(self._executor, self._make, key_type)
        self._refills[key_type] = made  # type: ignore[assignment]
        made.add_done_callback(lambda done: self._take_in(key_type, done))

    def _take_in(self, key_type: str, done: "asyncio.Future[PrivateKey]") -> None:
        del self._refills[key_type]
        if done.cancelled() or key_type not in self._ready:
            return
        self._ready[key_type].append(done.result())
        self._refill(key_type)
