"""How hard a client tries: how often, how long, and when it gives up. Pure."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

_FIRST_PAUSE: Final = timedelta(milliseconds=250)


@dataclass(frozen=True, slots=True)
class Persistence:
    """How hard a client tries.

    Args:
        connections: Open at a time; each serves one request after the other.
        request_time: For one request, from connecting to the last octet of the answer.
        attempts: How often a request is sent where connections break.
        patience: How long it waits in all where a server says "later".
    """

    connections: int = 8
    request_time: timedelta = timedelta(seconds=60)
    attempts: int = 4
    patience: timedelta = timedelta(0)


@dataclass(slots=True)
class Tries:
    """What one question has cost so far."""

    persistence: Persistence
    _lost: int = field(default=0, init=False)
    _waited: timedelta = field(default=timedelta(0), init=False)

    def after_loss(self, chance: float) -> timedelta | None:
        """Return how long to wait after a connection broke, or ``None`` to give up.

        Half of it is by chance, so that a line that lost its server does not come back in step.

        Args:
            chance: From 0 to 1.
        """
        self._lost += 1
        if self._lost >= self.persistence.attempts:
            return None
        return _FIRST_PAUSE * (2.0 ** (self._lost - 1) * (1 + chance) / 2)

    def after_later(self, retry_after: timedelta) -> timedelta | None:
        """Return how long to wait where the server says when to come back, or ``None`` to give up.

        Args:
            retry_after: As the server says.
        """
        self._waited += retry_after
        return retry_after if self._waited <= self.persistence.patience else None
