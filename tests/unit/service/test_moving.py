"""Moving a database from its file to a server."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from keyworks.errors import IntegrityFailure, OperatorError, Unavailable
from keyworks.service.installation import Installation, open_installation, settings_of
from keyworks.service.inventory import add_devices, find_device
from keyworks.service.ledger import export_ledger, place_waiting
from keyworks.service.moving import move_installation
from keyworks.settings.node import Database
from keyworks.store.location import PostgreSQLServer
from keyworks.store.migrate import NONE, version_of
from keyworks.testing import FixedClock, ledger_entries
from keyworks.testing.postgresql import ServerDatabases

pytestmark = pytest.mark.file


@pytest.fixture
def target(servers: ServerDatabases, tmp_path: Path) -> Iterator[Database]:
    """An empty database on a server."""
    yield servers.setting(tmp_path)
    servers.forget()


async def _close(installation: Installation) -> None:
    """Close what a fixture has opened, as stopping a server does."""
    await installation.store.close()


async def test_everything_is_on_the_server_afterwards_and_the_file_is_put_aside(
    supplier_home: Path, target: Database, tmp_path: Path, clock: FixedClock
) -> None:
    serial_numbers = [f"SN-{number}" for number in range(1500)]
    async with open_installation(supplier_home, clock) as before:
        await add_devices(before, "Example Supplier", "Pump", serial_numbers)
        await place_waiting(before)
        verified = await export_ledger(before, tmp_path / "before")
    moved = await move_installation(supplier_home, target, clock)
    assert moved.entries == verified.checkpoint.size
    assert settings_of(supplier_home).database == target
    left = {one.name for one in supplier_home.iterdir() if not one.name.startswith("keyworks.db.moved")}
    assert left == {"keyworks.toml", "passphrase"}
    assert moved.kept == supplier_home / "keyworks.db.moved"
    async with open_installation(supplier_home, clock) as after:
        assert (await find_device(after, "SN-1499")).product == "Pump"
        [entry] = await ledger_entries(after.store, "installation.moved")
        assert entry["object"] == "node:supplier"
        again = await export_ledger(after, tmp_path / "after")
    assert again.checkpoint.size == verified.checkpoint.size + 1


async def test_settings_keep_what_else_they_say(
    supplier_home: Path, target: Database, clock: FixedClock
) -> None:
    file = supplier_home / "keyworks.toml"
    file.write_text("# mine\n" + file.read_text().replace("[log]", "[log] # quiet\n"))
    before = settings_of(supplier_home)
    await move_installation(supplier_home, target, clock)
    after = settings_of(supplier_home)
    assert (after.node, after.listen, after.keys, after.log) == (
        *(before.node, before.listen, before.keys, before.log),
    )
    assert file.read_text().startswith("# mine\n")
    assert "[log] # quiet" in file.read_text()


async def test_what_is_on_a_server_already_is_not_moved(
    supplier_home: Path, target: Database, clock: FixedClock
) -> None:
    await move_installation(supplier_home, target, clock)
    with pytest.raises(OperatorError, match="on a server already"):
        await move_installation(supplier_home, target, clock)


async def test_a_database_that_is_not_empty_is_no_place_to_move_to(
    supplier_home: Path, operator_home: Path, target: Database, clock: FixedClock
) -> None:
    await move_installation(supplier_home, target, clock)
    with pytest.raises(OperatorError, match="holds an installation already"):
        await move_installation(operator_home, target, clock)
    assert settings_of(operator_home).database.url is None


async def test_a_file_that_is_being_written_is_not_moved(
    supplier_home: Path, target: Database, clock: FixedClock
) -> None:
    with closing(sqlite3.connect(supplier_home / "keyworks.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await move_installation(supplier_home, target, clock)
        other.execute("ROLLBACK")
    assert settings_of(supplier_home).database.url is None
    assert version_of(PostgreSQLServer(target.url or "")) == NONE


async def test_a_ledger_that_does_not_verify_is_not_moved(
    supplier_home: Path, target: Database, clock: FixedClock
) -> None:
    async with open_installation(supplier_home, clock) as installation:
        await place_waiting(installation)
    with closing(sqlite3.connect(supplier_home / "keyworks.db")) as other, other:
        other.execute("UPDATE entry SET body = CAST('{}' AS BLOB) WHERE leaf_index = 1")
    with pytest.raises(IntegrityFailure):
        await move_installation(supplier_home, target, clock)
    assert settings_of(supplier_home).database.url is None
    assert version_of(PostgreSQLServer(target.url or "")) == NONE


async def test_a_server_that_has_the_file_open_stops_working_on_it(
    supplier_home: Path, target: Database, clock: FixedClock
) -> None:
    async with open_installation(supplier_home, clock) as running:
        await move_installation(supplier_home, target, clock)
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await add_devices(running, "Example Supplier", "Pump", ["SN-late"])


async def test_the_file_that_is_kept_is_whole_by_itself(
    supplier_home: Path, target: Database, tmp_path: Path, clock: FixedClock
) -> None:
    """Though a server has it open, whose log beside it is full."""
    async with open_installation(supplier_home, clock) as running:
        await add_devices(running, "Example Supplier", "Pump", ["SN-1", "SN-2"])
        moved = await move_installation(supplier_home, target, clock)
        alone = tmp_path / "alone.db"
        alone.write_bytes(moved.kept.read_bytes())
    with closing(sqlite3.connect(alone)) as kept:
        assert kept.execute("SELECT count(*) FROM device").fetchone() == (2,)


async def test_an_address_that_is_none_is_told(supplier_home: Path, clock: FixedClock) -> None:
    with pytest.raises(OperatorError, match=r"database\.url has to be an address"):
        await move_installation(supplier_home, Database(url="nonsense"), clock)


async def test_a_move_that_fails_at_the_end_leaves_both_as_they_were(
    supplier_home: Path, target: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OperatorError("No room.")

    monkeypatch.setattr("keyworks.service.moving.event", full)
    with pytest.raises(OperatorError, match="No room"):
        await move_installation(supplier_home, target, clock)
    monkeypatch.undo()
    assert version_of(PostgreSQLServer(target.url or "")) == NONE
    assert (await move_installation(supplier_home, target, clock)).rows > 0
