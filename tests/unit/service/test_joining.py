"""Installations on a server, and further nodes of them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keyworks.errors import OperatorError, Unavailable
from keyworks.service.home import PASSPHRASE_FILE
from keyworks.service.installation import open_installation, settings_of
from keyworks.service.inventory import add_devices, find_device
from keyworks.service.joining import NewNode, join_installation
from keyworks.service.server_certificate import server_certificate
from keyworks.service.setup import create_installation
from keyworks.service.upgrade import upgrade_installation
from keyworks.settings.node import Database, Keys, Node, NodeSettings
from keyworks.store.location import PostgreSQLServer
from keyworks.store.migrate import NONE, version_of
from keyworks.testing import ANY_PORT, FixedClock, ledger_entries, small_installation
from keyworks.testing.postgresql import ServerDatabases


@pytest.fixture
def database(servers: ServerDatabases, tmp_path: Path) -> Iterator[Database]:
    """An empty database on a server."""
    yield servers.setting(tmp_path)
    servers.forget()


@pytest.fixture
async def first(database: Database, tmp_path: Path, clock: FixedClock) -> Path:
    """An installation's first node."""
    new = replace(small_installation(tmp_path / "first", "supplier"), database=database)
    await create_installation(new, clock)
    return new.home


def _node(home: Path, database: Database, passphrase: Path, name: str = "line-2") -> NewNode:
    keys = Keys(passphrase_file=PASSPHRASE_FILE)
    return NewNode(home, NodeSettings(Node(name), ANY_PORT, database, keys), passphrase)


async def test_a_further_node_works_on_the_same_and_has_a_certificate_of_its_own(
    first: Path, database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    second = tmp_path / "second"
    await join_installation(_node(second, database, first / PASSPHRASE_FILE), clock)
    assert (second / PASSPHRASE_FILE).stat().st_mode & 0o777 == 0o600
    async with open_installation(first, clock) as one, open_installation(second, clock) as other:
        assert (await server_certificate(one)).chain[0] != (await server_certificate(other)).chain[0]
        await add_devices(one, "Example Supplier", "Pump", ["SN-1"])
        assert (await find_device(other, "SN-1")).product == "Pump"
        [joined] = await ledger_entries(other.store, "node.joined")
        assert joined["object"] == "node:line-2"


async def test_what_cannot_join_is_told_and_leaves_nothing(
    first: Path, database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    second, wrong = tmp_path / "second", tmp_path / "wrong"
    wrong.write_text("correct horse battery staple")
    wrong.chmod(0o600)
    taken = _node(second, database, first / PASSPHRASE_FILE, settings_of(first).node.name)
    elsewhere = Database(url=(database.url or "").replace("throwaway", "nowhere"))
    for new, words in (
        (taken, "There is a node 'supplier' already"),
        (_node(second, database, wrong), "passphrase"),
        (_node(second, elsewhere, first / PASSPHRASE_FILE), "refuses this node"),
    ):
        with pytest.raises((OperatorError, Unavailable), match=words):
            await join_installation(new, clock)
    assert not second.exists()
    async with open_installation(first, clock) as installation:
        assert await ledger_entries(installation.store, "node.joined") == []


async def test_a_database_without_an_installation_cannot_be_joined(
    database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse battery staple")
    passphrase.chmod(0o600)
    with pytest.raises(OperatorError, match="There is no installation in"):
        await join_installation(_node(tmp_path / "second", database, passphrase), clock)


async def test_a_database_holds_one_installation(
    first: Path, database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    new = replace(small_installation(tmp_path / "second", "operator"), database=database)
    with pytest.raises(OperatorError, match="holds an installation already"):
        await create_installation(new, clock)
    assert not new.home.exists()
    async with open_installation(first, clock):
        pass


async def test_an_installation_that_fails_half_way_leaves_an_empty_database(
    database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    new = replace(small_installation(tmp_path / "first", "supplier"), database=database)
    wrong = replace(new.factory, text=new.factory.text.replace("supplier.example", "x y"))
    broken = replace(new, factory=wrong)
    with pytest.raises(OperatorError):
        await create_installation(broken, clock)
    assert version_of(PostgreSQLServer(database.url or "")) == NONE
    await create_installation(new, clock)


async def test_a_password_is_read_from_its_file_and_from_nowhere_else(first: Path, clock: FixedClock) -> None:
    settings, password = first / "keyworks.toml", first / "database-password"
    settings.write_text(settings.read_text().replace("# password_file", "password_file"))
    with pytest.raises(OperatorError, match=r"database password file .* cannot be read"):
        async with open_installation(first, clock):
            pass
    password.write_text("tell nobody\n")
    password.chmod(0o644)
    with pytest.raises(OperatorError, match="Others can read the database password file"):
        async with open_installation(first, clock):
            pass
    password.chmod(0o600)
    async with open_installation(first, clock):
        pass


async def test_there_is_nothing_to_upgrade_on_a_fresh_server(first: Path, clock: FixedClock) -> None:
    done = await upgrade_installation(first, clock)
    assert done.before == done.now


async def test_a_server_that_is_not_there_is_told(tmp_path: Path, clock: FixedClock) -> None:
    away = Database(url=f"postgresql://keyworks@/keyworks?host={tmp_path}")
    new = replace(small_installation(tmp_path / "first", "supplier"), database=away)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await create_installation(new, clock)
    assert not new.home.exists()
