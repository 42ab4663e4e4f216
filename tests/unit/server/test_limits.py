"""Every connection is bounded in time and in octets, and what is refused is refused in its turn."""

import asyncio
import contextlib

import pytest

from keyworks.protocols.exchange import Reply, Request
from keyworks.server.limits import MAX_PIPELINED, MAX_URL_OCTETS
from keyworks.settings.node import Limits
from tests.unit.server.small_server import GET, Echo, serving, statuses

SMALL = Limits(max_header_octets=1024, max_headers=8, max_body_octets=100)
QUICK = Limits(header_seconds=0.05, body_seconds=0.05, idle_seconds=0.05)
HOST = b"Host: h\r\n"


@pytest.mark.parametrize(
    ("request_octets", "status"),
    [
        (b"GET /" + b"a" * MAX_URL_OCTETS + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 2000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 8 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 101\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n65\r\n" + b"a" * 101, 413),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\naa", 400),
        (
            b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
        (b"CONNECT h:443 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/0.9\r\n" + HOST + b"\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b" folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: h\n\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"\x80\x00garbage\r\n\r\n", 400),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_what_cannot_be_answered_is_refused_once_with_a_sentence_and_closed(
    request_octets: bytes, status: int
) -> None:
    """RFC 9112 §2.2, §3.2, §6.1, §6.3; RFC 9110 §15.5."""
    echo = Echo()
    async with serving(echo.respond, SMALL) as small:
        answer = await small.exchange(request_octets)
        assert statuses(answer) == [status]
        assert b"\r\nconnection: close\r\n" in answer
        assert answer.endswith(b".\n")
        assert small.counters.drain() == {f"http_{status}": 1}
        assert echo.requests == []


async def test_a_head_that_never_ends_is_not_kept() -> None:
    async with serving(Echo().respond, SMALL) as small:
        reader, writer = await small.connect()
        writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"X: ")
        for _ in range(100):
            writer.write(b"a" * 64)
            await writer.drain()
            await asyncio.sleep(0)
        assert statuses(await reader.read()) == [431]


@pytest.mark.parametrize("ending", [b"a" * 5000, b"X: " + b"a" * 5000, b"X: a\r\n" * 200])
async def test_what_follows_a_chunked_body_is_bounded_too(ending: bytes) -> None:
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    async with serving(Echo().respond, SMALL) as small:
        reader, writer = await small.connect()
        writer.write(head)
        assert await _trickled(reader, writer, b"1\r\na\r\n0\r\n" + ending) in ([431], [400])


async def _trickled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> list[int]:
    for place in range(0, len(data), 100):
        writer.write(data[place : place + 100])
        await writer.drain()
        await asyncio.sleep(0)
    return statuses(await reader.read())


async def test_a_trailer_adds_no_field_to_the_request() -> None:
    """RFC 9110 §6.5.1: only fields whose definition permits it may be merged into the head."""
    echo = Echo()
    async with serving(echo.respond) as small:
        await small.exchange(
            b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            b"1\r\na\r\n0\r\nAuthorization: Basic YTpi\r\n\r\n"
        )
    assert [request.body for request in echo.requests] == [b"a"]
    assert "authorization" not in echo.requests[0].headers


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", 408),
        (b"GET / HT", 408),
        (b"\r\n\r\n", 408),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nab", 408),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", 408),
    ],
)
async def test_a_slow_client_is_told_so_and_cut(sent: bytes, status: int) -> None:
    """RFC 9110 §15.5.9."""
    echo = Echo()
    async with serving(echo.respond, QUICK) as small:
        assert statuses(await small.exchange(sent)) == [status]
        assert small.counters.drain() == {"http_408": 1}
        assert echo.requests == []


async def test_a_connection_on_which_nothing_more_is_asked_is_closed() -> None:
    limits = Limits(idle_seconds=0.05)
    async with serving(Echo().respond, limits) as small:
        assert statuses(await small.exchange(GET)) == [200]
        assert small.counters.drain() == {}


async def test_a_client_that_never_reads_is_cut() -> None:
    async def much(_: Request) -> Reply:
        return Reply(200, body=b"a" * 32_000_000)

    async with serving(much, QUICK) as small:
        reader, writer = await small.connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(GET)
        await small.counters.counted("reader_slow")
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        received = 0
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1_000_000):
                received += len(data)
        assert received < 32_000_000


async def test_a_client_that_leaves_an_answer_unread_is_cut_after_the_close() -> None:
    async def much(_: Request) -> Reply:
        return Reply(200, body=b"a" * 32_000_000)

    async with serving(much, Limits(idle_seconds=0.05)) as small:
        _, writer = await small.connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        await small.counters.counted("reader_slow")
        writer.transport.abort()


async def test_pipelined_requests_are_answered_in_order() -> None:
    """RFC 9112 §9.3.2."""
    requests = b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % number for number in range(MAX_PIPELINED))
    async with serving(Echo().respond, QUICK) as small:
        answer = await small.exchange(requests)
    assert statuses(answer) == [200] * MAX_PIPELINED
    places = [answer.index(b"GET /%d " % number) for number in range(MAX_PIPELINED)]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("second", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 2000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"a" * 101, 413),
    ],
)
async def test_a_refusal_waits_for_the_answers_before_it(second: bytes, status: int) -> None:
    """RFC 9112 §9.3.2: a client that pipelines would take it for the answer to its first request."""
    echo = Echo()
    echo.go.clear()
    async with serving(echo.respond, SMALL) as small:
        reader, writer = await small.connect()
        writer.write(GET + second)
        await small.counters.counted(f"http_{status}")
        echo.go.set()
        assert statuses(await reader.read()) == [200, status]
        assert len(echo.requests) == 1


async def test_a_slow_body_behind_a_slow_answer_is_refused_in_its_turn() -> None:
    echo = Echo()
    echo.go.clear()
    async with serving(echo.respond, QUICK) as small:
        reader, writer = await small.connect()
        writer.write(GET + b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")
        await small.counters.counted("http_408")
        echo.go.set()
        assert statuses(await reader.read()) == [200, 408]
        assert [request.method for request in echo.requests] == ["GET"]


async def test_a_head_begun_behind_an_answer_has_its_deadline_from_that_answer_on() -> None:
    async with serving(Echo().respond, Limits(header_seconds=0.05)) as small:
        assert statuses(await small.exchange(GET + b"GET / HT")) == [200, 408]


async def test_more_than_a_handful_of_pipelined_requests_is_refused_after_the_handful() -> None:
    echo = Echo()
    async with serving(echo.respond) as small:
        answer = await small.exchange(GET * 1000)
    assert statuses(answer) == [200] * MAX_PIPELINED + [429]
    assert len(echo.requests) == MAX_PIPELINED


async def test_nothing_that_follows_the_last_request_of_a_connection_is_answered() -> None:
    """RFC 9112 §9.6: after "close", the server must not process further requests."""
    echo = Echo()
    last = b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    async with serving(echo.respond) as small:
        assert statuses(await small.exchange(last + GET)) == [200]
    assert [request.path for request in echo.requests] == ["/last"]


async def test_an_offer_to_upgrade_is_ignored_and_what_follows_is_answered() -> None:
    """RFC 9110 §7.8; were the rest dropped, a later part of it could pass for a request of its own."""
    echo = Echo()
    offer = b"GET /1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    async with serving(echo.respond, QUICK) as small:
        assert statuses(await small.exchange(offer + offer + GET)) == [200, 200, 200]


async def test_a_body_is_asked_for_only_where_it_would_be_taken() -> None:
    """RFC 9110 §10.1.1."""
    head = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    async with serving(Echo().respond, SMALL) as small:
        assert statuses(await small.exchange(head % 101)) == [413]
        reader, writer = await small.connect()
        writer.write(head % 3)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")


async def test_a_refused_head_request_gets_no_body() -> None:
    """RFC 9110 §9.3.2."""
    async with serving(Echo().respond, SMALL) as small:
        answer = await small.exchange(b"HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b"\r\n\r\n")


async def test_a_refusal_arrives_though_the_client_is_still_sending() -> None:
    """RFC 9112 §9.6: closed at once, the system would reset the connection and take the answer away."""
    async with serving(Echo().respond, SMALL) as small:
        head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n"
        assert statuses(await small.exchange(head, *[b"a" * 1_000_000] * 10)) == [413]


async def test_a_client_that_goes_away_leaves_no_trace() -> None:
    echo = Echo()
    echo.go.clear()
    async with serving(echo.respond) as small:
        _, writer = await small.connect()
        writer.write(GET + GET + b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")
        await echo.asked.wait()
        writer.transport.abort()
        echo.go.set()
        assert statuses(await small.exchange(b"GET /after HTTP/1.0\r\n\r\n")) == [200]
        assert small.counters.drain() == {}
        assert [line for line in small.log if line["level"] == "error"] == []
