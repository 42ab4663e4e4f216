"""Files that people name on the command line: read within limits, written whole or not at all."""

import os
import shlex
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import click

from keyworks.cli.words import visible
from keyworks.errors import OperatorError
from keyworks.store.durable import sync_folder, write_new_file

MAX_OCTETS: Final = 64 * 1024 * 1024
STANDARD_INPUT: Final = "-"


def read_file(name: str, most: int = MAX_OCTETS) -> bytes:
    """Return a file's octets, or standard input's for ``-``.

    Raises:
        OperatorError: It cannot be read, or is larger than ``most`` octets.
    """
    try:
        if name == STANDARD_INPUT:
            octets = sys.stdin.buffer.read(most + 1)
        else:
            with Path(name).open("rb") as stream:
                octets = stream.read(most + 1)
    except OSError as error:
        raise OperatorError(f"{name} cannot be read: {error.strerror}.") from error
    if len(octets) > most:
        raise OperatorError(f"{name} is larger than {most} octets.")
    return octets


def write_out(text: str, output: Path | None, *, replaces: bool = True) -> None:
    """Write text to a file, whole or not at all, or to standard output.

    Args:
        text: What to write.
        output: The file; ``None`` for standard output.
        replaces: Whether a file that is there may go, which people may have written themselves.

    Raises:
        OperatorError: The file cannot be written, or is there already and may not go.
    """
    if output is None:
        click.echo(text, nl=False)
        return
    if not replaces and os.path.lexists(output):
        raise OperatorError(
            f"{output} is there already and stays as it is; name another file, or add --force to replace it."
        )
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{output.name}-", dir=output.absolute().parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).chmod(0o666 & ~_umask())
            Path(name).replace(output)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise OperatorError(f"{output} cannot be written: {error.strerror}.") from error


@contextmanager
def new_private_file(file: Path | None, text: str) -> Iterator[None]:
    """Write a secret to a new file that only its owner can read; take it back where the block fails.

    Args:
        file: Not there yet; ``None`` writes nothing.
        text: What to write.

    Raises:
        OperatorError: The file is there, or cannot be written.
    """
    if file is None:
        yield
        return
    try:
        write_new_file(file, text.encode(), 0o600)
        sync_folder(file.absolute().parent)
    except FileExistsError as error:
        raise OperatorError(f"{file} is there already and stays as it is; name another file.") from error
    except OSError as error:
        with suppress(OSError):
            file.unlink(missing_ok=True)
        raise OperatorError(f"{file} cannot be written: {error.strerror}.") from error
    try:
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def warn_if_exposed(file: Path) -> None:
    """Warn, on standard error, of a file with a secret that is open to every user of the machine."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return
    if stat.S_ISREG(mode) and mode & (stat.S_IROTH | stat.S_IWOTH):
        click.echo(
            f"Warning: {visible(str(file))} is open to every user of this machine; close it with "
            f"`chmod 600 {visible(shlex.quote(str(file)))}`.",
            err=True,
        )


def _umask() -> int:
    present = os.umask(0o077)
    os.umask(present)
    return present
