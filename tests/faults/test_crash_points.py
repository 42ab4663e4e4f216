"""Killed at the worst moments: what a client holds is recorded, and nothing is issued twice."""

import asyncio
import itertools
import math
import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from keyworks.server.running import RunningServer, running_server
from keyworks.settings.node import Database
from tests.faults.crashing import POINTS, crashing
from tests.faults.line import (
    AT_A_TIME,
    Line,
    Outcome,
    Prepared,
    Witness,
    certificates_of,
    check,
    device_request,
    prepare,
)

DATABASES: Final = ("sqlite", "postgresql")
BATCH: Final = 40
"""Devices made between two looks whether there were kills enough."""

EVERY: Final = {"in sequencer": 3, "after sequencer": 3}
"""How often somebody comes by such a point between two kills, where it is not as often as requests do."""

EVERY_REQUESTS: Final = 17


@pytest.fixture(params=DATABASES)
def prepared(request: pytest.FixtureRequest, tmp_path: Path) -> Prepared:
    """A supplier's installation in ``tmp_path / "home"``, on each kind of database."""
    database = None
    if request.param == "postgresql":
        database = Database(url=request.getfixturevalue("cluster").url("keyworks"))
    return asyncio.run(prepare(tmp_path / "home", database))


async def _make_until(enough: Callable[[], bool], line: Line, witness: Witness) -> list[bytes]:
    """Make devices until there were kills enough, and a few more; return their certificates."""
    outcomes: list[Outcome] = []
    async with witness.looking():
        for number in itertools.count():
            outcomes += await line.enroll(await line.register(BATCH, number * BATCH))
            if enough():
                break
    return certificates_of(outcomes)


async def _line(home: Path, server: RunningServer, prepared: Prepared) -> Line:
    return Line([home], [server], prepared.trust, await prepared.station(server))


@pytest.mark.parametrize("point", POINTS)
def test_nothing_is_lost_or_issued_twice_where_workers_are_killed(
    point: str, prepared: Prepared, tmp_path: Path, kills: int
) -> None:
    home, most = tmp_path / "home", math.ceil(kills / 2 / len(POINTS) / len(DATABASES))
    plan, program = crashing(point, EVERY.get(point, EVERY_REQUESTS), most, tmp_path / "crashing")
    witness = Witness(home)

    async def run(server: RunningServer) -> None:
        line = await _line(home, server, prepared)
        held = await _make_until(lambda: plan.killed == most, line, witness)
        await check(home, held, tmp_path / "ledger", witness.notes)

    with running_server(home, program=program) as server:
        asyncio.run(run(server))
    assert witness.notes


def test_nothing_is_lost_or_issued_twice_where_workers_are_killed_at_random(
    prepared: Prepared, tmp_path: Path, kills: int
) -> None:
    home, witness, chance, killed = tmp_path / "home", Witness(tmp_path / "home"), random.Random(1), 0

    async def kill(server: RunningServer) -> None:
        nonlocal killed
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        while True:
            await asyncio.sleep(chance.uniform(0.1, 2.0))
            workers = children.read_text().split()
            if workers:
                os.kill(int(chance.choice(workers)), signal.SIGKILL)
                killed += 1

    async def run(server: RunningServer) -> None:
        line = await _line(home, server, prepared)
        killer = asyncio.create_task(kill(server))
        held = await _make_until(lambda: killed >= kills / 4 / len(DATABASES), line, witness)
        killer.cancel()
        await check(home, held, tmp_path / "ledger", witness.notes)

    with running_server(home) as server:
        asyncio.run(run(server))
    assert witness.notes


def test_a_machine_that_goes_down_as_a_whole_comes_back_with_all_it_has_said(
    prepared: Prepared, tmp_path: Path, kills: int
) -> None:
    """Supervisor and workers at one moment, again and again; the line repeats what was not answered."""
    home, witness, held = tmp_path / "home", Witness(tmp_path / "home"), dict[str, bytes]()
    chance, lives = random.Random(2), math.ceil(kills / 5 / len(DATABASES))
    with running_server(home) as server:
        line = asyncio.run(_line(home, server, prepared))
    serial_numbers = asyncio.run(line.register(BATCH * lives))
    requests = {one: asyncio.run(device_request(one)) for one in serial_numbers}

    async def live(server: RunningServer, most: int | None) -> None:
        client = replace(line, servers=[server]).client(server)
        waiting = iter([one for one in serial_numbers if one not in held][:most])

        async def work() -> None:
            for one in waiting:
                held[one] = (await client.simpleenroll(requests[one])).der
                if most is not None and chance.random() < 0.05:
                    _kill_all(server)

        async with client:
            await asyncio.gather(*(work() for _ in range(AT_A_TIME)), return_exceptions=most is not None)

    for _ in range(lives):
        with running_server(home) as server:
            asyncio.run(live(server, BATCH))
            _kill_all(server)
        asyncio.run(witness.look_once())
    with running_server(home) as server:
        asyncio.run(live(server, None))
    asyncio.run(check(home, list(held.values()), tmp_path / "ledger", witness.notes))


def _kill_all(server: RunningServer) -> None:
    """Kill every process of a server, the supervisor first: nobody is replaced."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    with suppress(FileNotFoundError, ProcessLookupError):
        workers = children.read_text().split()
        for process in (server.process.pid, *map(int, workers)):
            os.kill(process, signal.SIGKILL)
