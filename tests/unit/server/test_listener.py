"""From an open socket to connections, and to their orderly end."""

import asyncio
from email.utils import parsedate_to_datetime

import pytest

from keyworks.settings.node import Limits
from keyworks.testing import NOON
from tests.unit.server.small_server import GET, Echo, serving, statuses
from tests.unit.server.tls_client import TLSClient, offering

BOTH = pytest.mark.parametrize("tls", [False, True])


async def test_an_answer_is_dated_by_the_clock() -> None:
    """RFC 9110 §6.6.1."""
    async with serving(Echo().respond, Limits(idle_seconds=0.05)) as small:
        [line] = [one for one in (await small.exchange(GET)).split(b"\r\n") if one.startswith(b"date: ")]
    assert parsedate_to_datetime(line[6:].decode()).timestamp() == NOON


@BOTH
async def test_an_adapter_is_told_whether_the_connection_is_tls(*, tls: bool) -> None:
    """What must not travel in the clear depends on it."""
    echo = Echo()
    async with serving(echo.respond, Limits(idle_seconds=0.05), offering() if tls else None) as small:
        if tls:
            await (await TLSClient(small).handshake(early=GET)).read()
        else:
            await small.exchange(GET)
    assert [one.secure for one in echo.requests] == [tls]


@BOTH
async def test_a_stopping_listener_finishes_what_it_is_answering(*, tls: bool) -> None:
    echo = Echo()
    echo.go.clear()
    async with serving(echo.respond, context=offering() if tls else None) as small:
        if tls:
            client = await TLSClient(small).handshake(early=GET)
            answer = asyncio.ensure_future(client.read())
        else:
            answer = asyncio.ensure_future(small.exchange(GET))
        await echo.asked.wait()
        stopping = asyncio.ensure_future(small.listener.stop(10.0))
        await asyncio.sleep(0)
        with pytest.raises(ConnectionError):
            await small.connect()
        echo.go.set()
        await stopping
        received = await answer
    assert statuses(received) == [200]
    assert b"\r\nconnection: close\r\n" in received


@BOTH
async def test_a_stopping_listener_closes_what_nobody_is_waiting_on(*, tls: bool) -> None:
    async with serving(Echo().respond, context=offering() if tls else None) as small:
        silent, _ = await small.connect()
        if tls:
            await TLSClient(small).handshake()
        else:
            reader, writer = await small.connect()
            writer.write(GET)
            await reader.readline()
        await small.listener.stop(10.0)
        await asyncio.gather(*(reader.read() for reader, _ in small.clients))
        assert await silent.read() == b""


@BOTH
async def test_a_stopping_listener_cuts_what_takes_too_long(*, tls: bool) -> None:
    echo = Echo()
    echo.go.clear()
    async with serving(echo.respond, context=offering() if tls else None) as small:
        if tls:
            await TLSClient(small).handshake(early=GET)
        else:
            _, writer = await small.connect()
            writer.write(GET)
        await echo.asked.wait()
        await small.listener.stop(0.0)
        reader, _ = small.clients[0]
        assert b"HTTP/1.1 200" not in await reader.read()
        echo.go.set()


async def test_a_listener_that_never_started_stops() -> None:
    async with serving(Echo().respond) as small:
        await small.listener.stop(0.0)
        await small.listener.stop(0.0)
