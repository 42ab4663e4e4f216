"""A disk that is full or cannot be written: told, nothing lost, and over as soon as there is room."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from keyworks.enroll.persistence import Persistence
from keyworks.server.running import running_server
from tests.faults.line import (
    Line,
    certificates_of,
    check,
    prepare,
    refusal,
    register,
    status,
    wait_until_ready,
)
from tests.faults.volume import Volume, volume

DEVICES: Final = 30
ONCE: Final = Persistence(attempts=1)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Volume]:
    """A disk with room for a small installation."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with volume(folder, "16m") as disk:
        yield disk


def test_a_full_disk_stops_issuing_until_there_is_room(disk: Volume, tmp_path: Path) -> None:
    home = tmp_path / "made"
    prepared = asyncio.run(prepare(home))

    names = asyncio.run(register(home, DEVICES))
    disk.run("cp", "-a", home, disk.folder / "plant")
    with running_server(disk.folder / "plant", program=disk.program) as server:
        line = Line([home], [server], prepared.trust, asyncio.run(prepared.station(server)))
        held = certificates_of(asyncio.run(line.enroll(names[:10])))
        with disk.full():
            for name in names[10:13]:
                told = asyncio.run(refusal(line, name))
                assert "cannot be written" in told
            assert status(server, "/healthz") == 200
            wait_until_ready(server, 503)
        wait_until_ready(server, 200)
        held += certificates_of(asyncio.run(line.enroll(names[10:])))
        assert server.process.poll() is None, "nobody had to do anything"
    shutil.rmtree(home)
    disk.run("cp", "-a", disk.folder / "plant", home)
    asyncio.run(check(home, held, tmp_path / "ledger"))


def test_a_disk_that_is_read_only_is_told_when_the_server_starts(disk: Volume, tmp_path: Path) -> None:
    asyncio.run(prepare(tmp_path / "made"))
    disk.run("cp", "-a", tmp_path / "made", disk.folder / "plant")
    disk.run("mount", "-o", "remount,ro", disk.folder)
    with pytest.raises(RuntimeError) as failed, running_server(disk.folder / "plant", program=disk.program):
        pass
    assert "keyworks.db cannot be used: Read-only file system." in str(failed.value)
