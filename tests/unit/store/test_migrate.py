"""The schema's versions."""

import re
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import upgrade
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, create_engine
from sqlalchemy.schema import CreateIndex

import keyworks.store.migrate
from keyworks.errors import InternalError, OperatorError
from keyworks.service.tables import ROOMS, TABLES
from keyworks.store.location import SQLiteFile
from keyworks.store.migrate import HEAD, check_version, migrate, version_of
from keyworks.store.schema import metadata


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "migrated.db"
    migrate(SQLiteFile(file))
    return file


def _set_version(file: Path, version: str) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    connection.close()


def _tables(file: Path) -> list[str]:
    connection = sqlite3.connect(file)
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    return [name for (name,) in found]


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_the_versions_make_what_the_rooms_declare(file: Path) -> None:
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
        # Indexes of expressions are compared by their words, as reflection cannot read them.
        found = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '%lower(%'"
        )
        assert [re.sub(r"\s+", " ", sql) for (sql,) in found] == [
            str(CreateIndex(index).compile(engine))
            for table in metadata.tables.values()
            for index in table.indexes
            if any(not isinstance(one, Column) for one in index.expressions)
        ]
    engine.dispose()


def test_every_room_declares_its_tables_where_the_versions_look() -> None:
    """A room with a ``records.py`` that this test does not import would go unnoticed above."""
    source = Path(keyworks.store.migrate.__file__).parents[1]
    rooms = {file.parent.relative_to(source).parts for file in source.rglob("records.py")}
    assert rooms | {("store",)} == {tuple(room.__name__.split(".")[1:-1]) for room in ROOMS}
    assert {one.name for one in TABLES} == set(metadata.tables)


def test_the_code_works_with_the_newest_version() -> None:
    config = Config()
    config.set_main_option(
        "script_location", str(Path(keyworks.store.migrate.__file__).with_name("migrations"))
    )
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_migrated_database_is_of_the_right_version(file: Path) -> None:
    check_version(SQLiteFile(file))
    migrate(SQLiteFile(file))
    check_version(SQLiteFile(file))


def test_a_path_may_hold_any_characters(tmp_path: Path) -> None:
    folder = tmp_path / "50% of #1?x=y"
    folder.mkdir()
    migrate(SQLiteFile(folder / "a b.db"))
    check_version(SQLiteFile(folder / "a b.db"))


def test_a_station_of_an_earlier_version_becomes_an_account(tmp_path: Path) -> None:
    file = tmp_path / "earlier.db"
    engine = create_engine(f"sqlite:///{file}")
    config = Config()
    config.set_main_option(
        "script_location", str(Path(keyworks.store.migrate.__file__).with_name("migrations"))
    )
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        upgrade(config, "0002")
        connection.exec_driver_sql("INSERT INTO station VALUES ('id', 'line-1', 0, 7)")
        connection.exec_driver_sql("INSERT INTO station_channel VALUES ('id', 'idevid')")
    engine.dispose()
    migrate(SQLiteFile(file))
    reading = sqlite3.connect(file)
    rows = reading.execute("SELECT id, name, kind, active, names, site, created_at FROM account").fetchall()
    channels = reading.execute("SELECT * FROM account_channel").fetchall()
    reading.close()
    assert (rows, channels) == ([("id", "line-1", "station", 0, "{}", None, 7)], [("id", "idevid")])


def test_a_failing_step_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE tile (unlike TEXT)")
    connection.close()
    with pytest.raises(InternalError):
        migrate(SQLiteFile(file))
    assert _tables(file) == ["tile"]


@pytest.mark.parametrize("version", ["0000", "9999"])
def test_another_version_is_refused_by_both_numbers(file: Path, version: str) -> None:
    _set_version(file, version)
    with pytest.raises(OperatorError, match=rf"{version}.*works with {HEAD}"):
        check_version(SQLiteFile(file))


def test_a_database_of_a_newer_release_is_not_migrated(file: Path) -> None:
    _set_version(file, "9999")
    with pytest.raises(OperatorError, match="newer release"):
        migrate(SQLiteFile(file))
    assert version_of(SQLiteFile(file)) == "9999"


def test_a_database_without_a_version_is_refused(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM alembic_version")
    connection.close()
    with pytest.raises(OperatorError, match="schema version none"):
        check_version(SQLiteFile(file))


def test_a_missing_database_is_refused_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="There is no database"):
        check_version(SQLiteFile(tmp_path / "none.db"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("octets", [b"", b"SQLite format 3\0" + b"\xa5" * 5000, b"text" * 1000])
def test_a_file_that_is_no_database_of_ours_is_refused(tmp_path: Path, octets: bytes) -> None:
    file = tmp_path / "foreign.db"
    file.write_bytes(octets)
    with pytest.raises(OperatorError, match="no Keyworks database"):
        check_version(SQLiteFile(file))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="Is a directory"):
        check_version(SQLiteFile(tmp_path))


def test_a_file_that_is_no_database_is_not_migrated(tmp_path: Path) -> None:
    file = tmp_path / "text.db"
    file.write_bytes(b"text" * 1000)
    with pytest.raises(OperatorError, match="is no database"):
        migrate(SQLiteFile(file))
    assert file.read_bytes() == b"text" * 1000
