"""A private network for programs that want ports and addresses of their own, on this machine alone.

Each host is a network namespace, all of it gone with the process that holds it. Who is not root gets a user
namespace around it; root does not, because that is not allowed within a chroot.
"""

import os
import selectors
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_IS_ROOT: Final = os.geteuid() == 0
_SECONDS: Final = 30.0
"""How long a program may take to say that it is ready, or to end."""


@dataclass(frozen=True)
class Host:
    """A network namespace, with nothing in it but the loopback and what is linked to it.

    Args:
        holder: The process that holds its namespaces.
    """

    holder: int

    def command(self, words: Sequence[str | Path]) -> list[str]:
        """Return a command line that runs here."""
        user = [] if _IS_ROOT else ["--preserve-credentials", "--user"]
        return ["nsenter", *user, "--net", f"--target={self.holder}", *map(str, words)]

    def run(
        self, *words: str | Path, data: str = "", variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end; its standard error is in its output."""
        return subprocess.run(
            self.command(words),
            input=data,
            env={**os.environ, **(variables or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_SECONDS,
        )

    @contextmanager
    def running(
        self, *words: str | Path, ready: str, variables: Mapping[str, str] | None = None
    ) -> Iterator["Running"]:
        """Run a program until the block ends, from the moment it has said ``ready``."""
        process = subprocess.Popen(
            self.command(words),
            env={**os.environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with process:
            program = Running(process, bytearray())
            try:
                program.says(ready)
                yield program
            finally:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_SECONDS)
                process.kill()


@dataclass(frozen=True)
class Running:
    """A program that runs, and all it has said so far."""

    process: subprocess.Popen[bytes]
    said: bytearray

    def says(self, words: str) -> str:
        """Return what it has said once ``words`` are among it.

        Raises:
            AssertionError: It has ended, or takes too long.
        """
        output, deadline = self.process.stdout, time.monotonic() + _SECONDS
        assert output is not None
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while words.encode() not in self.said:
                assert selector.select(deadline - time.monotonic()), f"never said {words!r}: {self.text}"
                chunk = os.read(output.fileno(), 65536)
                assert chunk, f"ended without saying {words!r}: {self.text}"
                self.said.extend(chunk)
        return self.text

    @property
    def text(self) -> str:
        return self.said.decode(errors="replace")


@contextmanager
def host(beside: Host | None = None) -> Iterator[Host]:
    """Make a host until the block ends; one that is made beside another can be linked to it."""
    alone = ["unshare", *([] if _IS_ROOT else ["--user", "--map-root-user"]), "--net"]
    words = alone if beside is None else beside.command(["unshare", "--net"])
    holding = [*words, "sh", "-c", "ip link set lo up && echo held && exec cat"]
    with subprocess.Popen(holding, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield Host(process.pid)
        process.stdin.close()


def link(one: Host, address: str, other: Host, other_address: str) -> None:
    """Lay a cable between two hosts; addresses as ADDRESS/PREFIX."""
    cable = ["ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", str(other.holder)]
    assert one.run(*cable).stdout == ""
    for end, own in ((one, address), (other, other_address)):
        assert end.run("ip", "address", "add", own, "dev", "cable").stdout == ""
        assert end.run("ip", "link", "set", "cable", "up").stdout == ""


def behind(host: Host, address: str) -> None:
    """Give a host an address of a network behind it."""
    assert host.run("ip", "address", "add", address, "dev", "lo").stdout == ""
