"""Files of our own that are on the disk before anybody relies on them."""

import os
from pathlib import Path


def write_new_file(file: Path, octets: bytes, mode: int) -> None:
    """Write a file that is not there yet, with no more rights than ``mode`` from its first moment on.

    Its octets are on the disk when this returns, its name once the folder is synced.

    Raises:
        OSError: It is there, or cannot be written.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(octets)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable.

    Raises:
        OSError: The system does not let it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
