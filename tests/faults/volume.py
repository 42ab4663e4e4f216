"""A small disk of one's own: it can be filled, and made read-only, and is gone with its maker."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_IS_ROOT: Final = os.geteuid() == 0
_SECONDS: Final = 120.0
_MOUNT: Final = 'mount -t tmpfs -o "size=$1" none "$2" && echo held && exec cat'


@dataclass(frozen=True)
class Volume:
    """A file system in memory that only what runs in its namespace sees.

    Args:
        folder: Where it is.
        holder: The process that holds the namespace.
    """

    folder: Path
    holder: int

    def command(self, *words: str | Path) -> tuple[str, ...]:
        """Return a command line that runs where the volume is."""
        user = [] if _IS_ROOT else ["--preserve-credentials", "--user"]
        # The root and the folder of who holds it: this may be a chroot.
        return "nsenter", *user, "--mount", "--root", "--wd", f"--target={self.holder}", *map(str, words)

    def run(self, *words: str | Path) -> str:
        """Run a program to its end; return what it said.

        Raises:
            AssertionError: It failed.
        """
        run = subprocess.run(
            self.command(*words),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
            timeout=_SECONDS,
        )
        assert run.returncode == 0, run.stdout
        return run.stdout

    @property
    def program(self) -> tuple[str, ...]:
        """Return the product, where the volume is."""
        return self.command(sys.executable, "-m", "keyworks")

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no room until the block ends."""
        filler = self.folder / "filler"
        self.run("sh", "-c", 'cat /dev/zero > "$1" 2> /dev/null; test -s "$1"', "sh", filler)
        try:
            yield
        finally:
            self.run("rm", filler)


@contextmanager
def volume(folder: Path, size: str) -> Iterator[Volume]:
    """Make a volume until the block ends.

    Args:
        folder: Where; it exists and is empty.
        size: Such as ``8m``.
    """
    user = [] if _IS_ROOT else ["--map-root-user"]
    holding = ["unshare", *user, "--mount", "sh", "-c", _MOUNT, "sh", size, str(folder)]
    with subprocess.Popen(holding, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield Volume(folder, process.pid)
        process.stdin.close()
