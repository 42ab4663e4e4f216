"""The database's file: whether it is still the one that was opened, and why one cannot be opened."""

import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Final

from keyworks.errors import KeyworksError, OperatorError, Unavailable

_PROBE_OCTETS: Final = 64 * 1024
"""More than what opening a database writes beside it."""

_NOT_OURS: Final = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
"""What asking a file for our tables ends in, where it is a foreign or a damaged one."""


class DatabaseFile:
    """Notices when another file, or none, is where the database was opened.

    A deleted file can be read and written for as long as somebody has it open. What is recorded in it is gone
    with the last process, and what is recorded in its successor (a revocation, for one) is never seen.

    Args:
        path: The database; it exists.

    Raises:
        OperatorError: It does not, or its folder cannot be looked into.
    """

    __slots__ = ("_device", "_inode", "_path")

    def __init__(self, path: Path) -> None:
        check_exists(path)
        self._path = os.fspath(path.absolute())
        found = os.stat(self._path)  # noqa: PTH116 - asked before every transaction: a Path costs as much again
        self._device, self._inode = found.st_dev, found.st_ino

    def check(self) -> None:
        """Refuse to go on if the file is no longer the one that was opened.

        Raises:
            Unavailable: It was deleted, moved or replaced.
        """
        try:
            found = os.stat(self._path)  # noqa: PTH116 - as above
        except OSError as error:
            raise self._lost(str(error.strerror)) from error
        if found.st_ino != self._inode or found.st_dev != self._device:
            raise self._lost(f"it is file {found.st_ino} on device {found.st_dev} now")

    def _lost(self, what: str) -> Unavailable:
        return Unavailable(
            "The database is not available; the operator has to look at it.",
            private=f"{self._path} is not the file that was opened, which was {self._inode} on device "
            f"{self._device}: {what}. Put the right file in its place and restart the server.",
        )


def check_exists(path: Path) -> None:
    """Refuse a path where no database is.

    Raises:
        OperatorError: There is none, or its folder cannot be looked into.
    """
    try:
        path.stat()
    except FileNotFoundError as error:
        raise OperatorError(
            f"There is no database {path}. Restore it from a backup; if it lies elsewhere, correct "
            "database.file in keyworks.toml."
        ) from error
    except OSError as error:
        raise OperatorError(f"The database {path} cannot be used: {error.strerror}.") from error


def unusable(path: Path, error: sqlite3.Error) -> KeyworksError:
    """Return why a database cannot be opened, with the operating system's own reason where there is one."""
    reason = _system_reason(path)
    if reason:
        return OperatorError(f"The database {path} cannot be used: {reason}.")
    if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _NOT_OURS:
        return OperatorError(f"{path} is no Keyworks database, or it is damaged; restore it from a backup.")
    return OperatorError(f"The database {path} cannot be used: {error}.")


def _system_reason(path: Path) -> str:
    """Do what opening does, and return what the system says to it; the driver keeps that to itself."""
    try:
        with path.open("r+b"):
            pass
        with tempfile.TemporaryFile(dir=path.parent, buffering=0) as probe:
            probe.write(bytes(_PROBE_OCTETS))
    except OSError as error:
        return error.strerror or str(error)
    return ""
