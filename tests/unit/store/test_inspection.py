"""A look at a database as a whole."""

from pathlib import Path

import pytest

from keyworks.errors import KeyworksError
from keyworks.store.inspection import inspect
from keyworks.store.migrate import migrate


def test_a_fresh_database_is_whole_and_durable(tmp_path: Path) -> None:
    migrate(tmp_path / "new.db")
    found = inspect(tmp_path / "new.db")
    assert (found.journal_mode, found.synchronous, found.faults) == ("wal", "full", ())


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "text.db"
    file.write_text("no database" * 1000)
    with pytest.raises(KeyworksError):
        inspect(file)
