"""The machine: clock, disk, processors, limits."""

import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from keyworks.service.doctor.finding import Finding, error, info, ok, warning
from keyworks.settings.node import NodeSettings
from keyworks.x509.certificate import time_text

_LITTLE_SHARE: Final = 0.10
_LITTLE_OCTETS: Final = 1 << 30
_NO_OCTETS: Final = 100 * (1 << 20)
_FEW_FILES: Final = 1000
_LARGE_LOG_OCTETS: Final = 1 << 28
LISTENERS: Final = 3
RESERVED_FILES: Final = 64
"""As ``server/places.py`` has it: for the database, the log and what the libraries open."""

EARLIEST: Final = 1_750_000_000
LATEST: Final = 4_000_000_000
"""Years 2025 and 2096: outside of them a clock was never set, or is broken."""

_MOUNTS: Final = Path("/proc/self/mountinfo")
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_SHARED: Final = ("nfs", "cifs", "smb", "9p", "ceph", "gluster", "fuse.sshfs", "afs", "lustre", "virtiofs")
_NO_BARRIERS: Final = frozenset({"nobarrier", "barrier=0"})


def examine_clock(at: int) -> Iterator[Finding]:
    """Look whether the clock can be right at all; against the records it is looked at inside."""
    if not EARLIEST < at < LATEST:
        yield error("clock", f"The clock says {_year(at)}.", "Set the clock, and let NTP keep it.")


def _year(at: int) -> str:
    try:
        return time_text(at)
    except (OverflowError, ValueError, OSError):
        return f"{at} seconds since 1970"


def examine_disk(home: Path, settings: NodeSettings) -> Iterator[Finding]:
    """Look how much room is left where the database grows, and whether its log does not grow."""
    database = home / settings.database.file
    folder = database.parent if database.parent.exists() else home
    usage, files = shutil.disk_usage(folder), os.statvfs(folder)
    free = f"{usage.free / (1 << 30):.1f} GiB of {usage.total / (1 << 30):.1f} GiB are free"
    if usage.free < _NO_OCTETS:
        yield error("disk", f"The disk is full: {free}.", "Make room: a full disk stops the line.")
    elif usage.free < _LITTLE_OCTETS or usage.free < _LITTLE_SHARE * usage.total:
        yield warning("disk", f"Little room is left: {free}.", "Make room before the disk is full.")
    elif files.f_files and files.f_favail < _FEW_FILES:
        yield warning("disk", f"Only {files.f_favail} further files can be made there.", "Remove some.")
    else:
        yield ok("disk", f"{free[0].upper()}{free[1:]}.")
    log = database.with_name(f"{database.name}-wal")
    if log.exists() and (octets := log.stat().st_size) > _LARGE_LOG_OCTETS:
        yield warning(
            "disk",
            f"{log} has grown to {octets >> 20} MiB.",
            "Some program keeps reading the database; end it, or stop the server once in good order.",
        )


def examine_file_system(home: Path, settings: NodeSettings) -> Iterator[Finding]:
    """Look whether what is written where the database lies can outlive a power cut."""
    database = (home / settings.database.file).resolve()
    kind, options = mount_of(database.parent, _MOUNTS.read_text(encoding="utf-8", errors="replace"))
    if kind in _IN_MEMORY:
        yield warning(
            "file system",
            f"The database lies in memory ({kind}): at the next start of this machine everything is gone.",
            "Move the installation to a disk.",
        )
    elif kind.startswith(_SHARED):
        yield warning(
            "file system",
            f"The database lies on a file system over the network ({kind}), whose locks SQLite cannot rely on.",
            "Move the database to a local disk.",
        )
    elif _NO_BARRIERS & options:
        yield warning(
            "file system",
            f"Mounted with {', '.join(sorted(_NO_BARRIERS & options))}: power cuts lose what was released.",
            "Mount it without that option.",
        )
    else:
        yield ok("file system", f"The database lies on {kind or 'a file system that is not named'}.")


def mount_of(folder: Path, mounts: str) -> tuple[str, frozenset[str]]:
    """Return kind and options of the file system of a folder.

    Args:
        folder: Absolute, without links.
        mounts: As ``/proc/self/mountinfo`` lists them; of two at one place, the later one counts.
    """
    found: tuple[int, str, frozenset[str]] = (-1, "", frozenset())
    for line in mounts.splitlines():
        about, _, rest = line.partition(" - ")
        fields, (kind, _, options) = about.split(), rest.split(" ", 2)
        place = Path(fields[4].encode().decode("unicode_escape"))  # a blank is written \040
        if folder.is_relative_to(place) and len(place.parts) >= found[0]:
            found = (len(place.parts), kind, frozenset((*fields[5].split(","), *options.split(","))))
    return found[1], found[2]


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
    wanted = settings.limits.max_connections * LISTENERS + RESERVED_FILES
    if most != resource.RLIM_INFINITY and most < wanted:
        yield warning(
            "open files",
            f"The system lets a process open {most} files; {settings.limits.max_connections} connections on "
            f"each of {LISTENERS} listeners need {wanted}, so each gets fewer.",
            "Raise the limit (LimitNOFILE= in the service's unit), or lower limits.max_connections.",
        )
    else:
        yield ok("open files", f"Enough files may be open for {wanted - RESERVED_FILES} connections.")
