"""What strangers were refused, as entries of the ledger; what cannot be written now is written later."""

from collections import deque
from typing import Final

from keyworks.ledger.entry import SealedEntry, seal
from keyworks.ledger.records import enter
from keyworks.ledger.refusals import RefusalCounter
from keyworks.store.clock import Clock
from keyworks.store.engine import Store

MAX_KEPT: Final = 1440
"""Summaries kept while nothing can be written: a day's. Further ones push out the oldest."""


class Summaries:
    """One worker's.

    Args:
        store: Where they are entered.
        refusals: Where refusals are counted.
        clock: Tells the time of a summary.
    """

    def __init__(self, store: Store, refusals: RefusalCounter, clock: Clock) -> None:
        self._store = store
        self._refusals = refusals
        self._clock = clock
        self._waiting: deque[SealedEntry] = deque(maxlen=MAX_KEPT)

    async def enter(self) -> None:
        """Sum up what was counted since the last call, and enter every summary that waits.

        Raises:
            KeyworksError: Nothing can be written now; the summaries wait for the next call.
        """
        entry = self._refusals.drain(self._clock.now())
        if entry is not None:
            self._waiting.append(seal(entry))
        while self._waiting:
            await self._store.write(enter, self._waiting[0])
            self._waiting.popleft()
