"""Public doubles and throwaway things: what tests of Keyworks, and of what is built on it, stand on.

Real components throughout: a throwaway store is a real database, an installation a whole one, only small and in
a folder of its own.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from keyworks.keys.software import SoftwareSigner, make_private_key, signer_of
from keyworks.service.installation import Installation, open_installation
from keyworks.service.setup import NewInstallation, create_installation
from keyworks.settings.node import Listen
from keyworks.store.clock import Clock
from keyworks.store.engine import Store
from keyworks.store.migrate import migrate

NOON: Final = 1_790_000_000
"""2026-09-21T14:13:20Z: where a fixed clock stands at first."""

ANY_PORT: Final = Listen(enrollment="127.0.0.1:0", console="127.0.0.1:0", publication="127.0.0.1:0")
"""Loopback, on ports that the system chooses."""


class FixedClock:
    """A clock that stands until it is moved.

    Args:
        at: Where it stands, in epoch seconds.
    """

    def __init__(self, at: int = NOON) -> None:
        self.at = at

    def now(self) -> int:
        """Return where it stands."""
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move it forward (or back, where ``by`` is negative)."""
        self.at += int(by.total_seconds())


def software_signer(key_type: str = "P-256") -> SoftwareSigner:
    """Return a signer with a new key."""
    return signer_of(make_private_key(key_type))


@asynccontextmanager
async def throwaway_store(folder: Path, clock: Clock | None = None) -> AsyncIterator[Store]:
    """Open a new, empty database with the present schema in ``folder``."""
    file = folder / "throwaway.db"
    file.touch(mode=0o600)
    migrate(file)
    store = Store.open(file, clock or FixedClock())
    try:
        yield store
    finally:
        await store.close()


def small_installation(home: Path, preset: str) -> NewInstallation:
    """Return what to create a loopback installation from.

    Args:
        home: Its folder; does not exist yet.
        preset: ``supplier`` or ``operator``.
    """
    return NewInstallation(
        home=home,
        organization=f"Example {preset.capitalize()}",
        node=preset,
        preset=preset,
        publication_url=f"http://pki.{preset}.example",
        names=("localhost", "127.0.0.1"),
        listen=ANY_PORT,
    )


@asynccontextmanager
async def throwaway_installation(
    home: Path, preset: str = "supplier", clock: Clock | None = None
) -> AsyncIterator[Installation]:
    """Create an installation in ``home`` and open it."""
    await create_installation(small_installation(home, preset), clock)
    async with open_installation(home, clock) as installation:
        yield installation
