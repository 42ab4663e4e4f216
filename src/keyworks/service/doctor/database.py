"""The database: whether it is there, whole, durable, and of this release's version."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from keyworks.errors import DatabaseLost, KeyworksError
from keyworks.service.doctor.finding import Finding, error, info, ok, warning
from keyworks.service.installation import location_of
from keyworks.settings.node import NodeSettings
from keyworks.store.inspection import Inspection, inspect
from keyworks.store.location import SQLiteFile
from keyworks.store.migrate import check_version

if TYPE_CHECKING:
    from keyworks.store.postgresql.inspection import ServerInspection

_DURABLE = ("on", "remote_apply")


def examine_database(home: Path, settings: NodeSettings) -> Iterator[Finding]:
    """Look whether the database is whole, durable, and of this release's version."""
    try:
        location = location_of(home, settings.database)
        check_version(location)
        if isinstance(location, SQLiteFile):
            found = [judged(inspect(location.path))]
        else:
            from keyworks.store.postgresql.inspection import inspect_server

            found = list(judged_server(inspect_server(location)))
    except KeyworksError as refused:
        said = refused.detail
        if isinstance(refused, DatabaseLost):
            said = f"It cannot be reached or used: {' '.join(refused.private.split())}"
        yield error("database", said, "Nothing is issued or recorded until that is put right.")
        return
    yield from found


def judged_server(found: "ServerInspection") -> Iterator[Finding]:
    """Yield what it means how a database server is."""
    if found.recovering:
        yield error(
            "database",
            "The server is a standby: nothing can be written there.",
            "Name the primary in database.url, or several hosts with target_session_attrs=read-write.",
        )
    elif not (found.fsync and found.full_page_writes):
        yield error(
            "database",
            "The server's commits are not durable (fsync or full_page_writes is off): a power cut loses them.",
            "Turn both on in postgresql.conf.",
        )
    elif found.synchronous_commit not in _DURABLE:
        yield warning(
            "database",
            f"A commit does not wait for its standbys (synchronous_commit {found.synchronous_commit}).",
            "Take the setting out of the database and its roles: on is what is needed.",
        )
    elif not found.standbys:
        yield info(
            "database",
            f"PostgreSQL {found.version} is durable, and has no synchronous standby.",
            "With one (synchronous_standby_names), losing the server's disk loses nothing that was released.",
        )
    else:
        yield ok("database", f"PostgreSQL {found.version} is durable, and so are its standbys.")


def judged(found: Inspection) -> Finding:
    """Return what it means how a database is."""
    if found.faults:
        return error(
            "database",
            f"Its pages are damaged: {found.faults[0]}.",
            "Stop the server, keep a copy of the file, and restore the last backup.",
        )
    if found.synchronous not in ("full", "extra"):
        return error(
            "database",
            f"Commits are not durable (synchronous {found.synchronous}): a power cut loses what was released.",
            "This Python's SQLite was built to ignore what we set; use another one.",
        )
    if found.journal_mode != "wal":
        return info(
            "database",
            f"It is whole, of this release's version, and not in use since it was copied "
            f"(journal mode {found.journal_mode}).",
            "The server turns the write-ahead log on when it starts.",
        )
    return ok("database", "It is whole, of this release's version, and every commit is durable.")
