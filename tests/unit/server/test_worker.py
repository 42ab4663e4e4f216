"""A worker composes the three listeners, keeps them current, and ends in good order."""

import asyncio
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from keyworks.errors import OperatorError
from keyworks.ledger.records import SELECT_WAITING
from keyworks.server.worker import Contexts, Worker
from keyworks.service.channels import enable_channel
from keyworks.service.installation import Installation
from keyworks.service.server_certificate import server_certificate
from keyworks.testing import FixedClock, ledger_entries
from tests.unit.server.small_server import Line, recording_log, statuses

NAMES = ("enrollment", "console", "publication")
ENROLL = (
    b"POST /.well-known/est/idevid/simpleenroll HTTP/1.1\r\nHost: h\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class Working:
    """A worker at work, and how to talk to it."""

    def __init__(self, worker: Worker, ports: dict[str, int], stop: asyncio.Event, log: list[Line]) -> None:
        self.worker = worker
        self.ports = ports
        self.stop = stop
        self.log = log
        self.task: asyncio.Task[None]

    async def ask(self, name: str, request: bytes) -> bytes:
        context = None
        if name != "publication":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[name], ssl=context)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    async def get(self, name: str, path: str) -> int:
        head = f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        [status] = statuses(await self.ask(name, head.encode()))
        return status


@asynccontextmanager
async def working(installation: Installation, *, sequences: bool = True) -> AsyncIterator[Working]:
    log, lines = recording_log()
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in NAMES}
    worker = await Worker.build(installation, log)
    await worker.start(sockets)
    stop = asyncio.Event()
    ports = {name: one.getsockname()[1] for name, one in sockets.items()}
    work = Working(worker, ports, stop, lines)
    work.task = asyncio.create_task(worker.run(stop, sequences=sequences))
    try:
        yield work
    finally:
        stop.set()
        await work.task
        for one in sockets.values():
            one.close()


@pytest.mark.parametrize(
    ("path", "served_by"),
    [
        ("/healthz", NAMES),
        ("/readyz", NAMES),
        ("/.well-known/est/idevid/cacerts", ("enrollment",)),
        ("/.well-known/est/idevid/csrattrs", ("enrollment",)),
        ("/aia/issuing-1.cer", ("publication",)),
    ],
)
async def test_each_listener_serves_what_is_its_own(
    supplier: Installation, path: str, served_by: tuple[str, ...]
) -> None:
    async with working(supplier) as work:
        assert {name: await work.get(name, path) for name in NAMES} == {
            name: 200 if name in served_by else 404 for name in NAMES
        }


@pytest.mark.parametrize("sequences", [True, False])
async def test_a_stopping_worker_sums_up_strangers_and_places_its_last_entries(
    supplier: Installation, *, sequences: bool
) -> None:
    async with working(supplier, sequences=sequences) as work:
        assert statuses(await work.ask("enrollment", ENROLL)) == [401]
        assert statuses(await work.ask("enrollment", b"garbage\r\n\r\n")) == [400]
    [summary] = await ledger_entries(supplier.store, "requests.refused")
    assert (summary["result"], summary["detail"]) == ("1", {"127.0.0.1 AuthenticationFailed": "1"})
    assert await supplier.store.read(lambda tx: tx.execute(SELECT_WAITING, {"most": 1})) == []
    [counted] = [line for line in work.log if line["event"] == "counted"]
    assert (counted["http_400"], counted["refused_401"]) == (1, 1)


async def test_a_job_that_fails_in_the_end_is_logged_and_ends_nothing_else(supplier: Installation) -> None:
    async with working(supplier, sequences=False) as work:
        assert statuses(await work.ask("enrollment", ENROLL)) == [401]
        await supplier.store.close()
        assert await work.get("enrollment", "/readyz") == 503
    failed = [line for line in work.log if line["event"] == "job_failed"]
    assert [line["level"] for line in failed] == ["warning", "warning"]
    assert all(line["reason"] for line in failed)


async def test_a_worker_that_cannot_record_says_so_from_the_first_request_on(
    supplier: Installation, clock: FixedClock
) -> None:
    clock.advance(timedelta(hours=-1))  # behind the last record: nothing is written
    async with working(supplier, sequences=False) as work:
        assert await work.get("publication", "/readyz") == 503
        assert await work.get("publication", "/healthz") == 200
    assert _errors(work.log) == {("cannot_record", "The machine's clock was set back behind the last record")}


async def test_a_worker_whose_database_was_replaced_serves_nobody_and_says_why(
    supplier: Installation,
) -> None:
    """Whatever it issued would be lost, and what is revoked in the other file it would never know."""
    async with working(supplier, sequences=False) as work:
        assert await work.get("publication", "/readyz") == 200
        file = supplier.home / "keyworks.db"
        shutil.copy2(file, supplier.home / "copy")
        (supplier.home / "copy").replace(file)
        assert await work.get("publication", "/readyz") == 503
        assert await work.get("publication", "/healthz") == 200
        assert statuses(await work.ask("enrollment", ENROLL)) == [503]
        await work.worker._try_writing()
    assert _errors(work.log) == {("cannot_record", "The database is not available")}
    [said] = [line for line in work.log if line["event"] == "cannot_record"]
    assert f"{file} is not the file that was opened" in said["private"]


def _errors(log: Sequence[Line]) -> set[tuple[str, str]]:
    return {(line["event"], line["reason"].partition(";")[0]) for line in log if line["level"] == "error"}


async def test_a_server_certificate_that_cannot_be_renewed_serves_until_it_ends(
    supplier: Installation, clock: FixedClock
) -> None:
    """An authority may issue no more, a channel be disabled: that is no reason not to start anew."""
    await enable_channel(supplier, "tls", enabled=False)
    clock.advance(timedelta(days=300))
    log, lines = recording_log()
    await Worker.build(supplier, log)
    assert [(line["event"], line["level"]) for line in lines] == [("server_certificate_not_renewed", "warning")]
    assert "channel tls is disabled" in lines[0]["reason"]
    clock.advance(timedelta(days=66))
    with pytest.raises(OperatorError, match="channel tls is disabled"):
        await Worker.build(supplier, log)


async def test_a_renewed_server_certificate_is_offered_to_new_connections(
    supplier: Installation, clock: FixedClock
) -> None:
    contexts = await Contexts.load(supplier)
    before = contexts.asking(), contexts.plain()
    own = await server_certificate(supplier)
    clock.advance(timedelta(days=300))
    await contexts.reload(supplier)
    assert (await server_certificate(supplier)).chain[0] != own.chain[0]
    assert contexts.asking() is not before[0]
    assert contexts.plain() is not before[1]
