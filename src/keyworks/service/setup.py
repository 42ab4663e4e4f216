"""Creating an installation: all of it or nothing."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from keyworks.errors import OperatorError, Unavailable
from keyworks.keys.purpose import Purpose
from keyworks.keys.software import KeyStore, create_key_store, prepare_key_store
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import INSERT_IDENTITY, insert_entries
from keyworks.service.event import event
from keyworks.service.home import PASSPHRASE_FILE, Work, left_behind, put_in_place, work_folder, write_files
from keyworks.service.installation import (
    Installation,
    location_of,
    open_installation,
    passphrase_of,
    settings_of,
)
from keyworks.service.keymaking import make_key
from keyworks.service.policy.apply import apply, propose
from keyworks.service.server_certificate import server_certificate
from keyworks.service.tables import TABLES
from keyworks.settings.factory import Draft, read_factory
from keyworks.settings.node import (
    Database,
    Keys,
    Listen,
    Node,
    NodeSettings,
    WrongSetting,
    check_node_settings,
)
from keyworks.settings.toml import Source
from keyworks.store.clock import Clock, SystemClock
from keyworks.store.engine import Transaction
from keyworks.store.location import Location, SQLiteFile
from keyworks.store.migrate import HEAD, NONE, alone, is_empty, migrate, remove_tables, version_of
from keyworks.store.opening import open_store

_PASSPHRASE_OCTETS: Final = 32


@dataclass(frozen=True, slots=True)
class NewInstallation:
    """An installation as an operator asks for it.

    Args:
        home: Its folder; does not exist yet, or is empty.
        node: This node's name.
        factory: The policy it starts with; a preset's, or a file.
        names: Host names and addresses of its server.
        listen: Where it listens.
        folder: Where the certificate files are that the policy names.
        passphrase_env: The environment variable with the passphrase; ``None`` generates one into a file.
        database: Where everything is stored; a server's database has to be empty.
    """

    home: Path
    node: str
    factory: Source
    names: tuple[str, ...]
    listen: Listen
    folder: Path = Path()
    passphrase_env: str | None = None
    database: Database = field(default_factory=Database)

    @property
    def settings(self) -> NodeSettings:
        """Return the settings of its node."""
        keys = Keys(passphrase_env=self.passphrase_env)
        if self.passphrase_env is None:
            keys = Keys(passphrase_file=PASSPHRASE_FILE)
        node = Node(name=self.node, names=self.names)
        return NodeSettings(node=node, listen=self.listen, database=self.database, keys=keys)


async def create_installation(new: NewInstallation, clock: Clock | None = None) -> None:
    """Create an installation with its keys, authorities, channels and server certificate.

    It is made beside its folder and moved there in the end, so a failure leaves nothing half made;
    what a process that was killed has left there is removed by the next one for the same folder.

    Raises:
        OperatorError: The folder is in use, or something asked for cannot be.
    """
    clock = clock or SystemClock()
    factory = read_factory(new.factory, new.folder)
    try:
        check_node_settings(new.settings)
    except WrongSetting as wrong:
        raise OperatorError(wrong.sentence) from wrong
    home = new.home.absolute()
    for left in left_behind(home, Work.INIT):
        await _take_back(left, clock)
    with work_folder(home, Work.INIT) as work:
        try:
            await _create_in(work, new, factory, clock)
            put_in_place(work, home)
        except OSError as error:
            raise OperatorError(f"{home} cannot be created: {error.strerror}; nothing was changed.") from error


async def _create_in(work: Path, new: NewInstallation, factory: Draft, clock: Clock) -> None:
    settings = new.settings
    write_files(work, settings, secrets.token_urlsafe(_PASSPHRASE_OCTETS).encode())
    location = location_of(work, settings.database)
    with _new_tables(location):
        await _fill(work, new, factory, clock)


@contextmanager
def _new_tables(location: Location) -> Iterator[None]:
    """Make the tables of an installation; where what follows fails, those on a server are removed again."""
    if isinstance(location, SQLiteFile):
        location.path.touch(mode=0o600)
        migrate(location)
        yield
        return
    with alone(location):
        if version_of(location) != NONE and not is_empty(location, TABLES):
            raise OperatorError(
                f"{location} holds an installation already; nothing was changed. Name an empty database, or "
                "let this node join that installation (`keyworks join`)."
            )
        migrate(location)
        try:
            yield
        except BaseException:
            remove_tables(location, TABLES)
            raise


async def _take_back(left: Path, clock: Clock) -> None:
    """Remove from a server what a killed init has left there: what opens with the passphrase that it has made.

    Nobody can have used that: the folder with the passphrase never got its place.
    """
    try:
        settings = settings_of(left)
        if settings.keys.passphrase_file is None:  # anybody may have the one in an environment
            return
        location, passphrase = location_of(left, settings.database), passphrase_of(left, settings.keys)
    except OperatorError:  # it was killed before it had written them
        return
    if isinstance(location, SQLiteFile):
        return
    try:
        with alone(location):
            if version_of(location) == HEAD and await _opens(location, passphrase, clock):
                remove_tables(location, TABLES)
    except Unavailable as error:
        raise OperatorError(
            f"{left} is left from an init that was killed, and {location} cannot be reached to take back what "
            "it has done there; start that server, or remove the folder if it is gone."
        ) from error


async def _opens(location: Location, passphrase: bytes, clock: Clock) -> bool:
    store = open_store(location, clock, looks=True)
    try:
        await KeyStore.open(store, passphrase, clock)
    except OperatorError:
        return False
    finally:
        await store.close()
    return True


async def _fill(work: Path, new: NewInstallation, factory: Draft, clock: Clock) -> None:
    settings = new.settings
    passphrase = passphrase_of(work, settings.keys)
    store = open_store(location_of(work, settings.database), clock)
    try:
        await store.write(create_key_store, prepare_key_store(passphrase, clock.now()))
    finally:
        await store.close()
    async with open_installation(work, clock, passphrase) as installation:
        await _furnish(installation, new, factory)


async def _furnish(installation: Installation, new: NewInstallation, factory: Draft) -> None:
    key = await make_key(installation, Purpose.LEDGER, "Ed25519", "ledger")
    origin = f"keyworks/{new.node}/{secrets.token_hex(4)}"
    created = event(installation, "installation.created", f"node:{new.node}", (("factory", new.factory.name),))
    await installation.store.write(_name_ledger, (origin, key.id, created))
    await apply(installation, await propose(installation, factory), "init")
    await server_certificate(installation)


def _name_ledger(tx: Transaction, items: Sequence[tuple[str, str, SealedEntry]]) -> list[None]:
    for origin, key_id, created in items:
        tx.execute(INSERT_IDENTITY, {"origin": origin, "key_id": key_id})
        insert_entries(tx, [created])
    return [None] * len(items)
