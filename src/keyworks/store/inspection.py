"""A look at a database as a whole, for who looks after it."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keyworks.store.sqlite import connect_to_look, translated

_SYNCHRONOUS: Final = {0: "off", 1: "normal", 2: "full", 3: "extra"}
_MOST_FAULTS: Final = 5


@dataclass(frozen=True, slots=True)
class Inspection:
    """How a database is.

    Args:
        journal_mode: ``wal``, once it was opened for work.
        synchronous: ``full``, as every connection of ours sets it.
        faults: What the engine finds wrong in its pages, the first few.
    """

    journal_mode: str
    synchronous: str
    faults: tuple[str, ...]


def inspect(path: Path) -> Inspection:
    """Return how a database is; reads all of it, and changes nothing.

    Raises:
        KeyworksError: It cannot be opened or read.
    """
    try:
        with closing(connect_to_look(path)) as connection:
            [(mode,)] = connection.execute("PRAGMA journal_mode").fetchall()
            [(synchronous,)] = connection.execute("PRAGMA synchronous").fetchall()
            rows = connection.execute(f"PRAGMA quick_check({_MOST_FAULTS})").fetchall()
    except sqlite3.Error as error:
        raise translated(error) from error
    faults = tuple(str(row[0]) for row in rows if row[0] != "ok")
    return Inspection(str(mode), _SYNCHRONOUS.get(synchronous, str(synchronous)), faults)
