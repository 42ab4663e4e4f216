"""The whole examination: a broken installation is a finding."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from keyworks.service.doctor.examination import examine
from keyworks.service.doctor.finding import Finding
from keyworks.service.installation import open_installation
from keyworks.service.ledger import place_waiting
from keyworks.testing import FixedClock

pytestmark = pytest.mark.file

Break = Callable[[Path], object]


def _errors(found: list[Finding]) -> dict[str, str]:
    return {one.check: one.sentence for one in found if one.level == "error"}


def _sql(statement: str) -> Break:
    def change(home: Path) -> None:
        with closing(sqlite3.connect(home / "keyworks.db")) as connection:
            connection.execute(statement)
            connection.commit()

    return change


def _folder_instead_of(name: str) -> Break:
    def change(home: Path) -> None:
        (home / name).unlink()
        (home / name).mkdir()

    return change


def _text(name: str, text: str) -> Break:
    return lambda home: (home / name).write_text(text)


BROKEN: dict[str, tuple[Break, str, str]] = {
    "no installation": (shutil.rmtree, "settings", "no Keyworks installation"),
    "a wrong setting": (_text("keyworks.toml", "[node]\nnaem = 1\n"), "settings", "keyworks.toml:2"),
    "a folder for settings": (_folder_instead_of("keyworks.toml"), "settings", "cannot be read"),
    "no passphrase": (lambda home: (home / "passphrase").unlink(), "passphrase", "No such file"),
    "a folder for a passphrase": (_folder_instead_of("passphrase"), "passphrase", "cannot be read"),
    "another passphrase": (
        _text("passphrase", "not-the-right-one\n"),
        "installation",
        "does not open this key",
    ),
    "no database": (lambda home: (home / "keyworks.db").unlink(), "database", "There is no database"),
    "a folder for a database": (_folder_instead_of("keyworks.db"), "database", "cannot be used"),
    "an empty database": (_text("keyworks.db", ""), "database", "no Keyworks database"),
    "another program's": (_text("keyworks.db", "text" * 2000), "database", "no Keyworks database"),
    "another release's": (_sql("UPDATE alembic_version SET version_num = '9999'"), "database", "version 9999"),
    "a table less": (_sql("DROP TABLE tree_head"), "ledger", "refused a statement"),
    "no keys": (_sql("DELETE FROM master_key"), "installation", "has no keys yet"),
    "a lost key": (_sql("DELETE FROM sealed_key WHERE purpose = 'ca'"), "key of root", "not in the key store"),
    "a damaged key": (
        _sql("UPDATE sealed_key SET sealed = x'00' WHERE purpose = 'ca'"),
        "key of issuing",
        "does not open",
    ),
    "the ledger's key": (_sql("UPDATE sealed_key SET sealed = x'00'"), "ledger", "does not open"),
    "the server's key": (_sql("DELETE FROM sealed_key WHERE purpose = 'tls'"), "server certificate", "is gone"),
    "a certificate that is none": (
        _sql("UPDATE generation SET der = x'30820100'"),
        "authorities",
        "is malformed",
    ),
    "an unknown profile": (_sql("UPDATE authority SET profile = 'x'"), "authorities", "cannot be examined"),
    "an issuer that did not issue": (
        _sql(
            "UPDATE generation SET parent_id = (SELECT other.id FROM generation AS other JOIN authority "
            "ON authority.id = other.authority_id WHERE name = 'idevid-root') WHERE parent_id IS NOT NULL"
        ),
        "authority issuing",
        "Nobody can verify what it issues.",
    ),
    "a tree of another size": (
        _sql("UPDATE tree_head SET size = size + 1"),
        "ledger",
        "its last checkpoint states",
    ),
    "another ledger's checkpoint": (
        _sql("UPDATE checkpoint SET note = replace(note, 'keyworks', 'keywork5')"),
        "ledger",
        "The checkpoint is of 'keywork5",
    ),
}


@pytest.fixture
def home(supplier_home: Path, clock: FixedClock) -> Path:
    """An installation whose entries have their places."""

    async def place() -> None:
        async with open_installation(supplier_home, clock) as installation:
            await place_waiting(installation)

    asyncio.run(place())
    return supplier_home


@pytest.mark.parametrize("name", BROKEN)
async def test_whatever_is_broken_is_found_and_the_rest_is_looked_at(
    home: Path, clock: FixedClock, name: str
) -> None:
    """The finding is the answer, never an exception; each says what to do."""
    spoil, check, sentence = BROKEN[name]
    spoil(home)
    found = await examine(home, clock)
    errors = _errors(found)
    assert sentence in errors[check], errors
    assert all(one.remedy for one in found if one.level in ("warning", "error"))
    assert check == "settings" or {"disk", "workers", "listen.console"} <= {one.check for one in found}


async def test_everything_is_looked_at_and_nothing_is_changed(supplier_home: Path, clock: FixedClock) -> None:
    before = {file.name: file.read_bytes() for file in supplier_home.iterdir()}
    found = await examine(supplier_home, clock)
    assert _errors(found) == {}
    checks = {one.check.split()[0] for one in found}
    assert checks >= {"settings", "files", "passphrase", "database", "disk", "file", "workers", "open", "clock"}
    assert checks >= {"authority", "key", "server", "ledger", "listen.enrollment", "publication"}
    assert {file.name: file.read_bytes() for file in supplier_home.iterdir()} == before


async def test_a_restored_copy_is_not_made_ready_but_said_to_be_one(
    supplier_home: Path, clock: FixedClock
) -> None:
    """A copy that SQLite makes is in another journal mode until it is opened for work."""
    file = supplier_home / "keyworks.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    before = file.read_bytes()
    found = {one.check: one for one in await examine(supplier_home, clock)}
    assert (found["database"].level, "journal mode delete" in found["database"].sentence) == ("info", True)
    assert file.read_bytes() == before


async def test_a_clock_that_was_never_set_is_told_whatever_else_is_broken(tmp_path: Path) -> None:
    errors = _errors(await examine(tmp_path, FixedClock(0)))
    assert list(errors) == ["settings", "clock"]
