"""Moving an installation's database from its file to a server."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from keyworks.errors import IntegrityFailure, OperatorError
from keyworks.ledger.checkpoint import Checkpoint
from keyworks.ledger.records import current_root, enter, find_entry, waiting_of
from keyworks.service.event import event
from keyworks.service.installation import (
    SETTINGS_FILE,
    Installation,
    location_of,
    open_installation,
    settings_of,
)
from keyworks.service.ledger import export_ledger
from keyworks.service.tables import TABLES
from keyworks.settings.node import Database, WrongSetting, check_node_settings, with_database
from keyworks.store.clock import Clock, SystemClock
from keyworks.store.durable import sync_folder, write_new_file
from keyworks.store.location import PostgreSQLServer, SQLiteFile
from keyworks.store.migrate import (
    HEAD,
    NONE,
    alone,
    check_version,
    is_empty,
    migrate,
    remove_tables,
    version_of,
)

_KEPT: Final = ".moved"
"""What is added to the name of the file that was moved: it is kept, and nobody takes it for the present one."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved.

    Args:
        rows: How many, of all tables.
        entries: Of the ledger, verified on both sides.
        kept: The file as it was.
    """

    rows: int
    entries: int
    kept: Path


async def move_installation(home: Path, database: Database, clock: Clock | None = None) -> Moved:
    """Copy the database of the installation in ``home`` to a server, and let it work there from now on.

    The file is locked until it has its other name, and a server that has it open notices that and stops
    serving: so nothing that is written meanwhile is lost. The ledger is verified on both sides, and has to be
    the same.

    Raises:
        OperatorError: It is on a server already, or that database is not empty.
        IntegrityFailure: The ledger does not verify, or is not the same on both sides.
        Unavailable: Somebody writes the file, or the server cannot be reached.
    """
    clock, home = clock or SystemClock(), home.absolute()
    source, target = _checked(home, database)
    before = await _verified(home, clock)
    from keyworks.store.postgresql.copying import copy_rows, locked

    with locked(source.path) as connection, alone(target):
        await _check_still(home, clock, before)
        await _check_free(home, database, target, clock)
        migrate(target)
        try:
            rows = copy_rows(connection, target, TABLES)
            await _check_same(home, database, clock, before)
        except BaseException:
            remove_tables(target, TABLES)
            raise
        kept = _switch(home, source.path, database)
    return Moved(sum(rows.values()), before.size, kept)


def _checked(home: Path, database: Database) -> tuple[SQLiteFile, PostgreSQLServer]:
    settings = settings_of(home)
    try:
        check_node_settings(msgspec.structs.replace(settings, database=database))
    except WrongSetting as wrong:
        raise OperatorError(wrong.sentence) from wrong
    source, target = location_of(home, settings.database), location_of(home, database)
    if not isinstance(source, SQLiteFile):
        raise OperatorError(f"The database is on a server already: {source}.")
    if not isinstance(target, PostgreSQLServer):
        raise OperatorError("Say where it is to be, as postgresql://USER@HOST/NAME.")
    check_version(source)
    return source, target


async def _check_free(home: Path, database: Database, target: PostgreSQLServer, clock: Clock) -> None:
    """Refuse a database that holds an installation; what a killed move has left there is removed."""
    if version_of(target) == NONE or is_empty(target, TABLES):
        return
    if version_of(target) != HEAD or not await _is_unused_copy(home, database, clock):
        raise OperatorError(f"{target} holds an installation already; name an empty database.")
    remove_tables(target, TABLES)


async def _is_unused_copy(home: Path, database: Database, clock: Clock) -> bool:
    """Return whether a database holds this installation, and nothing has happened there that has not here.

    Then the last entry of its ledger is one of the file's, and what says that it was moved has no place yet.
    """
    try:
        async with open_installation(home, clock, looks=True, database=database) as copy:
            size, _ = await copy.store.read(current_root)
            waiting, _ = await copy.store.read(waiting_of)
            last = await copy.store.read(lambda tx: find_entry(tx, str(size - 1)))
    except OperatorError:
        return False
    if last is None or waiting > 1:
        return False
    async with open_installation(home, clock, looks=True) as own:
        return await own.store.read(lambda tx: find_entry(tx, last.id)) == last


async def _verified(home: Path, clock: Clock) -> Checkpoint:
    async with open_installation(home, clock) as installation:
        return await _export(installation)


async def _export(installation: Installation) -> Checkpoint:
    """Verify the whole ledger, as anybody would from its files."""
    with tempfile.TemporaryDirectory(prefix=".move-", dir=installation.home) as folder:
        return (await export_ledger(installation, Path(folder) / "ledger")).checkpoint


async def _check_still(home: Path, clock: Clock, before: Checkpoint) -> None:
    async with open_installation(home, clock, looks=True) as installation:
        size, _ = await installation.store.read(current_root)
        waiting, _ = await installation.store.read(waiting_of)
    if (size, waiting) != (before.size, 0):
        raise OperatorError("Something was recorded meanwhile; stop the server, and move again.")


async def _check_same(home: Path, database: Database, clock: Clock, before: Checkpoint) -> None:
    """Refuse a copy whose ledger is another one than the file's."""
    async with open_installation(home, clock, database=database) as installation:
        after = await _export(installation)
        if (after.size, after.root) != (before.size, before.root):
            raise IntegrityFailure("The copy's ledger is not that of the file; nothing was changed.")
        node = installation.settings.node.name
        await installation.store.write(enter, event(installation, "installation.moved", f"node:{node}"))


def _switch(home: Path, file: Path, database: Database) -> Path:
    """Let the settings name the server, and give the file a name under which nobody opens it."""
    settings = home / SETTINGS_FILE
    kept = file.with_name(file.name + _KEPT)
    new = settings.with_name(f".{settings.name}.new")
    new.unlink(missing_ok=True)
    text = with_database(settings.read_text("utf-8"), database)
    write_new_file(new, text.encode(), settings.stat().st_mode & 0o777)
    new.replace(settings)
    sync_folder(home)
    for end in ("", "-wal", "-shm"):
        part = file.with_name(file.name + end)
        if part.exists():
            part.rename(file.with_name(file.name + _KEPT + end))
    sync_folder(file.parent)
    return kept
