"""The folder of an installation's node while it is made: beside its place, and there only once it is whole."""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from keyworks.errors import OperatorError
from keyworks.service.installation import SETTINGS_FILE
from keyworks.settings.node import NodeSettings, render_node_settings
from keyworks.store.durable import sync_folder, write_new_file

PASSPHRASE_FILE: Final = "passphrase"
_RANDOM: Final = "[a-z0-9_]{8}"
"""What Python adds to the name of a temporary folder."""


class Work(StrEnum):
    """What a node's folder is made for."""

    INIT = "init"
    JOIN = "join"


@contextmanager
def work_folder(home: Path, work_on: Work) -> Iterator[Path]:
    """Yield a folder beside ``home`` that nobody else has, locked while it is used and removed in the end."""
    try:
        if home.exists() and (not home.is_dir() or any(home.iterdir())):
            raise OperatorError(f"{home} exists and is not an empty folder; nothing was changed.")
        home.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=_prefix(home, work_on), dir=home.parent))
        descriptor = _lock(work)
    except OSError as error:
        raise OperatorError(f"{home} cannot be created: {error.strerror}.") from error
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        os.close(descriptor)


def _prefix(home: Path, work_on: Work) -> str:
    return f".{home.name}.{work_on}-"


def left_behind(home: Path, work_on: Work) -> Iterator[Path]:
    """Yield each folder for ``home`` that a killed process has left, and remove it afterwards."""
    name = re.compile(re.escape(_prefix(home, work_on)) + _RANDOM)
    readable = home.parent.is_dir() and os.access(home.parent, os.R_OK)
    for left in list(home.parent.iterdir()) if readable else ():
        if not name.fullmatch(left.name):
            continue
        try:
            descriptor = _lock(left, fcntl.LOCK_NB)
        except OSError:  # it is being made, or is somebody else's
            continue
        try:
            yield left
            shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(descriptor)


def _lock(folder: Path, flags: int = 0) -> int:
    """Lock a folder until the descriptor returned is closed, at the latest when the process ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | flags)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def put_in_place(work: Path, home: Path) -> None:
    """Give the finished installation its name; whoever else created one there meanwhile keeps it."""
    sync_folder(work)  # a passphrase that is lost in a power cut takes all keys with it
    work.replace(home)
    sync_folder(home.parent)


def write_files(work: Path, settings: NodeSettings, passphrase: bytes | None) -> None:
    """Write what a node has in files; a passphrase only where the settings name a file for it."""
    if settings.keys.passphrase_file is not None and passphrase is not None:
        write_new_file(work / settings.keys.passphrase_file, passphrase + b"\n", 0o600)
    write_new_file(work / SETTINGS_FILE, render_node_settings(settings).encode(), 0o644)
