"""Statements: composed with Core, executed by the driver."""

import sqlite3
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, bindparam, insert, null, select, update

from keyworks.store.statement import Statement

_thing = Table("thing", MetaData(), Column("id", Integer, primary_key=True), Column("name", Text))


@pytest.fixture
def connection() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT)")
    connection.executemany("INSERT INTO thing VALUES (?, ?)", [(1, "one"), (2, "two"), (3, "three")])
    return connection


def _run(connection: sqlite3.Connection, statement: Statement, parameters: Mapping[str, Any]) -> list[Any]:
    found = connection.execute(statement.sqlite.text, statement.sqlite.bind(parameters)).fetchall()
    connection.close()
    return found


def test_named_parameters_are_bound(connection: sqlite3.Connection) -> None:
    statement = Statement(select(_thing.c.name).where(_thing.c.id == bindparam("wanted")))
    assert _run(connection, statement, {"wanted": 2}) == [("two",)]


def test_values_written_into_the_construct_are_bound_too(connection: sqlite3.Connection) -> None:
    statement = Statement(select(_thing.c.name).where(_thing.c.id > bindparam("above")).limit(1))
    assert _run(connection, statement, {"above": 1}) == [("two",)]


def test_a_construct_without_values_binds_what_it_is_given_untouched() -> None:
    parameters = {"id": 4, "name": "four"}
    assert Statement(insert(_thing)).sqlite.bind(parameters) is parameters


def test_null_is_written_into_the_sql(connection: sqlite3.Connection) -> None:
    statement = Statement(update(_thing).values(name=null()).returning(_thing.c.name))
    assert _run(connection, statement, {}) == [(None,)] * 3


def test_a_forgotten_parameter_is_refused(connection: sqlite3.Connection) -> None:
    statement = Statement(select(_thing.c.name).where(_thing.c.id == bindparam("wanted")))
    with pytest.raises(sqlite3.ProgrammingError):
        _run(connection, statement, {"other": 2})
    connection.close()


def test_what_is_bound_is_never_sql(connection: sqlite3.Connection) -> None:
    statement = Statement(select(_thing.c.id).where(_thing.c.name == bindparam("name")))
    assert _run(connection, statement, {"name": "x' OR '1'='1"}) == []


def test_a_statement_is_compiled_once() -> None:
    statement = Statement(select(_thing.c.name))
    assert statement.sqlite is statement.sqlite
