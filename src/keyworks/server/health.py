"""Whether this worker lives, and whether it can serve: for balancers and for people at 3 a.m."""

from keyworks.authority.register import Registers
from keyworks.errors import KeyworksError, Unavailable
from keyworks.protocols.exchange import Reply, Request, method_not_allowed, refuse


class Health:
    """Answers ``/healthz`` and ``/readyz``.

    Args:
        registers: What has to be readable for a worker to be of use.
    """

    def __init__(self, registers: Registers) -> None:
        self._registers = registers
        self._stopping = False

    def stop(self) -> None:
        """From now on, say that requests had better go elsewhere."""
        self._stopping = True

    async def alive(self, request: Request) -> Reply:
        """Say that this process answers at all."""
        return _text("alive\n") if request.method in ("GET", "HEAD") else method_not_allowed("GET")

    async def ready(self, request: Request) -> Reply:
        """Say whether this worker can serve now: the database answers, and it is not stopping."""
        if request.method not in ("GET", "HEAD"):
            return method_not_allowed("GET")
        if self._stopping:
            return refuse(Unavailable("This server is stopping."))
        try:
            await self._registers.current()
        except KeyworksError as error:
            return refuse(Unavailable(f"Not ready: {error.detail}"))
        return _text("ready\n")


def _text(text: str) -> Reply:
    return Reply(200, (("Cache-Control", "no-store"),), text.encode())
