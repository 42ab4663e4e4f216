"""An opened installation: the objects that operators' use cases and the server are built from."""

import os
import pwd
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from keyworks.authority.issue import IssuingPath
from keyworks.authority.order import Requester
from keyworks.authority.register import Registers
from keyworks.errors import OperatorError
from keyworks.keys.master import read_passphrase, read_secret_file
from keyworks.keys.software import KeyStore
from keyworks.settings.node import Database, Keys, NodeSettings, read_node_settings
from keyworks.store.clock import Clock, SystemClock
from keyworks.store.engine import Store
from keyworks.store.location import Location, PostgreSQLServer, SQLiteFile
from keyworks.store.migrate import check_version
from keyworks.store.opening import open_store

SETTINGS_FILE: Final = "keyworks.toml"


@dataclass(frozen=True, slots=True)
class Installation:
    """One organization's Keyworks, open for work.

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
        return operator()


def operator() -> Requester:
    """Return who runs this process, as the ledger says it."""
    return Requester(f"operator:{_account()}", "local")


def _account() -> str:
    """Return the account of this process, as the system knows it: an environment can say anything."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


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


def passphrase_of(home: Path, keys: Keys) -> bytes:
    """Return the passphrase that the settings point to.

    Raises:
        OperatorError: There is none, or others can read it.
    """
    return read_passphrase(home / keys.passphrase_file if keys.passphrase_file else None, keys.passphrase_env)


def location_of(home: Path, database: Database) -> Location:
    """Return where the database is that the settings point to.

    Raises:
        OperatorError: There is no file with its password, or others can read it.
    """
    if database.url is None:
        return SQLiteFile(home / database.file)
    if database.password_file is None:
        return PostgreSQLServer(database.url)
    password = read_secret_file(home / database.password_file, "database password")
    return PostgreSQLServer(database.url, password.decode("utf-8", "surrogateescape"))


@asynccontextmanager
async def open_installation(
    home: Path,
    clock: Clock | None = None,
    passphrase: bytes | None = None,
    *,
    looks: bool = False,
    database: Database | None = None,
) -> AsyncIterator[Installation]:
    """Open the installation in ``home``, and close it in the end.

    Args:
        home: The folder of its settings file.
        clock: The machine's, if none is given.
        passphrase: Where it was read already; otherwise it is read as the settings say.
        looks: Whether it is for looking only; then nothing can be recorded.
        database: Another one than the settings name.

    Raises:
        OperatorError: Its settings, passphrase or database do not let it open; the sentence says which.
    """
    clock = clock or SystemClock()
    settings = settings_of(home)
    if database is not None:
        settings = msgspec.structs.replace(settings, database=database)
    location = location_of(home, settings.database)
    check_version(location)
    store = open_store(location, clock, looks=looks)
    try:
        secret = passphrase if passphrase is not None else passphrase_of(home, settings.keys)
        keystore = await KeyStore.open(store, secret, clock)
        path = IssuingPath(store, keystore.signer, clock)
        yield Installation(home, settings, store, keystore, Registers(store), path, clock)
    finally:
        await store.close()
