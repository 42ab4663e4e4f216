"""Creating an installation: all of it or nothing."""

import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keyworks.errors import OperatorError
from keyworks.keys.purpose import Purpose
from keyworks.keys.software import create_key_store, prepare_key_store
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import INSERT_IDENTITY, insert_entries
from keyworks.service.event import event
from keyworks.service.installation import (
    SETTINGS_FILE,
    Installation,
    open_installation,
    passphrase_of,
)
from keyworks.service.keymaking import make_key
from keyworks.service.policy.apply import apply, propose
from keyworks.service.server_certificate import server_certificate
from keyworks.settings.factory import FactoryDocument, read_factory
from keyworks.settings.node import (
    Keys,
    Listen,
    Node,
    NodeSettings,
    WrongSetting,
    check_node_settings,
    render_node_settings,
)
from keyworks.settings.toml import Source
from keyworks.store.clock import Clock, SystemClock
from keyworks.store.durable import sync_folder, write_new_file
from keyworks.store.engine import Store, Transaction
from keyworks.store.migrate import migrate

PASSPHRASE_FILE: Final = "passphrase"
_PASSPHRASE_OCTETS: Final = 32
_RANDOM: Final = "[a-z0-9_]{8}"
"""What Python adds to the name of a temporary folder."""


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
    """

    home: Path
    node: str
    factory: Source
    names: tuple[str, ...]
    listen: Listen
    folder: Path = Path()
    passphrase_env: str | None = None

    @property
    def settings(self) -> NodeSettings:
        """Return the settings of its node."""
        keys = Keys(passphrase_env=self.passphrase_env)
        if self.passphrase_env is None:
            keys = Keys(passphrase_file=PASSPHRASE_FILE)
        node = Node(name=self.node, names=self.names)
        return NodeSettings(node=node, listen=self.listen, keys=keys)


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
    with _work_folder(home) as work:
        try:
            await _create_in(work, new, factory, clock)
            _move(work, home)
        except OSError as error:
            raise OperatorError(f"{home} cannot be created: {error.strerror}; nothing was changed.") from error


@contextmanager
def _work_folder(home: Path) -> Iterator[Path]:
    """Yield a folder beside ``home`` that nobody else has, locked while it is used and removed in the end."""
    try:
        if home.exists() and (not home.is_dir() or any(home.iterdir())):
            raise OperatorError(f"{home} exists and is not an empty folder; nothing was changed.")
        home.parent.mkdir(parents=True, exist_ok=True)
        _remove_left(home)
        work = Path(tempfile.mkdtemp(prefix=_work_prefix(home), dir=home.parent))
        descriptor = _lock(work)
    except OSError as error:
        raise OperatorError(f"{home} cannot be created: {error.strerror}.") from error
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        os.close(descriptor)


def _work_prefix(home: Path) -> str:
    return f".{home.name}.init-"


def _remove_left(home: Path) -> None:
    """Remove what a killed process has left: unfinished installations for ``home`` that nobody holds."""
    name = re.compile(re.escape(_work_prefix(home)) + _RANDOM)
    for left in home.parent.iterdir() if os.access(home.parent, os.R_OK) else ():
        if name.fullmatch(left.name):
            with suppress(OSError):  # it is being made, or is somebody else's
                descriptor = _lock(left, fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
                os.close(descriptor)


def _lock(folder: Path, flags: int = 0) -> int:
    """Lock a folder until the descriptor returned is closed, at the latest when the process ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | flags)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _move(work: Path, home: Path) -> None:
    """Give the finished installation its name; whoever else created one there meanwhile keeps it."""
    sync_folder(work)  # a passphrase that is lost in a power cut takes all keys with it
    work.replace(home)
    sync_folder(home.parent)


async def _create_in(work: Path, new: NewInstallation, factory: FactoryDocument, clock: Clock) -> None:
    settings = new.settings
    if settings.keys.passphrase_file is not None:
        passphrase_text = secrets.token_urlsafe(_PASSPHRASE_OCTETS) + "\n"
        write_new_file(work / PASSPHRASE_FILE, passphrase_text.encode(), 0o600)
    write_new_file(work / SETTINGS_FILE, render_node_settings(settings).encode(), 0o644)
    passphrase = passphrase_of(work, settings.keys)
    database = work / settings.database.file
    database.touch(mode=0o600)
    migrate(database)
    store = Store.open(database, clock)
    try:
        await store.write(create_key_store, prepare_key_store(passphrase, clock.now()))
    finally:
        await store.close()
    async with open_installation(work, clock, passphrase) as installation:
        await _furnish(installation, new, factory)


async def _furnish(installation: Installation, new: NewInstallation, factory: FactoryDocument) -> None:
    key = await make_key(installation, Purpose.LEDGER, "Ed25519", "ledger")
    origin = f"keyworks/{new.node}/{secrets.token_hex(4)}"
    created = event(installation, "installation.created", f"node:{new.node}", (("factory", new.factory.name),))
    await installation.store.write(_name_ledger, (origin, key.id, created))
    await apply(installation, await propose(installation, factory, new.factory.refusal), "init")
    await server_certificate(installation)


def _name_ledger(tx: Transaction, items: Sequence[tuple[str, str, SealedEntry]]) -> list[None]:
    for origin, key_id, created in items:
        tx.execute(INSERT_IDENTITY, {"origin": origin, "key_id": key_id})
        insert_entries(tx, [created])
    return [None] * len(items)
