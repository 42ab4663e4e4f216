"""The issuing path of a worker, with every certificate that it issues counted."""

from collections.abc import Awaitable, Callable

from keyworks.algorithms.signer import Signer
from keyworks.authority.issue import Issued, IssuingPath
from keyworks.authority.order import Order
from keyworks.server.meter import Meter
from keyworks.store.clock import Clock
from keyworks.store.engine import Store


class MeteredPath(IssuingPath):
    """The one path, counted.

    Args:
        store: Where certificates are recorded.
        signer_of: Finds the signer of a key id.
        clock: Tells the time of issue.
        meter: Counts.
    """

    def __init__(
        self, store: Store, signer_of: Callable[[str], Awaitable[Signer]], clock: Clock, meter: Meter
    ) -> None:
        super().__init__(store, signer_of, clock)
        self._meter = meter

    async def issue(self, order: Order) -> Issued:
        """Issue as the one path does; a certificate that answers a repeated request is not counted again."""
        issued = await super().issue(order)
        if not issued.repeated:
            self._meter.issued(order.channel_id or "")
        return issued
