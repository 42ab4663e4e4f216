"""Upgrading: only what is ours, only forwards, and recorded."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from keyworks.errors import OperatorError
from keyworks.service.installation import open_installation
from keyworks.service.upgrade import Upgrade, upgrade_installation
from keyworks.store.migrate import HEAD
from keyworks.testing import FixedClock, ledger_entries


async def test_a_present_database_stays_as_it_is(supplier_home: Path) -> None:
    assert await upgrade_installation(supplier_home, FixedClock()) == Upgrade(HEAD, HEAD)
    async with open_installation(supplier_home, FixedClock()) as installation:
        assert await ledger_entries(installation.store, "installation.upgraded") == []


@pytest.mark.parametrize("octets", [None, b"", b"no database at all" * 100])
async def test_nothing_is_created_where_there_is_no_database_of_ours(
    supplier_home: Path, octets: bytes | None
) -> None:
    file = supplier_home / "keyworks.db"
    file.unlink()
    if octets is not None:
        file.write_bytes(octets)
    with pytest.raises(OperatorError):
        await upgrade_installation(supplier_home, FixedClock())
    assert (file.read_bytes() if file.exists() else None) == octets


async def test_a_newer_releases_database_is_not_touched(supplier_home: Path) -> None:
    with closing(sqlite3.connect(supplier_home / "keyworks.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    with pytest.raises(OperatorError, match="newer release"):
        await upgrade_installation(supplier_home, FixedClock())
