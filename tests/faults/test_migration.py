"""Killed in an upgrade: the database has one version or the other, and the next upgrade finishes the rest."""

import asyncio
import itertools
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg
import pytest

from keyworks.devices.records import DeviceFilter
from keyworks.ledger.checkpoint import NoteKey
from keyworks.ledger.export import Trust, verify_export
from keyworks.server.running import PROGRAM
from keyworks.service.installation import Installation, open_installation
from keyworks.service.inventory import add_devices, devices
from keyworks.service.ledger import export_ledger
from keyworks.service.policy.history import versions
from keyworks.service.setup import create_installation
from keyworks.service.tables import TABLES
from keyworks.store.location import SQLiteFile
from keyworks.store.migrate import HEAD, version_of
from keyworks.testing import ledger_entries, small_installation
from keyworks.testing.postgresql import Cluster
from tests.faults.crashing import IN_MIGRATION, crashing

FORMER: Final = Path(__file__).parents[1] / "vectors" / "schema-0001"
KILLED: Final = -9
LEDGER: Final = ("entry", "tree_head", "checkpoint", "clock_mark", "writer_mark")
MOVED: Final = [one.name for one in TABLES if one.name not in LEDGER]
"""Tables in which a move changes nothing, as it does in the ledger."""


def _former(home: Path) -> Path:
    """Make an installation of the first release."""
    home.mkdir()
    for name in ("keyworks.toml", "passphrase"):
        shutil.copy(FORMER / name, home)
    (home / "passphrase").chmod(0o600)
    with closing(sqlite3.connect(home / "keyworks.db")) as database:
        database.executescript((FORMER / "keyworks.sql").read_text())
    return home


def _upgrade(program: tuple[str, ...], home: Path) -> int:
    command = [*program, "--home", str(home), "upgrade"]
    return subprocess.run(command, check=False, timeout=60, capture_output=True).returncode


async def _check(home: Path, folder: Path) -> None:
    async with open_installation(home) as installation:
        await _check_history(installation)
        await export_ledger(installation, folder)
    key = NoteKey.parse((FORMER / "key").read_text())
    verified = verify_export(folder, Trust(key, (FORMER / "checkpoint").read_text()))
    assert (verified.signed, verified.continues) == (True, 30)


async def _check_history(installation: Installation) -> None:
    [entry] = await ledger_entries(installation.store, "installation.upgraded")
    assert entry["detail"] == {"from": "0001", "to": HEAD}
    assert [one.what for one in await versions(installation)] == ["upgrade"]


def test_an_upgrade_that_is_killed_in_a_migration_changes_nothing(tmp_path: Path, kills: int) -> None:
    """Before each so-manieth statement, until there are no more."""
    step = max(1, 200 // kills)
    for turn in itertools.count():
        home = _former(tmp_path / str(turn))
        _, program = crashing(IN_MIGRATION, 1 + turn * step, 1, tmp_path / f"crashing-{turn}")
        if _upgrade(program, home) != KILLED:
            break
        assert version_of(SQLiteFile(home / "keyworks.db")) == "0001"
        assert _upgrade(PROGRAM, home) == 0
        asyncio.run(_check(home, tmp_path / f"ledger-{turn}"))
        shutil.rmtree(home)
    assert turn * step > 30


@pytest.mark.parametrize("point", ["before commit", "after commit"])
def test_an_upgrade_that_is_killed_after_its_migrations_is_finished_by_the_next(
    tmp_path: Path, point: str
) -> None:
    for turn in itertools.count(1):
        home = _former(tmp_path / str(turn))
        _, program = crashing(point, turn, 1, tmp_path / f"crashing-{turn}")
        if _upgrade(program, home) != KILLED:
            break
        assert version_of(SQLiteFile(home / "keyworks.db")) == HEAD
        assert _upgrade(PROGRAM, home) == 0
        asyncio.run(_check(home, tmp_path / f"ledger-{turn}"))
    assert turn > 1


@pytest.mark.parametrize(
    ("point", "every"),
    [(IN_MIGRATION, 20), ("before commit", 1), ("after commit", 1), ("after commit", 4), ("after sign", 2)],
)
def test_what_an_init_that_is_killed_has_left_stands_in_no_other_one_s_way(
    cluster: Cluster, tmp_path: Path, point: str, every: int
) -> None:
    _, program = crashing(point, every, 1, tmp_path / "crashing")
    words = [
        "--preset",
        "operator",
        "--organization",
        "Example Plant",
        "--publication-url",
        "http://pki.example",
    ]
    init = ["init", str(tmp_path / "plant"), *words, "--database", cluster.url("keyworks")]
    killed = subprocess.run([*program, *init], check=False, timeout=60, capture_output=True, text=True)
    assert killed.returncode == KILLED, killed.stderr
    again = subprocess.run([*PROGRAM, *init], check=False, timeout=60, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("Created the installation")


@pytest.mark.parametrize(
    ("point", "every"), [(IN_MIGRATION, 20), ("before commit", 1), ("after commit", 1), ("after commit", 2)]
)
def test_a_move_that_is_killed_is_done_by_the_next_one(
    cluster: Cluster, tmp_path: Path, point: str, every: int
) -> None:
    """Until the end the installation works in its file, and what happens there meanwhile is not lost."""
    home = tmp_path / "plant"
    asyncio.run(create_installation(small_installation(home, "operator")))
    _, program = crashing(point, every, 1, tmp_path / "crashing")
    move = ["--home", str(home), "store", "move", cluster.url("keyworks")]
    killed = subprocess.run([*program, *move], check=False, timeout=60, capture_output=True, text=True)
    assert killed.returncode == KILLED, killed.stderr
    asyncio.run(_register(home, "SN-1"))
    with closing(sqlite3.connect(home / "keyworks.db")) as file:
        before = {one: sorted(file.execute(f"SELECT * FROM {one}").fetchall()) for one in MOVED}  # noqa: S608
    again = subprocess.run([*PROGRAM, *move], check=False, timeout=60, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    with closing(psycopg.connect(cluster.url("keyworks"))) as server:
        after = {one: sorted(server.execute(f"SELECT * FROM {one}").fetchall()) for one in MOVED}  # noqa: S608
    assert after == before
    assert sum(map(bool, before.values())) > 10
    asyncio.run(_register(home, "SN-2"))
    assert asyncio.run(_registered(home)) == ["SN-1", "SN-2"]


def test_a_copy_that_was_used_is_not_taken_for_what_a_killed_move_has_left(
    cluster: Cluster, tmp_path: Path
) -> None:
    """An old file that comes back, from a backup, is not moved over what has happened on the server since."""
    home, former = tmp_path / "plant", tmp_path / "former"
    asyncio.run(create_installation(small_installation(home, "operator")))
    shutil.copytree(home, former)
    move = ["store", "move", cluster.url("keyworks")]
    assert subprocess.run([*PROGRAM, "--home", str(home), *move], check=False, timeout=60).returncode == 0
    asyncio.run(_register(home, "SN-1"))
    again = subprocess.run(
        [*PROGRAM, "--home", str(former), *move], check=False, timeout=60, capture_output=True, text=True
    )
    assert "holds an installation already" in again.stderr
    assert asyncio.run(_registered(home)) == ["SN-1"]


async def _register(home: Path, serial_number: str) -> None:
    async with open_installation(home) as installation:
        await add_devices(installation, "Maker", "Drive", [serial_number])


async def _registered(home: Path) -> list[str]:
    async with open_installation(home) as installation:
        return [one.serial_number for one in await devices(installation, DeviceFilter())]
