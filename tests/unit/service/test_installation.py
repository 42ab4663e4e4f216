"""Opening an installation."""

import os
import pwd
import sqlite3
from pathlib import Path

import pytest

from keyworks.errors import OperatorError, Unavailable
from keyworks.service.channels import enable_channel, list_channels
from keyworks.service.installation import Installation, open_installation, settings_of
from keyworks.testing import FixedClock


async def _open(home: Path) -> None:
    async with open_installation(home, FixedClock()):
        pass


async def test_a_folder_without_an_installation_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"no Keyworks installation in .*keyworks init"):
        await _open(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_settings_are_the_files(supplier_home: Path) -> None:
    assert settings_of(supplier_home).node.name == "supplier"


@pytest.mark.file
async def test_a_missing_database_is_told_and_not_created(supplier_home: Path) -> None:
    (supplier_home / "keyworks.db").unlink()
    with pytest.raises(OperatorError, match="There is no database"):
        await _open(supplier_home)
    assert not (supplier_home / "keyworks.db").exists()


@pytest.mark.file
async def test_a_database_of_another_release_is_told(supplier_home: Path) -> None:
    with sqlite3.connect(supplier_home / "keyworks.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()
    with pytest.raises(OperatorError, match="keyworks upgrade"):
        await _open(supplier_home)


async def test_a_wrong_passphrase_is_told(supplier_home: Path) -> None:
    (supplier_home / "passphrase").write_text("correct horse battery staple")
    with pytest.raises(OperatorError, match="passphrase does not open"):
        await _open(supplier_home)


async def test_a_passphrase_that_others_can_read_is_told(supplier_home: Path) -> None:
    (supplier_home / "passphrase").chmod(0o644)
    with pytest.raises(OperatorError, match="chmod 600"):
        await _open(supplier_home)


async def test_an_installation_is_closed_however_it_is_left(supplier_home: Path) -> None:
    opened: list[Installation] = []

    async def fail() -> None:
        async with open_installation(supplier_home, FixedClock()) as installation:
            opened.append(installation)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    with pytest.raises(Unavailable, match="closed"):
        await opened[0].registers.current()


async def test_the_operator_is_whom_the_system_says_not_the_environment(
    supplier: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "somebody-else")
    account = pwd.getpwuid(os.getuid()).pw_name
    assert (supplier.operator.actor, supplier.operator.source) == (f"operator:{account}", "local")


async def test_an_operator_without_an_account_is_a_number(
    supplier: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers run as users that no passwd file names."""
    monkeypatch.setattr(os, "getuid", lambda: 1_234_567_890)
    assert supplier.operator.actor == "operator:uid-1234567890"


async def test_what_is_opened_for_looking_records_nothing(supplier_home: Path) -> None:
    before = {file.name: file.read_bytes() for file in supplier_home.iterdir()}
    async with open_installation(supplier_home, FixedClock(), looks=True) as installation:
        assert await list_channels(installation)
        with pytest.raises(Unavailable):
            await enable_channel(installation, "idevid", enabled=False)
    assert {file.name: file.read_bytes() for file in supplier_home.iterdir()} == before
