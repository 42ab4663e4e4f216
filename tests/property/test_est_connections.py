"""Whatever a station sends over the real socket: never our fault, and the right certificate or none."""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from keyworks.settings.node import Limits
from tests.interop.est_plant import Site, create, serving
from tests.property.est_factory import (
    ENROLL,
    SERIAL_NUMBERS,
    check_certificate,
    good,
    put_together,
    request_with,
    spoilt,
    the_certificate,
)

LIMITS = Limits(header_seconds=0.3, body_seconds=0.3, idle_seconds=0.3)
REQUESTS = [put_together(good(number)) for number in range(len(SERIAL_NUMBERS))]
BODIES = [request_with(request, None).body for request in REQUESTS]
ANSWERS = {200, 400, 401, 403, 404, 405, 408, 413, 414, 415, 429, 431}


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, ssl.SSLContext]]:
    """A supplier's server, and what its station connects with."""
    with serving(create(tmp_path_factory.mktemp("plant"), "supplier", LIMITS)) as site:
        site.register(*SERIAL_NUMBERS)
        station = site.station("line-1", "idevid")
        context = ssl.create_default_context(cafile=str(site.trust))
        context.load_cert_chain(station.chain, station.key)
        yield site, context
        assert [line for line in site.server.log_lines() if line["level"] in ("warning", "error")] == []


def chunked(body: bytes, size: int = 100) -> bytes:
    parts = [body[place : place + size] for place in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


FRAMINGS = st.sampled_from(
    [
        lambda body: (b"Content-Length: %d\r\n" % len(body), body),
        lambda body: (b"Content-Length: %d\r\n" % (len(body) - 7), body),
        lambda body: (b"Content-Length: %d\r\n" % (len(body) + 7), body),
        lambda body: (b"Content-Length: 00%d\r\n" % len(body), body),
        lambda body: (b"Content-Length: 99999999999999999999999\r\n", body),
        lambda body: (b"Content-Length: %d\r\n" % len(body) * 2, body),
        lambda body: (b"Transfer-Encoding: chunked\r\n", chunked(body)),
        lambda body: (b"Transfer-Encoding: chunked\r\n", chunked(body, 1)),
        lambda body: (b"Transfer-Encoding: chunked\r\n", chunked(body)[:-2] + b"X-Trailer: a\r\n\r\n"),
        lambda body: (b"Transfer-Encoding: chunked\r\n", body),
        lambda body: (b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n" % len(body), chunked(body)),
        lambda body: (b"Transfer-Encoding: gzip, chunked\r\n", chunked(body)),
        lambda body: (b"", body),
    ]
)
LINES = st.sampled_from(
    [
        *[f"POST {ENROLL} HTTP/1.1".encode()] * 6,
        f"POST {ENROLL}?a=b HTTP/1.1".encode(),
        f"POST {ENROLL.replace('e', '%65')} HTTP/1.1".encode(),
        f"POST https://localhost{ENROLL} HTTP/1.1".encode(),
        f"POST {ENROLL} HTTP/1.0".encode(),
        f"POST {ENROLL} HTTP/3.1".encode(),
        f"post {ENROLL} HTTP/1.1".encode(),
        f"GET {ENROLL} HTTP/1.1".encode(),
        f"POST {ENROLL}".encode(),
        b"POST /.well-known/est/idevid/../idevid/simpleenroll HTTP/1.1",
        b"POST \xff HTTP/1.1",
    ]
)
FIELDS = st.lists(
    st.sampled_from(
        [
            b"Host: localhost\r\n",
            b"Content-Type: application/pkcs10\r\n",
            b"Content-Type: text/html\r\n",
            b"Authorization: Basic AAAA\r\n",
            b"Expect: 100-continue\r\n",
            b"Connection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n",
            b"X: " + b"a" * 9000 + b"\r\n",
            b"X: a\r\n" * 70,
            b"X:\x00\r\n",
            b" folded\r\n",
            b"no colon\r\n",
        ]
    ),
    max_size=2,
)
STREAMS = st.builds(
    lambda number, line, fields, framing: _stream(line, fields, *framing(BODIES[number])),
    st.integers(0, len(BODIES) - 1),
    LINES,
    FIELDS,
    FRAMINGS,
)


def _stream(line: bytes, fields: list[bytes], framing: bytes, body: bytes) -> bytes:
    return b"".join((line, b"\r\nHost: localhost\r\n", *fields, framing, b"Connection: close\r\n\r\n", body))


def exchange(plant: tuple[Site, ssl.SSLContext], data: bytes) -> bytes:
    """Send octets inside TLS; return everything until the server closes."""
    site, context = plant
    address = urlsplit(site.server.enrollment)
    with (
        socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as stream,
    ):
        parts = []
        with contextlib.suppress(ConnectionError, ssl.SSLEOFError):
            stream.sendall(data)
            while part := stream.recv(1 << 16):
                parts.append(part)
    return b"".join(parts)


def responses(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield status and body of each response but the interim ones; each says its length."""
    while octets:
        head, _, rest = octets.partition(b"\r\n\r\n")
        version, status, *_ = head.split(b" ")
        assert version == b"HTTP/1.1"
        length = 0
        if status != b"100":
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            length = int(fields[b"content-length"])
            yield int(status), rest[:length]
        octets = rest[length:]


@settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(data=st.one_of(STREAMS, STREAMS, STREAMS.flatmap(spoilt)))
@example(data=b"\x00")
def test_a_stream_of_which_any_part_is_another(plant: tuple[Site, ssl.SSLContext], data: bytes) -> None:
    found = list(responses(exchange(plant, data)))
    event(f"statuses {[status for status, _ in found]}")
    assert found
    for status, body in found:
        assert status in ANSWERS
        if status == 200:
            [request] = [known for known in REQUESTS if the_certificate(body).find(_key_of(known)) > 0]
            check_certificate(the_certificate(body), request)


def _key_of(request: bytes) -> bytes:
    [key] = [good(number).public_key for number in range(len(REQUESTS)) if good(number).public_key in request]
    return key
