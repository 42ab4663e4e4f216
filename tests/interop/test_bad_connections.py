"""Bad connections: slow, silent, many, or full of garbage. Each ends, is counted, and harms nobody else."""

import contextlib
import resource
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from keyworks.settings.node import Limits
from tests.interop.est_plant import Client, Site, create, serving
from tests.unit.server.small_server import statuses

SMALL: Final = Limits(
    handshake_seconds=0.5,
    header_seconds=0.5,
    body_seconds=0.5,
    idle_seconds=0.5,
    max_header_octets=4096,
    max_headers=20,
    max_connections=100,
)
HOST: Final = b"Host: localhost\r\n"
CLOSE: Final = HOST + b"Connection: close\r\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A supplier's installation with small limits, serving."""
    with serving(create(tmp_path_factory.mktemp("small"), "supplier", SMALL)) as site:
        yield site


@pytest.fixture(scope="module")
def small_station(site: Site) -> Client:
    return site.station("line-1", "idevid")


@pytest.fixture(scope="module")
def spare(site: Site) -> Iterator[str]:
    """Serial numbers of devices without a certificate."""
    numbers = [f"SN-spare-{number}" for number in range(100)]
    site.register(*numbers)
    return iter(numbers)


@pytest.fixture(autouse=True)
def _as_well_as_before(site: Site, small_station: Client, spare: Iterator[str]) -> Iterator[None]:
    workers = site.workers
    yield
    assert site.workers == workers
    assert enrolls(site, small_station, next(spare))
    assert [line for line in site.server.log_lines() if line["level"] in ("warning", "error")] == []


def enrolls(site: Site, station: Client, serial_number: str) -> bool:
    return site.enroll("idevid", site.wish(f"/serialNumber={serial_number}"), *station.options).status == 200


def connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30)


def connect_tls(site: Site, url: str | None = None) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(site.trust))
    return context.wrap_socket(connect(url or site.server.enrollment), server_hostname="localhost")


def everything(stream: socket.socket) -> bytes:
    """Return what comes until the other side closes; a reset is an end too."""
    parts = []
    with contextlib.suppress(ConnectionError, ssl.SSLEOFError):
        while part := stream.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def exchange(site: Site, data: bytes) -> bytes:
    """Send octets inside TLS; return everything until the server closes."""
    with connect_tls(site) as stream:
        stream.sendall(data)
        return everything(stream)


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (b"\x00\xff\x16\x03garbage\r\n\r\n", [400]),
        (b"HELO mail\r\n", [400]),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 5000 + b"\r\n\r\n", [431]),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 20 + b"\r\n", [431]),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + CLOSE + b"\r\n", [414]),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\nGET /healthz HTTP/1.1\r\n" + CLOSE + b"\r\n", [200, 200]),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\nGARBAGE\r\n\r\n", [200, 400]),
        (b"GET /healthz HTTP/1.1\r\n\r\n", [400]),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", [400]),
        (b"GET /healthz HTTP/1.0\r\n\r\n", [200]),
        (
            b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            [400],
        ),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", [400]),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3, 3\r\n\r\nabc", [400]),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length : 3\r\n\r\nabc", [400]),
        (
            b"POST / HTTP/1.1\r\n"
            + HOST
            + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: a\r\n\r\n0\r\n\r\n",
            [400],
        ),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", [400]),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", [400]),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", [400]),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n", [400]),
    ],
    ids=lambda value: str(value)[:70],
)
def test_what_cannot_be_read_in_one_way_only_is_refused(site: Site, sent: bytes, found: list[int]) -> None:
    """RFC 9112 §2.2, §3, §5.1, §6.1, §6.3, §7.1, §11.2: nothing is smuggled."""
    assert statuses(exchange(site, sent)) == found


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/..",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/.well-known/est/../../keyworks.toml",
            "//",
            "/%",
            "/%zz",
            "/%00",
        ),
        *("/.well-known/est/%00/cacerts", "/.well-known/est/idevid%00/cacerts", "/.well-known/est/%ff/cacerts"),
        *("/.well-known/est/idevid/cacerts/..", "/.well-known/est/idevid/cacerts%0d%0aX:%20y", "/%f0%9f%8f%ad"),
        *("/aia/../keyworks.db", "/.well-known/est/idevid/cacerts;a", "/?" + "a" * 100, "/#fragment"),
    ],
)
def test_a_path_that_leads_nowhere_is_not_found(site: Site, path: str) -> None:
    answer = exchange(site, f"GET {path} HTTP/1.1\r\n".encode() + CLOSE + b"\r\n")
    assert statuses(answer) in ([404], [400])
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert b"\r\nx: y" not in head


def test_the_whole_address_may_stand_in_the_request_line(site: Site) -> None:
    """RFC 9112 §3.2.2."""
    url = site.server.enrollment.encode()
    assert statuses(exchange(site, b"GET " + url + b"/healthz HTTP/1.1\r\n" + CLOSE + b"\r\n")) == [200]


@pytest.mark.parametrize("garbage", [b"\x00" * 600, b"\xff" * 70_000, b"SSH-2.0-OpenSSH_9.2\r\n", b"\n"])
def test_who_does_not_speak_tls_is_told_so(site: Site, garbage: bytes) -> None:
    with connect(site.server.enrollment) as stream:
        stream.sendall(garbage)
        answer = everything(stream)
    assert statuses(answer) == [400]
    assert answer.endswith(b"This port speaks TLS; use https:// in the address.\r\n")


def test_plain_http_on_the_tls_port_is_told_so(site: Site) -> None:
    answer = site.curl("/healthz", url=site.server.enrollment.replace("https", "http"))
    assert (answer.status, answer.sentence) == (400, "This port speaks TLS; use https:// in the address.\r\n")


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x00\x05hello", b"\x16" * 600, b"\x16\x03\x01\x40\x00" + b"\x01" * 20_000]
)
def test_what_only_looks_like_tls_is_cut(site: Site, garbage: bytes) -> None:
    with connect(site.server.enrollment) as stream:
        with contextlib.suppress(ConnectionError):
            stream.sendall(garbage)
        assert everything(stream)[:1] in (b"\x15", b"")


def test_tls_on_the_plain_port_is_refused(site: Site) -> None:
    with connect(site.server.publication) as stream, pytest.raises(ssl.SSLError):
        ssl.create_default_context().wrap_socket(stream, server_hostname="localhost")


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"])
def test_a_slow_handshake_is_cut(site: Site, sent: bytes) -> None:
    with connect(site.server.enrollment) as stream:
        stream.sendall(sent)
        assert everything(stream) == b""


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (b"", b"head took too long"),
        (b"POST /.well-known/est/idevid/simpl", b"head took too long"),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nab", b"body took too long"),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", b"body took too long"),
    ],
)
@pytest.mark.parametrize("listener", ["enrollment", "console", "publication"])
def test_a_slow_request_is_told_so_and_cut(site: Site, listener: str, sent: bytes, sentence: bytes) -> None:
    """RFC 9110 §15.5.9."""
    url: str = getattr(site.server, listener)
    with connect(url) if listener == "publication" else connect_tls(site, url) as stream:
        stream.sendall(sent)
        answer = everything(stream)
    assert statuses(answer) == [408]
    assert sentence in answer


def test_a_client_that_sends_one_octet_at_a_time_is_cut_all_the_same(site: Site) -> None:
    with connect_tls(site) as stream:
        stream.settimeout(0.05)
        answer = b""
        for octet in b"GET /" + b"a" * 4000:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                stream.send(bytes([octet]))
            try:
                answer = stream.recv(1 << 16)
                break
            except TimeoutError:
                continue
    assert statuses(answer) == [408]


def test_an_idle_connection_is_closed(site: Site) -> None:
    with connect_tls(site) as stream:
        stream.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
        assert statuses(everything(stream)) == [200]


def open_files(site: Site) -> int:
    return sum(len(list(Path(f"/proc/{worker}/fd").iterdir())) for worker in site.workers)


@pytest.mark.parametrize("listener", ["enrollment", "console", "publication"])
def test_a_thousand_half_open_connections_are_bounded_and_keep_nobody_out(
    site: Site, small_station: Client, spare: Iterator[str], listener: str
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    before = open_files(site)
    with contextlib.ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(connect(getattr(site.server, listener)))
        assert enrolls(site, small_station, next(spare))
        assert open_files(site) <= before + 2 * 100 + 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
