"""Time that passes while everybody waits, and identities that are made for an instant of it."""

import asyncio
import heapq
import math
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from keyworks.enroll.answer import Granted
from keyworks.enroll.identity import Identity, IdentityFolder
from keyworks.enroll.issued import check_issued
from keyworks.testing import software_signer
from keyworks.x509.name import EMPTY_NAME
from keyworks.x509.request import encode_certification_request
from tests.unit.enroll.small_pki import DAY, NOW, Certified, certify

BEGIN = int(NOW.timestamp())


class VirtualTime:
    """A clock that goes on to the next instant that somebody waits for, once all do.

    Args:
        lasting: When the end comes: from then on nobody is woken.
        tasks: How many there are.
    """

    def __init__(self, lasting: timedelta, tasks: int = 1) -> None:
        self.at = BEGIN
        self.over = asyncio.Event()
        self._end = BEGIN + int(lasting.total_seconds())
        self._tasks = tasks
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._at_instants: list[tuple[int, Callable[[], object]]] = []
        self._count = 0

    def now(self) -> int:
        return self.at

    def meanwhile(self, after: timedelta, do: Callable[[], object]) -> None:
        """Let something happen once this much time has passed."""
        self._at_instants.append((BEGIN + int(after.total_seconds()), do))

    async def pause(self, seconds: float) -> None:
        self._count += 1
        waiting = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self.at + math.ceil(seconds), self._count, waiting))
        if len(self._waiting) == self._tasks:
            self._go_on()
        await waiting

    def _go_on(self) -> None:
        at, _, waiting = heapq.heappop(self._waiting)
        if at > self._end:
            self.over.set()
            return
        for one in [one for one in self._at_instants if one[0] <= at]:
            self._at_instants.remove(one)
            one[1]()
        self.at = at
        waiting.set_result(None)


@lru_cache
def lasting_root() -> Certified:
    """A root for as long as any test looks ahead."""
    return certify("Lasting root", ca=True, days=(-4000, 4000))


async def fill(folder: IdentityFolder, days: tuple[int, int], name: str = "device") -> Identity:
    """Put the next identity into a folder, valid between two days counted from now."""
    signer = software_signer()
    leaf = certify(name, lasting_root(), spki=signer.public_key.spki, days=days)
    at = int((NOW + days[0] * DAY).timestamp())
    issued = check_issued(Granted(leaf.der), signer.public_key, [lasting_root().der], at=at)
    with folder.locked():
        request = await encode_certification_request(EMPTY_NAME, signer)
        return folder.complete(folder.begin("ldevid", signer, request), issued)


def damage(folder: Path) -> None:
    """Make an identity unreadable."""
    (folder / "current" / "chain.pem").write_text("damaged")
