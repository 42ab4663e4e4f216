"""The folder in which the demo works: one run at a time, and nothing of anybody else's is removed."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MADE: Final = (
    *("supplier", "supplier-ledger", "supplier-ledger.key", "idevid", "idevid-root.pem", "idevid-issuing.pem"),
    *(
        "operator",
        "operator-ledger",
        "operator-ledger.key",
        "ldevid",
        "operator-root.pem",
        "operator-issuing.pem",
    ),
)
"""All that a run makes in its folder."""


class InUse(Exception):
    """Another run works in the folder."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep every other run out of a folder while the block lasts; it ends with the process at the latest.

    Raises:
        InUse: Another run works in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUse(f"{folder} is in use by `make run` or another `make demo`; stop that first.") from error
        yield
    finally:
        os.close(descriptor)


def clear(folder: Path) -> None:
    """Remove what an earlier run has made."""
    for name in MADE:
        place = folder / name
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
