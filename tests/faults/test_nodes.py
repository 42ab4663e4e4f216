"""Several machines on one PostgreSQL server: what each of them decides holds for all, whoever stops."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from keyworks.authority.status import Filter
from keyworks.enroll.est import EnrollmentClient
from keyworks.errors import AuthenticationFailed, KeyworksError, NotFound, QuotaExceeded
from keyworks.server.running import running_server
from keyworks.service.certificates import certificates, revoke_by_operator
from keyworks.service.channels import enable_channel
from keyworks.service.installation import open_installation
from keyworks.service.orders import NewOrder, add_orders
from keyworks.settings.node import Database
from keyworks.testing.postgresql import SETTINGS, Cluster, start, stop
from tests.faults.line import Line, certificates_of, check, device_request, join, prepare

VISIBLE_SECONDS: Final = 30
"""How long a test waits for what should be there within one."""


@pytest.fixture
def plant(cluster: Cluster, tmp_path: Path) -> Iterator[Line]:
    """A line with two machines that serve one new installation."""
    homes, database = (tmp_path / "first", tmp_path / "second"), Database(url=cluster.url("keyworks"))
    prepared = asyncio.run(prepare(homes[0], database))
    asyncio.run(join(homes[1], homes[0], database))
    with running_server(homes[0]) as first, running_server(homes[1]) as second:
        station = asyncio.run(prepared.station(second))
        yield Line(homes, (first, second), prepared.trust, station)


def test_both_machines_serve_one_line(plant: Line, tmp_path: Path) -> None:
    async def run() -> None:
        held = certificates_of(await plant.enroll(await plant.register(60)))
        await check(plant.homes[1], held, tmp_path / "ledger")

    asyncio.run(run())


def test_a_quota_is_exact_over_all_machines(plant: Line, tmp_path: Path) -> None:
    async def run() -> None:
        serial_numbers = tuple(f"SN-{number:05}" for number in range(30))
        order = NewOrder("A-1", "Example Supplier", "Pump", serial_numbers, quota=17)
        async with open_installation(plant.homes[0]) as installation:
            await add_orders(installation, [order])
        outcomes = await plant.enroll(serial_numbers)
        held = [one for one in outcomes if isinstance(one, bytes)]
        assert len(held) == 17
        assert {type(one) for one in outcomes if not isinstance(one, bytes)} == {QuotaExceeded}
        await check(plant.homes[1], held, tmp_path / "ledger")

    asyncio.run(run())


def test_what_one_machine_revokes_or_closes_the_other_refuses(plant: Line) -> None:
    async def refused(client: EnrollmentClient, cause: type[KeyworksError]) -> None:
        async with asyncio.timeout(VISIBLE_SECONDS):
            while True:
                try:
                    await client.simpleenroll(await device_request("SN-00001"))
                except cause:
                    return

    async def run() -> None:
        await plant.register(2)
        async with open_installation(plant.homes[0]) as first, plant.clients() as (_, client):
            await enable_channel(first, "idevid", enabled=False)
            await refused(client, NotFound)
            await enable_channel(first, "idevid", enabled=True)
            [own] = await certificates(first, Filter(profile="station"))
            await revoke_by_operator(first, own.id, "keyCompromise")
            await refused(client, AuthenticationFailed)

    asyncio.run(run())


def test_a_database_server_that_is_restarted_under_load_loses_nothing(
    plant: Line, cluster: Cluster, tmp_path: Path
) -> None:
    restarted: list[subprocess.Popen[bytes]] = []

    def restart(done: int) -> None:
        if done == 20 and not restarted:
            stop(cluster.process)
            restarted.append(start(cluster.folder, SETTINGS))

    async def run() -> None:
        held = certificates_of(await plant.enroll(await plant.register(80), restart))
        await check(plant.homes[1], held, tmp_path / "ledger")

    try:
        asyncio.run(run())
        assert restarted
    finally:
        for one in restarted:
            stop(one)


def test_a_machine_that_is_killed_leaves_the_line_to_the_other(plant: Line, tmp_path: Path) -> None:
    def kill(done: int) -> None:
        if done == 15:
            os.kill(plant.servers[0].process.pid, signal.SIGKILL)

    async def run() -> None:
        held = certificates_of(await plant.enroll(await plant.register(40), kill))
        await check(plant.homes[1], held, tmp_path / "ledger")

    asyncio.run(run())
    assert plant.servers[0].process.poll() == -signal.SIGKILL


def test_a_machine_that_stood_still_goes_on_with_the_same_tree(plant: Line, tmp_path: Path) -> None:
    def signalled(number: signal.Signals) -> None:
        process = plant.servers[0].process.pid
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        for one in (process, *map(int, children)):
            os.kill(one, number)

    async def run() -> None:
        names = await plant.register(30)
        held = certificates_of(await plant.enroll(names[:10]))
        signalled(signal.SIGSTOP)
        async with plant.client(plant.servers[1]) as second:
            for name in names[10:20]:
                held.append((await second.simpleenroll(await device_request(name))).der)
        signalled(signal.SIGCONT)
        held += certificates_of(await plant.enroll(names[20:]))
        await check(plant.homes[1], held, tmp_path / "ledger")

    asyncio.run(run())
