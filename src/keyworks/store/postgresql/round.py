"""Code that travels together: each step of all that take one costs one journey to the server."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, TypeVar

import psycopg
from greenlet import greenlet

from keyworks.errors import InternalError
from keyworks.store.engine import NO_PARAMETERS, Transaction
from keyworks.store.postgresql.connection import Connection
from keyworks.store.statement import Statement
from keyworks.store.switching import ask

_T = TypeVar("_T")


@dataclass(slots=True, eq=False)
class Query:
    """A submitted read, until it is answered.

    Args:
        query: What reads.
        futures: Of all who asked for it.
        answered: Whether they have their answer.
    """

    query: Callable[[Transaction], Any]
    futures: list["asyncio.Future[Any]"] = field(default_factory=list)
    answered: bool = False

    def end(self, result: Any, error: Exception | None) -> None:
        """Give the answer to all who wait for it."""
        self.answered = True
        for one in self.futures:
            if one.done():
                continue
            if error is not None:
                one.set_exception(error)
            else:
                one.set_result(result)


@dataclass(slots=True, eq=False)
class _Traveller:
    """One piece of code on the way.

    Args:
        task: Runs it.
        ended: Called with what it returned, or raised.
        text: The SQL that it waits for; empty once it has ended.
        parameters: Of that SQL.
    """

    task: Any
    ended: Callable[[Any, Exception | None], None]
    text: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def go_on(self, *answer: Any) -> None:
        """Run until something is asked for, or the end."""
        try:
            found = self.task.switch(*answer)
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits for the end gets it
            self.text = ""
            self.ended(None, error)
            return
        if self.task.dead:
            self.text = ""
            self.ended(found, None)
        else:
            self.text, self.parameters = found


class _SharedTransaction(Transaction):
    """What a traveller works with."""

    __slots__ = ()

    def execute(
        self, statement: Statement, parameters: Mapping[str, Any] = NO_PARAMETERS
    ) -> list[tuple[Any, ...]]:
        """Execute one statement and return all its rows."""
        compiled = statement.postgresql
        rows: list[tuple[Any, ...]] = ask((compiled.text, compiled.bind(parameters)))
        return rows

    def execute_many(self, _statement: Statement, _rows: Sequence[Mapping[str, Any]]) -> None:
        """Refuse: whoever travels with others takes one step at a time."""
        raise InternalError("What runs together with others executes statements one by one.")

    def together(self, work: Callable[[Transaction, Any], _T], items: Sequence[Any]) -> list[_T]:
        """Do it one after the other: this is together with others already."""
        return [work(self, item) for item in items]


_SHARED: Final = _SharedTransaction()


def run_round(connection: Connection, asked: Sequence[Query]) -> None:
    """Answer queries from one snapshot.

    Args:
        connection: For looking only, and of nobody else meanwhile.
        asked: Answered ones among them are left out.

    Raises:
        psycopg.Error: The server refuses a step of one of them; those that ended before are answered.
    """
    travellers = [_Traveller(greenlet(one.query), one.end) for one in asked if not one.answered]
    for one in travellers:
        one.go_on(_SHARED)
    with connection.pipeline():
        _travel(connection, travellers)


def run_together(
    connection: Connection, work: Callable[[Transaction, Any], _T], items: Sequence[Any]
) -> list[_T]:
    """Return what ``work`` returns for each item, within the connection's transaction.

    Raises:
        Exception: What it raises for one of them.
        psycopg.Error: The server refuses a step.
    """
    found: list[Any] = [None] * len(items)
    failures: list[Exception] = []

    def ending(place: int) -> Callable[[Any, Exception | None], None]:
        def ended(result: Any, error: Exception | None) -> None:
            found[place] = result
            if error is not None:
                failures.append(error)

        return ended

    travellers = [_Traveller(greenlet(work), ending(place)) for place in range(len(items))]
    for one, item in zip(travellers, items, strict=True):
        one.go_on(_SHARED, item)
    with connection.pipeline():
        _travel(connection, travellers)
    if failures:
        raise failures[0]
    return found


def _travel(connection: Connection, travellers: Sequence[_Traveller]) -> None:
    """Take all to their ends; those that ask for the same are asked for in one go."""
    while waiting := [one for one in travellers if one.text]:
        steps = []
        for text, group in groupby(waiting, lambda one: one.text):
            same = list(group)
            cursor = connection.cursor(binary=True)
            if len(same) == 1:
                cursor.execute(text, same[0].parameters)
            else:
                cursor.executemany(text, [one.parameters for one in same], returning=True)
            steps.append((cursor, same))
        for cursor, same in steps:
            for one in same:
                one.go_on(_rows(cursor))
                cursor.nextset()


def _rows(cursor: "psycopg.Cursor[tuple[Any, ...]]") -> list[tuple[Any, ...]]:
    """Return what a step found; the first one asked for fetches the answers to all."""
    try:
        return cursor.fetchall()
    except psycopg.ProgrammingError as error:
        if error.sqlstate is not None:
            raise
        return []  # a statement without rows
