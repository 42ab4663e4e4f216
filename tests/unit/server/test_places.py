"""Places are bounded, and strangers who say nothing keep nobody out."""

import asyncio
import contextlib
import resource

import pytest

from keyworks.protocols.exchange import Reply, Request
from keyworks.server.places import RESERVED_FILES, Places, places_for
from keyworks.settings.node import Limits
from tests.unit.server.small_server import GET, Echo, Small, serving, statuses
from tests.unit.server.tls_client import TLSClient, offering

FEW = Limits(max_connections=4)
LAST = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that only notes how it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = ""

    def abort(self) -> None:
        self.ended = "aborted"

    def close(self) -> None:
        self.ended = "closed"


def test_the_oldest_new_connection_makes_room() -> None:
    places, wires = Places(2), [Wire() for _ in range(4)]
    assert [places.take(wire) for wire in wires] == [True] * 4
    assert [wire.ended for wire in wires] == ["aborted", "aborted", "", ""]


def test_where_all_have_got_somewhere_the_one_idle_longest_makes_room() -> None:
    places, wires = Places(3), [Wire() for _ in range(6)]
    for wire in wires[:3]:
        places.take(wire)
        places.settle(wire)
    for wire in (wires[1], wires[0]):
        places.rest(wire)
    places.settle(wires[1])
    places.rest(wires[1])
    assert [places.take(wire) for wire in wires[3:]] == [True] * 3
    assert [wire.ended for wire in wires] == ["aborted", "", "", "aborted", "aborted", ""]


def test_a_connection_has_one_place() -> None:
    places, wires = Places(2), [Wire(), Wire()]
    assert [places.take(wire) for wire in (wires[0], wires[0], wires[1])] == [True] * 3
    places.settle(wires[0])
    assert places.take(wires[0])
    places.rest(wires[0])
    assert places.take(wires[0])
    assert [wire.ended for wire in wires] == ["", ""]


def test_a_settled_connection_keeps_its_place() -> None:
    places, wires = Places(2), [Wire() for _ in range(3)]
    for wire in wires[:2]:
        assert places.take(wire)
        places.settle(wire)
    assert not places.take(wires[2])
    places.release(wires[0])
    assert places.take(wires[2])
    assert [wire.ended for wire in wires] == ["", "", ""]


def test_a_connection_that_has_lost_its_place_does_not_get_it_back() -> None:
    places, wires = Places(1), [Wire() for _ in range(3)]
    places.take(wires[0])
    places.take(wires[1])
    places.settle(wires[0])
    assert places.take(wires[2])
    assert wires[1].ended == "aborted"


def test_all_are_closed_in_the_end() -> None:
    places, wires = Places(3), [Wire(), Wire(), Wire()]
    for wire in wires:
        places.take(wire)
    for wire in wires[:2]:
        places.settle(wire)
    places.rest(wires[0])
    places.close_all()
    assert [wire.ended for wire in wires] == ["closed"] * 3


def test_a_listener_takes_its_share_of_the_files_that_may_be_open() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (RESERVED_FILES + 300, hard))
    try:
        assert places_for(50) == 50
        assert places_for(4096) == 100
        resource.setrlimit(resource.RLIMIT_NOFILE, (RESERVED_FILES, hard))
        assert places_for(4096) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("tls", [False, True])
async def test_half_open_connections_keep_nobody_out(*, tls: bool) -> None:
    async with serving(Echo().respond, FEW, offering() if tls else None) as small:
        silent = [await small.connect() for _ in range(20)]
        assert statuses(await _answer(small, tls=tls)) == [200]
        for reader, _ in silent[:15]:
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""


@pytest.mark.parametrize("tls", [False, True])
async def test_idle_connections_keep_nobody_out(*, tls: bool) -> None:
    async with serving(Echo().respond, FEW, offering() if tls else None) as small:
        for _ in range(8):
            await _asked(small, GET, tls=tls)
        assert statuses(await _answer(small, tls=tls)) == [200]
        assert small.counters.drain() == {}


@pytest.mark.parametrize("tls", [False, True])
async def test_a_full_listener_refuses_further_connections_and_recovers(*, tls: bool) -> None:
    busy, answered = asyncio.Semaphore(0), asyncio.Event()

    async def respond(_: Request) -> Reply:
        busy.release()
        await answered.wait()
        return Reply(200)

    async with serving(respond, FEW, offering() if tls else None) as small:
        asking = [asyncio.create_task(_answer(small, tls=tls)) for _ in range(4)]
        for _ in asking:
            await busy.acquire()
        with contextlib.suppress(ConnectionError):
            assert await small.exchange(GET) == b""
        assert small.counters.drain() == {"too_many_connections": 1}
        answered.set()
        assert [statuses(await one) for one in asking] == [[200]] * 4
        assert statuses(await _answer(small, tls=tls)) == [200]


async def _asked(small: Small, request: bytes, *, tls: bool) -> None:
    """Ask on a new connection, read the beginning of the answer, and leave the connection open."""
    if tls:
        client = await TLSClient(small).handshake(early=request)
        assert await client.read(b"\r\n")
    else:
        reader, writer = await small.connect()
        writer.write(request)
        assert await reader.readline()


async def _answer(small: Small, *, tls: bool) -> bytes:
    if tls:
        return await (await TLSClient(small).handshake(early=LAST)).read()
    return await small.exchange(LAST)
