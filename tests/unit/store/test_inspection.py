"""A look at a database as a whole."""

from pathlib import Path

import pytest

from keyworks.errors import KeyworksError
from keyworks.store.inspection import inspect
from keyworks.store.location import SQLiteFile
from keyworks.store.migrate import migrate
from keyworks.store.sqlite import connect


def test_a_fresh_database_is_whole_and_durable(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    migrate(SQLiteFile(file))
    connect(file).close()
    found = inspect(file)
    assert (found.journal_mode, found.synchronous, found.faults) == ("wal", "full", ())


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "text.db"
    file.write_text("no database" * 1000)
    with pytest.raises(KeyworksError):
        inspect(file)


def test_looking_changes_neither_the_file_nor_how_it_is_stored(tmp_path: Path) -> None:
    """A copy that SQLite makes is in another journal mode, and stays it."""
    file = tmp_path / "copy.db"
    migrate(SQLiteFile(file))
    before = file.read_bytes()
    assert inspect(file).journal_mode == "delete"
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
