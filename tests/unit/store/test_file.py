"""The database's file: whether it is still the one that was opened, and why one cannot be opened."""

import os
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from keyworks.errors import OperatorError, Unavailable
from keyworks.store.engine import Transaction
from keyworks.store.file import DatabaseFile, check_exists, unusable
from keyworks.store.location import SQLiteFile
from keyworks.store.migrate import check_version
from keyworks.store.opening import open_store
from keyworks.testing import FixedClock, throwaway_store

NOBODY = 65534


def _nothing(_: Transaction, items: Sequence[None]) -> Sequence[None]:
    return items


def _replace(file: Path) -> None:
    """Restore a backup while the database is in use."""
    shutil.copy2(file, file.with_suffix(".copy"))
    file.with_suffix(".copy").replace(file)


def _move(file: Path) -> None:
    file.rename(file.with_suffix(".old"))


def _become_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


TAKEN_AWAY = (Path.unlink, _move, _replace, _become_a_folder)


@pytest.mark.parametrize("take_away", TAKEN_AWAY)
async def test_nothing_is_recorded_in_a_database_that_was_taken_away(
    tmp_path: Path, take_away: Callable[[Path], None]
) -> None:
    async with throwaway_store(tmp_path) as store:
        await store.write(_nothing, None)
        take_away(tmp_path / "throwaway.db")
        with pytest.raises(
            Unavailable, match=r"^The database is not available; the operator has to"
        ) as refused:
            await store.write(_nothing, None)
        assert str(tmp_path) in refused.value.private
        assert str(tmp_path) not in refused.value.detail


@pytest.mark.parametrize("take_away", TAKEN_AWAY)
async def test_nothing_is_read_from_a_database_that_was_taken_away(
    tmp_path: Path, take_away: Callable[[Path], None]
) -> None:
    async with throwaway_store(tmp_path) as store:
        take_away(tmp_path / "throwaway.db")
        with pytest.raises(Unavailable, match="not available"):
            await store.read(lambda _: None)


async def test_a_database_that_is_put_back_is_used_again(tmp_path: Path) -> None:
    file = tmp_path / "throwaway.db"
    async with throwaway_store(tmp_path) as store:
        _move(file)
        with pytest.raises(Unavailable):
            await store.write(_nothing, None)
        file.with_suffix(".old").rename(file)
        await store.write(_nothing, None)


async def test_the_path_stays_what_it_was_where_the_process_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with throwaway_store(tmp_path):
        pass
    monkeypatch.chdir(tmp_path)
    store = open_store(SQLiteFile(Path("throwaway.db")), FixedClock())
    monkeypatch.chdir("/")
    await store.write(_nothing, None)
    await store.close()


def test_a_missing_database_is_to_be_restored(tmp_path: Path) -> None:
    none = tmp_path / "none.db"
    for look in (check_exists, DatabaseFile, lambda path: check_version(SQLiteFile(path))):
        with pytest.raises(OperatorError, match=r"There is no database .* backup"):
            look(none)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "some.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    return file


@contextmanager
def _limited(octets: int) -> Iterator[None]:
    """Let nobody write longer files: what a full disk does, with another number."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_without_room_is_named_as_the_reason(database: Path) -> None:
    with _limited(0), pytest.raises(OperatorError, match=r"some\.db cannot be used: File too large\.$"):
        check_version(SQLiteFile(database))


@contextmanager
def _as_somebody_else() -> Iterator[None]:
    """Give up the rights of root, if the tests have them."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("closed", ["some.db", "."])
def test_missing_rights_are_named_as_the_reason(database: Path, closed: str) -> None:
    """The file's, or its folder's."""
    (database.parent / closed).chmod(0)
    with (
        _as_somebody_else(),
        pytest.raises(OperatorError, match=r"some\.db cannot be used: Permission denied\.$"),
    ):
        check_version(SQLiteFile(database))


def test_what_neither_the_system_nor_we_can_name_is_said_in_the_driver_s_words(database: Path) -> None:
    error = sqlite3.OperationalError("locking protocol")
    error.sqlite_errorcode = sqlite3.SQLITE_PROTOCOL
    assert unusable(database, error).detail.endswith("cannot be used: locking protocol.")
