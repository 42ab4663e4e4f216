"""TLS under HTTP: octets arrive in any portions, and every connection ends."""

import asyncio
import contextlib
import socket
import struct
from typing import Any

import pytest
from OpenSSL import SSL

from keyworks.protocols.exchange import Reply, Request
from keyworks.settings.node import Limits
from tests.unit.server.small_server import GET, Echo, serving, statuses
from tests.unit.server.tls_client import TLSClient, client_context, offering, records
from tests.unit.x509.chains import GOOD_LEAF, made

LAST = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
BOTH_VERSIONS = pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])
LARGE = b"0123456789abcdef" * 1_000_000
QUICK = Limits(handshake_seconds=0.05, idle_seconds=0.05)


async def large(_: Request) -> Reply:
    return Reply(200, body=LARGE)


@BOTH_VERSIONS
async def test_a_request_may_arrive_together_with_the_end_of_the_handshake(version: int) -> None:
    async with serving(Echo().respond, context=offering()) as small:
        client = await TLSClient(small, client_context(version)).handshake(early=LAST)
        assert statuses(await client.read()) == [200]


@BOTH_VERSIONS
async def test_octets_may_arrive_one_by_one(version: int) -> None:
    async with serving(Echo().respond, context=offering()) as small:
        client = await TLSClient(small, client_context(version), step=1).handshake(early=LAST)
        assert statuses(await client.read()) == [200]


async def test_head_and_body_of_an_answer_share_one_record() -> None:
    async with serving(Echo().respond, context=offering()) as small:
        client = await TLSClient(small).handshake(early=GET)
        await client.read(b"GET / 0\n")
        before = len(client.received)
        await client.send(GET)
        await client.read(b"GET / 0\n")
        assert len(records(client.received[before:])) == 1


@BOTH_VERSIONS
async def test_a_large_answer_arrives_whole(version: int) -> None:
    async with serving(large, context=offering()) as small:
        client = await TLSClient(small, client_context(version)).handshake(early=LAST)
        assert (await client.read()).partition(b"\r\n\r\n")[2] == LARGE


async def test_a_client_that_never_reads_is_cut() -> None:
    async with serving(large, QUICK, offering()) as small:
        client = await TLSClient(small).handshake()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(GET)
        await small.counters.counted("reader_slow")
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        received = 0
        with contextlib.suppress(ConnectionError):
            while data := await client.reader.read(1 << 20):
                received += len(data)
        assert received < len(LARGE)


async def test_a_client_that_leaves_an_answer_unread_is_cut_after_the_close() -> None:
    async with serving(large, Limits(idle_seconds=0.05), offering()) as small:
        client = await TLSClient(small).handshake()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(LAST)
        await small.counters.counted("reader_slow")


@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"\x00", b"\xff" * 70_000])
async def test_who_does_not_speak_tls_is_told_in_plain_http(garbage: bytes, step: int) -> None:
    async with serving(Echo().respond, context=offering()) as small:
        reader, writer = await small.connect()
        for place in range(0, min(len(garbage), step * 100), step):
            writer.write(garbage[place : place + step])
            await writer.drain()
        assert await reader.read() == (
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 52\r\n"
            b"connection: close\r\n\r\nThis port speaks TLS; use https:// in the address.\r\n"
        )
        assert small.counters.drain() == {"not_tls": 1}


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16" + b"\x00" * 100,
        b"\x16\x03\x01\x00\x05garbage",
        b"\x16\x03\x01\xff\xff" + b"\x01" * 1000,
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
    ],
)
async def test_what_only_looks_like_tls_is_cut_with_an_alert(garbage: bytes) -> None:
    """RFC 8446 §6.2."""
    async with serving(Echo().respond, QUICK, offering()) as small:
        reader, writer = await small.connect()
        writer.write(garbage)
        with contextlib.suppress(ConnectionError):
            assert (await reader.read())[:1] in (b"\x15", b"")
        [(cause, _)] = small.counters.drain().items()
        assert cause in ("tls_error", "handshake_slow")


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00"])
async def test_a_slow_handshake_is_cut(sent: bytes) -> None:
    async with serving(Echo().respond, QUICK, offering()) as small:
        reader, writer = await small.connect()
        writer.write(sent)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        assert small.counters.drain() == {"handshake_slow": 1}


@pytest.mark.parametrize(("sent", "cause"), [(b"", "closed_unused"), (b"\x16\x03\x01", "handshake_broken")])
async def test_a_client_that_leaves_before_the_handshake_is_counted(sent: bytes, cause: str) -> None:
    async with serving(Echo().respond, context=offering()) as small:
        _, writer = await small.connect()
        writer.write(sent)
        await writer.drain()
        writer.close()
        await small.counters.counted(cause)
        assert small.counters.drain() == {cause: 1}


@BOTH_VERSIONS
async def test_a_record_that_was_tampered_with_ends_the_connection(version: int) -> None:
    """RFC 8446 §5.2: bad_record_mac."""
    echo = Echo()
    async with serving(echo.respond, context=offering()) as small:
        client = await TLSClient(small, client_context(version)).handshake()
        client.tls.send(GET)
        record = bytearray(client.waiting())
        record[-1] ^= 1
        await client.put(bytes(record))
        with pytest.raises((SSL.Error, EOFError)):
            await client.read(b"never")
        assert echo.requests == []
        assert small.counters.drain() == {"tls_error": 1}


async def test_a_client_that_says_close_notify_gets_it_back() -> None:
    """RFC 8446 §6.1."""
    async with serving(Echo().respond, context=offering()) as small:
        client = await TLSClient(small).handshake()
        client.tls.shutdown()
        await client.flush()
        assert await client.read() == b""
        await client.end()
        assert small.counters.drain() == {}


async def test_a_client_that_closes_its_side_without_a_word_is_closed() -> None:
    async with serving(Echo().respond, context=offering()) as small:
        client = await TLSClient(small).handshake()
        await client.send(b"GET / HT")
        client.writer.write_eof()
        await client.end()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("abruptly", [False, True])
async def test_no_timer_is_left_behind_by_a_connection_that_is_gone(*, tls: bool, abruptly: bool) -> None:
    """It would keep the TLS state of every client in memory until the idle time is over."""
    timers: list[asyncio.TimerHandle] = []
    loop = asyncio.get_running_loop()
    later = loop.call_later

    def noting(delay: float, *arguments: Any, **options: Any) -> asyncio.TimerHandle:
        timers.append(later(delay, *arguments, **options))
        return timers[-1]

    async with serving(Echo().respond, context=offering() if tls else None) as small:
        loop.call_later = noting  # type: ignore[method-assign,assignment]
        if tls:
            client = await TLSClient(small).handshake(early=GET)
            await client.read(b"GET / 0\n")
        else:
            reader, writer = await small.connect()
            writer.write(GET)
            await reader.readuntil(b"GET / 0\n")
        [(reader, writer)] = small.clients
        if abruptly:
            no_goodbye = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_goodbye)
            writer.transport.abort()
        else:
            writer.write_eof()
            await reader.read()
        if tls:
            await (await TLSClient(small).handshake(early=LAST)).end()
        else:
            await small.exchange(LAST)
        assert len(timers) > 2
        assert [timer for timer in timers if not timer.cancelled()] == []


async def test_keys_are_not_negotiated_anew() -> None:
    """RFC 5246 §7.2.2 no_renegotiation; renegotiation would let a certificate appear in mid-connection."""
    async with serving(Echo().respond, context=offering()) as small:
        client = await TLSClient(small, client_context(SSL.TLS1_2_VERSION)).handshake()
        client.tls.renegotiate()
        with pytest.raises(SSL.WantReadError):
            client.tls.do_handshake()
        await client.flush()
        with pytest.raises((SSL.Error, EOFError)) as refused:
            await client.read(b"never")
        assert "renegotiation" in str(refused.value) or isinstance(refused.value, EOFError)
        other = await TLSClient(small).handshake(early=LAST)
        assert statuses(await other.read()) == [200]


async def test_a_refusal_arrives_though_the_client_is_still_sending() -> None:
    async with serving(Echo().respond, context=offering()) as small:
        client = await TLSClient(small).handshake()
        await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n")
        for _ in range(10):
            await client.send(b"a" * 1_000_000)
        assert statuses(await client.read()) == [413]


@BOTH_VERSIONS
async def test_any_issuer_s_certificate_gets_through_with_what_is_above_it(version: int) -> None:
    echo = Echo()
    issuer = made("unknown issuer")
    holder = made("device", GOOD_LEAF, issuer)
    async with serving(echo.respond, context=offering()) as small:
        client = await TLSClient(small, client_context(version, holder, [issuer])).handshake(early=LAST)
        assert statuses(await client.read()) == [200]
    presented = echo.requests[0].presented
    assert presented is not None
    assert presented.certificates == (holder.der, issuer.der)


async def test_a_certificate_of_another_s_is_never_taken_for_the_client_s() -> None:
    """Only the first certificate's key is proven: were a borrowed one put there, anybody could be anybody."""
    echo = Echo()
    victim = made("victim", GOOD_LEAF, made("known issuer"))
    attacker = made("attacker", GOOD_LEAF)
    async with serving(echo.respond, context=offering()) as small:
        context = client_context(holder=attacker, above=[victim])
        client = await TLSClient(small, context).handshake(early=LAST)
        assert statuses(await client.read()) == [200]
    presented = echo.requests[0].presented
    assert presented is not None
    assert presented.certificates[0] == attacker.der


async def test_a_chain_that_nobody_needs_is_refused_in_a_sentence() -> None:
    echo = Echo()
    holder, *above = [made(f"link {number}") for number in range(9)]
    async with serving(echo.respond, context=offering()) as small:
        client = await TLSClient(small, client_context(holder=holder, above=above)).handshake(early=LAST)
        answer = await client.read()
        assert statuses(answer) == [400]
        assert b"a chain of 9 certificates" in answer
        assert echo.requests == []
        assert small.counters.drain() == {"chain_too_long": 1, "http_400": 1}


async def test_a_listener_that_does_not_ask_gets_no_certificate() -> None:
    echo = Echo()
    context = client_context(holder=made("device", GOOD_LEAF))
    async with serving(echo.respond, context=offering(ask_for_client=False)) as small:
        client = await TLSClient(small, context).handshake(early=LAST)
        assert statuses(await client.read()) == [200]
    assert echo.requests[0].presented is None
