"""A clock that is set back or forward: nothing is issued with a time that lies, and people are told."""

import asyncio
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from keyworks.server.running import PROGRAM, RunningServer, running_server
from tests.faults.line import Line, Prepared, certificates_of, check, prepare, refusal, wait_until_ready

LIBRARIES: Final = "usr/lib/*/faketime/libfaketimeMT.so.1"
SET_BACK: Final = "The machine's clock was set back behind the last record"


@dataclass(frozen=True)
class Machine:
    """An installation on a machine whose clock a file says.

    Args:
        home: The installation's folder.
        file: Says how far its clock is off, such as ``-1d``.
        prepared: The installation, before anybody served it.
    """

    home: Path
    file: Path
    prepared: Prepared

    @property
    def program(self) -> tuple[str, ...]:
        """Return the product, on this machine."""
        [library] = Path("/").glob(LIBRARIES)
        variables = (f"LD_PRELOAD={library}", f"FAKETIME_TIMESTAMP_FILE={self.file}")
        # Clocks that only go forward are not those that people set.
        return "env", *variables, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", *PROGRAM

    def set(self, offset: str) -> None:
        """Set the clock, and let a second pass: a worker compares its time with the last record once in it."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{offset}\n")
        new.replace(self.file)
        time.sleep(1.0 - time.time() % 1.0)

    def keyworks(self, *words: str) -> str:
        """Run a command on this machine; return what it says."""
        command = [*self.program, "--home", str(self.home), *words]
        run = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True)
        return run.stdout + run.stderr

    async def line(self, server: RunningServer) -> Line:
        """Return the line that this machine serves."""
        return Line([self.home], [server], self.prepared.trust, await self.prepared.station(server))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path / "home", tmp_path / "clock", asyncio.run(prepare(tmp_path / "home")))
    machine.set("+0")
    return machine


def test_while_a_clock_is_set_back_nothing_is_issued(machine: Machine, tmp_path: Path) -> None:
    async def run(server: RunningServer) -> None:
        line = await machine.line(server)
        names = await line.register(20)
        held = certificates_of(await line.enroll(names[:10]))
        machine.set("-2m")
        assert SET_BACK in await refusal(line, names[10])
        wait_until_ready(server, 503)
        assert "behind" in machine.keyworks("doctor")
        machine.set("+0")
        wait_until_ready(server)
        held += certificates_of(await line.enroll(names[10:]))
        await check(machine.home, held, tmp_path / "ledger")

    with running_server(machine.home, program=machine.program) as server:
        asyncio.run(run(server))


def test_a_clock_that_was_ahead_is_corrected_by_a_command(machine: Machine, tmp_path: Path) -> None:
    async def run(server: RunningServer) -> None:
        line = await machine.line(server)
        names = await line.register(20)
        held = certificates_of(await line.enroll(names[:5]))
        machine.set("+2d")
        held += certificates_of(await line.enroll(names[5:10]))
        machine.set("+0")
        assert SET_BACK in await refusal(line, names[10])
        assert "behind seconds  172" in machine.keyworks("clock", "show")
        assert "Corrected: records go on" in machine.keyworks("clock", "correct", "--yes")
        wait_until_ready(server)
        held += certificates_of(await line.enroll(names[10:]))
        await check(machine.home, held, tmp_path / "ledger")

    with running_server(machine.home, program=machine.program) as server:
        asyncio.run(run(server))
