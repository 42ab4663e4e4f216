"""A line that makes devices while things fail, and what has to be true of it afterwards."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest

from keyworks import oids
from keyworks.access.credential import BasicCredentials
from keyworks.authority.status import Filter
from keyworks.enroll.credential import ClientCertificate
from keyworks.enroll.est import EnrollmentClient
from keyworks.enroll.persistence import Persistence
from keyworks.enroll.trust import Pin
from keyworks.errors import KeyworksError, Unavailable
from keyworks.keys.software import SoftwareSigner, make_private_key, signer_of
from keyworks.ledger.export import ENTRIES, Trust, verify_export
from keyworks.server.running import RunningServer
from keyworks.service.certificates import certificates
from keyworks.service.home import PASSPHRASE_FILE
from keyworks.service.installation import Installation, open_installation
from keyworks.service.inventory import add_devices
from keyworks.service.joining import NewNode, join_installation
from keyworks.service.ledger import export_ledger, ledger_identity
from keyworks.service.server_certificate import server_root
from keyworks.service.setup import create_installation
from keyworks.service.stations import add_station
from keyworks.settings.node import Database, Keys, Node, NodeSettings
from keyworks.testing import ANY_PORT, small_installation
from keyworks.x509.name import Name
from keyworks.x509.request import encode_certification_request

AT_A_TIME: Final = 8
INSISTS_SECONDS: Final = 120
"""How long a device goes on asking where nobody serves."""

PATIENT: Final = Persistence(connections=AT_A_TIME, patience=timedelta(seconds=INSISTS_SECONDS))
_ONCE: Final = Persistence(attempts=1)
_LOOK_SECONDS: Final = 0.2
READY_SECONDS: Final = 30
"""A worker tries every ten seconds whether it can write."""

_MAKER: Final = ("Example Supplier", "Pump")

Outcome = bytes | KeyworksError
"""A certificate, DER, or why there is none."""


@dataclass(frozen=True)
class Line:
    """An installation that serves on one machine or several, and a station of its line.

    Args:
        homes: Of each machine.
        servers: Theirs, running.
        trust: The root above the servers' certificates.
        station: Holds a certificate.
    """

    homes: Sequence[Path]
    servers: Sequence[RunningServer]
    trust: Pin
    station: ClientCertificate

    @asynccontextmanager
    async def clients(self) -> AsyncIterator[Sequence[EnrollmentClient]]:
        """Open the station's clients of all machines."""
        async with AsyncExitStack() as stack:
            yield [await stack.enter_async_context(self.client(one)) for one in self.servers]

    def client(self, server: RunningServer) -> EnrollmentClient:
        """Return the station's client of one machine."""
        return EnrollmentClient(server.enrollment, "idevid", self.trust, self.station, PATIENT)

    async def register(self, count: int, first: int = 0) -> list[str]:
        """Register devices; return their serial numbers."""
        return await register(self.homes[-1], count, first)

    async def enroll(
        self, serial_numbers: Sequence[str], during: Callable[[int], None] = lambda _: None
    ) -> list[Outcome]:
        """Let the station enroll devices at all machines in turn; return certificates and refusals in order.

        Args:
            serial_numbers: The devices'.
            during: Called after each, with how many are done.
        """
        found: dict[int, Outcome] = {}
        async with self.clients() as clients:
            waiting = iter(enumerate(serial_numbers))

            async def work(first: int) -> None:
                for place, serial_number in waiting:
                    request = await device_request(serial_number)
                    found[place] = await insisted([*clients[first:], *clients[:first]], request)
                    during(len(found))

            await asyncio.gather(*(work(place % len(clients)) for place in range(AT_A_TIME)))
        return [found[place] for place in range(len(serial_numbers))]


async def register(home: Path, count: int, first: int = 0) -> list[str]:
    """Register devices; return their serial numbers."""
    serial_numbers = [f"SN-{number:05}" for number in range(first, first + count)]
    async with open_installation(home) as installation:
        await add_devices(installation, *_MAKER, serial_numbers)
    return serial_numbers


async def insisted(clients: Sequence[EnrollmentClient], request: bytes) -> Outcome:
    """Ask until somebody answers: whoever cannot just now is asked again, after the others."""
    try:
        async with asyncio.timeout(INSISTS_SECONDS):
            for client in cycle(clients):
                with suppress(Unavailable):
                    return (await client.simpleenroll(request)).der
                await asyncio.sleep(_LOOK_SECONDS)
    except KeyworksError as error:
        return error
    raise AssertionError("A cycle ends only where it is left.")


async def device_request(serial_number: str) -> bytes:
    """Return a request for a device, over a new key."""
    _, request = await key_and_request(Name.of((oids.SERIAL_NUMBER, serial_number)))
    return request


async def key_and_request(name: Name) -> tuple[SoftwareSigner, bytes]:
    """Return a new key and a request over it."""
    signer = signer_of(make_private_key("P-256"))
    return signer, await encode_certification_request(name, signer)


@dataclass(frozen=True)
class Prepared:
    """An installation before anybody serves it.

    Args:
        trust: The root above its servers' certificates.
        secret: A station's.
        label: Where the station begins.
    """

    trust: Pin
    secret: str
    label: str

    async def station(self, server: RunningServer) -> ClientCertificate:
        """Let the station get its certificate."""
        signer, request = await key_and_request(Name.of((oids.COMMON_NAME, "line-1")))
        credentials = BasicCredentials("line-1", self.secret)
        async with EnrollmentClient(server.enrollment, self.label, self.trust, credentials, PATIENT) as client:
            granted = await client.simpleenroll(request)
            return ClientCertificate((granted.der, (await client.cacerts())[0]), signer)


async def prepare(home: Path, database: Database | None = None) -> Prepared:
    """Create an installation with a station."""
    new = small_installation(home, "supplier")
    if database is not None:
        new = replace(new, database=database)
    await create_installation(new)
    async with open_installation(home) as installation:
        station = await add_station(installation, "line-1", ["idevid"])
        root = await server_root(installation)
    assert root is not None
    return Prepared(Pin(root.fingerprint), station.secret, station.enrolls_at)


async def join(home: Path, first: Path, database: Database, name: str = "second") -> None:
    """Make a further machine of an installation."""
    keys = Keys(passphrase_file=PASSPHRASE_FILE)
    settings = NodeSettings(Node(name, workers=2), ANY_PORT, database, keys)
    await join_installation(NewNode(home, settings, first / PASSPHRASE_FILE))


def certificates_of(outcomes: Sequence[Outcome]) -> list[bytes]:
    """Return certificates, where nothing was refused."""
    assert [one for one in outcomes if isinstance(one, KeyworksError)] == []
    return [one for one in outcomes if isinstance(one, bytes)]


@dataclass
class Witness:
    """Keeps every checkpoint that it sees, as somebody outside would.

    Args:
        home: Where it looks.
        notes: The signed checkpoints, by size.
    """

    home: Path
    notes: dict[int, str] = field(default_factory=dict)

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Look several times a second, while the database lets it, until the block ends."""
        task = asyncio.create_task(self._look_again())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _look_again(self) -> None:
        while True:
            with suppress(Unavailable):
                async with open_installation(self.home) as installation:
                    while True:
                        await self.look(installation)
                        await asyncio.sleep(_LOOK_SECONDS)
            await asyncio.sleep(_LOOK_SECONDS)

    async def look_once(self) -> None:
        """Look, where nobody serves."""
        async with open_installation(self.home) as installation:
            await self.look(installation)

    async def look(self, installation: Installation) -> None:
        """Keep the newest checkpoint; two that differ in more than their time would be two ledgers."""
        identity = await ledger_identity(installation)
        if identity.checkpoint is not None:
            known = self.notes.setdefault(identity.size, identity.checkpoint)
            assert known == identity.checkpoint


async def check(
    home: Path, held: Sequence[bytes], folder: Path, notes: Mapping[int, str] = MappingProxyType({})
) -> None:
    """Check what has to be true whatever happened: of records, of serial numbers, of the ledger.

    Args:
        home: Of a machine that works.
        held: What clients hold of profile ``idevid``.
        folder: For the ledger's export; not there yet.
        notes: Checkpoints that somebody has seen, by size.
    """
    async with open_installation(home) as installation:
        every = await certificates(installation, Filter(most=100_000))
        verified = await export_ledger(installation, folder)
        key = (await ledger_identity(installation)).key
    recorded = [one for one in every if one.profile == "idevid"]
    live = [one for one in recorded if one.state == "valid"]
    ders = {one.der for one in live}
    assert len(set(held) - ders) == 0, "clients hold nothing that is not recorded"
    assert len(ders - set(held)) == 0, "nothing is recorded that nobody holds"
    assert max(Counter(one.owner for one in live).values()) == 1, "one live certificate each"
    serial_numbers = Counter((one.generation_id, one.serial_number) for one in every)
    assert max(serial_numbers.values()) == 1, "no serial number twice"
    entered = Counter(_issued_in(folder / ENTRIES))
    assert max(entered.values()) == 1, "each is entered once"
    assert {one.fingerprint.hex() for one in every} == set(entered), "each record is entered, and nothing else"
    for size, note in notes.items():
        continued = verify_export(folder, Trust(key, note))
        assert (continued.signed, continued.continues) == (True, size)
    assert verified.checkpoint.size > len(recorded)


def _issued_in(entries: Path) -> Iterator[str]:
    """Yield the fingerprint of each certificate that the ledger says was issued."""
    with entries.open() as lines:
        for line in lines:
            body = json.loads(json.loads(line)["body"])
            if body["action"] == "certificate.issued":
                yield body["detail"]["fingerprint"]


async def refusal(line: Line, serial_number: str) -> str:
    """Ask once, for a device; return why there is no certificate just now."""
    [server] = line.servers
    async with EnrollmentClient(server.enrollment, "idevid", line.trust, line.station, _ONCE) as client:
        with pytest.raises(Unavailable) as refused:
            await client.simpleenroll(await device_request(serial_number))
    return refused.value.detail


def status(server: RunningServer, path: str) -> int:
    """Return what the server answers on its plain port."""
    try:
        with urllib.request.urlopen(f"{server.publication}{path}", timeout=20) as answer:  # noqa: S310 - ours
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def wait_until_ready(server: RunningServer, wanted: int = 200) -> None:
    """Wait until the server says that it is ready, or with 503 that it is not."""
    ends = time.monotonic() + READY_SECONDS
    while status(server, "/readyz") != wanted:
        assert time.monotonic() < ends, f"/readyz never answered {wanted}"
        time.sleep(_LOOK_SECONDS)
