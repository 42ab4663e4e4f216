"""An opened installation: the objects that operators' use cases and the server are built from."""

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keyworks.authority.issue import IssuingPath
from keyworks.authority.order import Requester
from keyworks.authority.register import Registers
from keyworks.errors import OperatorError
from keyworks.keys.master import read_passphrase
from keyworks.keys.software import KeyStore
from keyworks.settings.node import NodeSettings, read_node_settings
from keyworks.store.clock import Clock, SystemClock
from keyworks.store.engine import Store

SETTINGS_FILE: Final = "keyworks.toml"


@dataclass(frozen=True, slots=True)
class Installation:
    """One organisation's Keyworks, open for work.

    Args:
        home: The folder of its settings file.
        settings: This node's.
        store: Its database.
        keystore: Its keys.
        registers: What is configured.
        path: The issuing path.
        clock: Tells the time.
    """

    home: Path
    settings: NodeSettings
    store: Store
    keystore: KeyStore
    registers: Registers
    path: IssuingPath
    clock: Clock

    @property
    def operator(self) -> Requester:
        """Return who works here, as the ledger says it: whoever may read the passphrase."""
        return Requester(f"operator:{getpass.getuser()}", "local")


def settings_of(home: Path) -> NodeSettings:
    """Read the settings of the installation in ``home``.

    Raises:
        OperatorError: There is none there, or its settings are wrong.
    """
    file = home / SETTINGS_FILE
    if not file.exists():
        raise OperatorError(
            f"There is no Keyworks installation in {home}: no {SETTINGS_FILE}. "
            "Create one with `keyworks init`, or name its folder with --home."
        )
    return read_node_settings(file)


@asynccontextmanager
async def open_installation(home: Path, clock: Clock | None = None) -> AsyncIterator[Installation]:
    """Open the installation in ``home``, and close it in the end.

    Raises:
        OperatorError: Its settings, passphrase or database do not let it open; the sentence says which.
    """
    clock = clock or SystemClock()
    settings = settings_of(home)
    store = Store.open(settings.database.path, clock)
    try:
        keystore = await KeyStore.open(store, read_passphrase(settings.keys), clock)
        path = IssuingPath(store, keystore.signer, clock)
        yield Installation(home, settings, store, keystore, Registers(store), path, clock)
    finally:
        await store.close()
