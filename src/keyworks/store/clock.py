"""Clocks are injected, so that what depends on time can be tried at any time."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> int:
        """Return the present instant in whole seconds since 1970-01-01T00:00:00Z."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Return the present instant in whole epoch seconds."""
        return int(time.time())
