"""Several machines on one PostgreSQL server: what each of them decides holds for all, whoever stops."""

import asyncio
import os
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Final

import pytest

from keyworks import oids
from keyworks.access.credential import BasicCredentials
from keyworks.authority.status import CertificateRecord, Filter
from keyworks.enroll.credential import ClientCertificate
from keyworks.enroll.est import EnrollmentClient
from keyworks.enroll.persistence import Persistence
from keyworks.enroll.trust import Pin
from keyworks.errors import AuthenticationFailed, KeyworksError, NotFound, QuotaExceeded
from keyworks.keys.software import SoftwareSigner, make_private_key, signer_of
from keyworks.server.running import RunningServer, running_server
from keyworks.service.certificates import certificates, revoke_by_operator
from keyworks.service.channels import enable_channel
from keyworks.service.home import PASSPHRASE_FILE
from keyworks.service.installation import Installation, open_installation
from keyworks.service.inventory import add_devices
from keyworks.service.joining import NewNode, join_installation
from keyworks.service.ledger import export_ledger
from keyworks.service.orders import NewOrder, add_orders
from keyworks.service.server_certificate import server_root
from keyworks.service.setup import create_installation
from keyworks.service.stations import add_station
from keyworks.settings.node import Database, Keys, Node, NodeSettings
from keyworks.testing import ANY_PORT, small_installation
from keyworks.testing.postgresql import SETTINGS, Cluster, running_cluster, start, stop
from keyworks.x509.name import Name
from keyworks.x509.request import encode_certification_request

PATIENT: Final = Persistence(attempts=6, patience=timedelta(seconds=60), connections=8)
AT_A_TIME: Final = 8
VISIBLE_SECONDS: Final = 30
"""How long a test waits for what should be there within one."""


@dataclass(frozen=True)
class Plant:
    """An installation on two machines, and a station of its line.

    Args:
        homes: Of both.
        servers: Both, running.
        cluster: What both work on; durable.
        trust: The root above both servers' certificates.
        station: Holds a certificate.
    """

    homes: tuple[Path, Path]
    servers: tuple[RunningServer, RunningServer]
    cluster: Cluster
    trust: Pin
    station: ClientCertificate

    @asynccontextmanager
    async def clients(self) -> AsyncIterator[Sequence[EnrollmentClient]]:
        """Open the station's clients of both machines."""
        first, second = (
            EnrollmentClient(server.enrollment, "idevid", self.trust, self.station, PATIENT)
            for server in self.servers
        )
        async with first, second:
            yield first, second


async def _key_and_request(name: Name) -> tuple[SoftwareSigner, bytes]:
    signer = signer_of(make_private_key("P-256"))
    return signer, await encode_certification_request(name, signer)


async def _prepared(homes: tuple[Path, Path], database: Database) -> tuple[Pin, str, str]:
    """Create the installation and join it; return the trust, and a station's secret with its label."""
    first, second = homes
    await create_installation(replace(small_installation(first, "supplier"), database=database))
    settings = NodeSettings(
        Node("second", workers=2), ANY_PORT, database, Keys(passphrase_file=PASSPHRASE_FILE)
    )
    await join_installation(NewNode(second, settings, first / PASSPHRASE_FILE))
    async with open_installation(first) as installation:
        new = await add_station(installation, "line-1", ["idevid"])
        root = await server_root(installation)
    assert root is not None
    return Pin(root.fingerprint), new.secret, new.enrolls_at


async def _station(server: RunningServer, trust: Pin, secret: str, label: str) -> ClientCertificate:
    signer, request = await _key_and_request(Name.of((oids.COMMON_NAME, "line-1")))
    async with EnrollmentClient(server.enrollment, label, trust, BasicCredentials("line-1", secret)) as client:
        granted = await client.simpleenroll(request)
        return ClientCertificate((granted.der, (await client.cacerts())[0]), signer)


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    """Two machines that serve one new installation."""
    homes = tmp_path / "first", tmp_path / "second"
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster())
        cluster.execute("CREATE DATABASE {}", "keyworks")
        trust, secret, label = asyncio.run(_prepared(homes, Database(url=cluster.url("keyworks"))))
        first, second = (stack.enter_context(running_server(home)) for home in homes)
        station = asyncio.run(_station(second, trust, secret, label))
        yield Plant(homes, (first, second), cluster, trust, station)


async def _register(plant: Plant, count: int) -> list[str]:
    serial_numbers = [f"SN-{number:04}" for number in range(count)]
    async with open_installation(plant.homes[0]) as installation:
        await add_devices(installation, "Example Supplier", "Pump", serial_numbers)
    return serial_numbers


async def _enroll(
    plant: Plant, serial_numbers: Sequence[str], during: Callable[[int], None] = lambda _: None
) -> list[bytes | KeyworksError]:
    """Let the station enroll devices at both machines in turn; return certificates and refusals in order."""
    found: dict[int, bytes | KeyworksError] = {}
    async with plant.clients() as clients:
        waiting = iter(zip(range(len(serial_numbers)), cycle(clients), strict=False))

        async def work() -> None:
            for place, client in waiting:
                _, request = await _key_and_request(Name.of((oids.SERIAL_NUMBER, serial_numbers[place])))
                try:
                    found[place] = (await client.simpleenroll(request)).der
                except KeyworksError as error:
                    found[place] = error
                during(len(found))

        await asyncio.gather(*(work() for _ in range(AT_A_TIME)))
    return [found[place] for place in range(len(serial_numbers))]


async def _recorded(installation: Installation) -> list[CertificateRecord]:
    wanted = Filter(profile="idevid", most=10_000)
    return await certificates(installation, wanted)


async def _check(plant: Plant, held: Sequence[bytes], folder: Path) -> None:
    """Check what has to be true whatever happened: of records, of serial numbers, of the ledger."""
    async with open_installation(plant.homes[1]) as installation:
        recorded = await _recorded(installation)
        verified = await export_ledger(installation, folder / "ledger")
    live = [one for one in recorded if one.state == "valid"]
    assert {one.der for one in live} == set(held), "what clients hold is what is recorded"
    assert max(Counter(one.owner for one in live).values()) == 1, "one live certificate each"
    assert len({one.serial_number for one in recorded}) == len(recorded)
    assert verified.checkpoint.size > len(recorded)


def _certificates(outcomes: Sequence[bytes | KeyworksError]) -> list[bytes]:
    failures = [one for one in outcomes if isinstance(one, KeyworksError)]
    assert failures == []
    return [one for one in outcomes if isinstance(one, bytes)]


def test_both_machines_serve_one_line(plant: Plant, tmp_path: Path) -> None:
    async def run() -> None:
        held = _certificates(await _enroll(plant, await _register(plant, 60)))
        await _check(plant, held, tmp_path)

    asyncio.run(run())


def test_a_quota_is_exact_over_all_machines(plant: Plant, tmp_path: Path) -> None:
    async def run() -> None:
        serial_numbers = tuple(f"SN-{number:04}" for number in range(30))
        order = NewOrder("A-1", "Example Supplier", "Pump", serial_numbers, quota=17)
        async with open_installation(plant.homes[0]) as installation:
            await add_orders(installation, [order])
        outcomes = await _enroll(plant, serial_numbers)
        held = [one for one in outcomes if isinstance(one, bytes)]
        assert len(held) == 17
        assert {type(one) for one in outcomes if not isinstance(one, bytes)} == {QuotaExceeded}
        await _check(plant, held, tmp_path)

    asyncio.run(run())


def test_what_one_machine_revokes_or_closes_the_other_refuses(plant: Plant) -> None:
    async def refused(client: EnrollmentClient, cause: type[KeyworksError]) -> None:
        async with asyncio.timeout(VISIBLE_SECONDS):
            while True:
                _, request = await _key_and_request(Name.of((oids.SERIAL_NUMBER, "SN-0001")))
                try:
                    await client.simpleenroll(request)
                except cause:
                    return

    async def run() -> None:
        await _register(plant, 2)
        async with open_installation(plant.homes[0]) as first, plant.clients() as (_, client):
            await enable_channel(first, "idevid", enabled=False)
            await refused(client, NotFound)
            await enable_channel(first, "idevid", enabled=True)
            [own] = await certificates(first, Filter(profile="station"))
            await revoke_by_operator(first, own.id, "keyCompromise")
            await refused(client, AuthenticationFailed)

    asyncio.run(run())


def test_a_database_server_that_is_restarted_under_load_loses_nothing(plant: Plant, tmp_path: Path) -> None:
    restarted: list[subprocess.Popen[bytes]] = []

    def restart(done: int) -> None:
        if done == 20 and not restarted:
            stop(plant.cluster.process)
            restarted.append(start(plant.cluster.folder, SETTINGS))

    async def run() -> None:
        held = _certificates(await _enroll(plant, await _register(plant, 80), restart))
        await _check(plant, held, tmp_path)

    try:
        asyncio.run(run())
        assert restarted
    finally:
        for one in restarted:
            stop(one)


def test_a_machine_that_is_killed_leaves_the_line_to_the_other(plant: Plant, tmp_path: Path) -> None:
    def kill(done: int) -> None:
        if done == 15:
            os.kill(plant.servers[0].process.pid, signal.SIGKILL)

    async def run() -> None:
        serial_numbers = await _register(plant, 40)
        outcomes = await _enroll(plant, serial_numbers, kill)
        lost = [name for name, one in zip(serial_numbers, outcomes, strict=True) if not isinstance(one, bytes)]
        assert lost
        second = EnrollmentClient(plant.servers[1].enrollment, "idevid", plant.trust, plant.station, PATIENT)
        held = [one for one in outcomes if isinstance(one, bytes)]
        async with second:
            for name in lost:
                _, request = await _key_and_request(Name.of((oids.SERIAL_NUMBER, name)))
                held.append((await second.simpleenroll(request)).der)
        await _check(plant, held, tmp_path)

    asyncio.run(run())


def test_a_machine_that_stood_still_goes_on_with_the_same_tree(plant: Plant, tmp_path: Path) -> None:
    def signalled(number: signal.Signals) -> None:
        process = plant.servers[0].process.pid
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        for one in (process, *map(int, children)):
            os.kill(one, number)

    async def run() -> None:
        names = await _register(plant, 30)
        held = _certificates(await _enroll(plant, names[:10]))
        signalled(signal.SIGSTOP)
        second = EnrollmentClient(plant.servers[1].enrollment, "idevid", plant.trust, plant.station, PATIENT)
        async with second:
            for name in names[10:20]:
                _, request = await _key_and_request(Name.of((oids.SERIAL_NUMBER, name)))
                held.append((await second.simpleenroll(request)).der)
        signalled(signal.SIGCONT)
        held += _certificates(await _enroll(plant, names[20:]))
        await _check(plant, held, tmp_path)

    asyncio.run(run())
