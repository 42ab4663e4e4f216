"""The machine: files, disk, processors, limits; all that can be said without opening the installation."""

import os
import resource
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from keyworks.errors import KeyworksError, OperatorError
from keyworks.service.doctor.finding import Finding, error, info, ok, warning
from keyworks.service.installation import passphrase_of
from keyworks.settings.node import NodeSettings
from keyworks.store.inspection import inspect
from keyworks.store.migrate import check_version

_LITTLE_SHARE: Final = 0.10
_LITTLE_OCTETS: Final = 1 << 30
_NO_OCTETS: Final = 100 * (1 << 20)
_LISTENERS: Final = 3


def examine_files(home: Path, settings: NodeSettings) -> Iterator[Finding]:
    """Look at who may read and write the installation's files."""
    database = home / settings.database.file
    secrets = [database, *(database.with_name(database.name + end) for end in ("-wal", "-shm"))]
    for file in (one for one in secrets if one.exists()):
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield warning("files", f"Others on this machine may open {file}.", f"Run: chmod 600 {file}")
            return
    if home.stat().st_mode & stat.S_IWOTH:
        yield error("files", f"Anybody on this machine may put files into {home}.", f"Run: chmod o-w {home}")
        return
    yield ok("files", "The database is open to its owner only.")


def examine_passphrase(home: Path, settings: NodeSettings) -> Iterator[Finding]:
    """Look whether the passphrase is there, and where it lies."""
    try:
        passphrase_of(home, settings.keys)
    except OperatorError as refused:
        yield error(
            "passphrase", refused.detail, "Without it nothing here can be signed; see keyworks.toml, [keys]."
        )
        return
    file = settings.keys.passphrase_file
    if file is not None and (home / file).resolve().parent == (home / settings.database.file).resolve().parent:
        yield info(
            "passphrase",
            "The passphrase lies beside the database that it opens.",
            "Keep backups of the two apart: whoever has both has every key.",
        )
        return
    yield ok("passphrase", "The passphrase is there, and not beside the database.")


def examine_database(home: Path, settings: NodeSettings) -> Iterator[Finding]:
    """Look whether the database is whole, durable, and of this release's version."""
    file = home / settings.database.file
    try:
        check_version(file)
        found = inspect(file)
    except KeyworksError as refused:
        yield error("database", refused.detail, "Nothing is issued or recorded until that is put right.")
        return
    if found.faults:
        yield error(
            "database",
            f"Its pages are damaged: {found.faults[0]}.",
            "Stop the server, keep a copy of the file, and restore the last backup.",
        )
    elif (found.journal_mode, found.synchronous) != ("wal", "full"):
        yield error(
            "database",
            f"Commits are not durable (journal {found.journal_mode}, synchronous {found.synchronous}).",
            "Move the database to a local disk with a usual file system.",
        )
    else:
        yield ok("database", "It is whole, of this release's version, and every commit is durable.")


def examine_disk(home: Path, settings: NodeSettings) -> Iterator[Finding]:
    """Look how much room is left where the database grows."""
    folder = (home / settings.database.file).parent
    usage = shutil.disk_usage(folder if folder.exists() else home)
    free = f"{usage.free / (1 << 30):.1f} GiB of {usage.total / (1 << 30):.1f} GiB are free"
    if usage.free < _NO_OCTETS:
        yield error("disk", f"The disk is full: {free}.", "Make room: a full disk stops the line.")
    elif usage.free < _LITTLE_OCTETS or usage.free < _LITTLE_SHARE * usage.total:
        yield warning("disk", f"Little room is left: {free}.", "Make room before the disk is full.")
    else:
        yield ok("disk", f"{free[0].upper()}{free[1:]}.")


def examine_workers(settings: NodeSettings) -> Iterator[Finding]:
    """Look whether there are as many workers as processors."""
    cores, workers = os.cpu_count() or 1, settings.node.worker_count
    if workers > 2 * cores:
        yield warning(
            "workers",
            f"{workers} workers share {cores} processors.",
            "Set node.workers to 0 in keyworks.toml: one per processor.",
        )
    elif workers < cores:
        yield info(
            "workers",
            f"{workers} workers on {cores} processors.",
            "node.workers = 0 in keyworks.toml uses all of them.",
        )
    else:
        yield ok("workers", f"{workers} workers on {cores} processors.")


def examine_limits(settings: NodeSettings) -> Iterator[Finding]:
    """Look whether the system lets as many connections be opened as the settings say."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.limits.max_connections * _LISTENERS
    if most != resource.RLIM_INFINITY and most < wanted:
        yield warning(
            "open files",
            f"The system lets a process open {most} files; {settings.limits.max_connections} connections on "
            f"each of {_LISTENERS} listeners need {wanted}, so each gets fewer.",
            "Raise the limit (LimitNOFILE= in the service's unit), or lower limits.max_connections.",
        )
    else:
        yield ok("open files", f"Enough files may be open for {wanted} connections.")
