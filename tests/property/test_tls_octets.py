"""Whatever arrives where TLS is expected: an alert or silence, a count, and never an exception."""

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from keyworks.server.counters import Counters
from keyworks.server.limits import Bounds, LimitedProtocol
from keyworks.server.places import Places
from keyworks.server.transport import TLSConnection
from keyworks.settings.node import Limits
from tests.property.est_factory import spoilt
from tests.unit.server.tls_client import client_context, offering

CONTEXT = offering()()
BOUNDS = Bounds(Limits(), Counters())


class Wire(asyncio.Transport):
    """A socket's transport that keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.ended
        self.sent += bytes(data)

    def write_eof(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return False


def hello(version: int) -> bytes:
    """Return a client's first octets."""
    client = SSL.Connection(client_context(version), None)
    client.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()
    return client.bio_read(1 << 16)


HELLOS = tuple(hello(version) for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION))


def received(parts: list[bytes]) -> tuple[Wire, Mapping[str, int]]:
    """Return what is sent and counted when these octets arrive."""

    def no_http(*_: Any) -> LimitedProtocol:
        raise AssertionError("a handshake cannot be finished without its keys")

    async def receive() -> Wire:
        wire, connection = Wire(), TLSConnection(CONTEXT, BOUNDS, Places(1), no_http)
        connection.connection_made(wire)
        for part in parts:
            connection.data_received(part)
        connection.connection_lost(None)
        return wire

    return asyncio.run(receive()), BOUNDS.counters.drain()


@settings(
    max_examples=500,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    octets=st.sampled_from(HELLOS).flatmap(spoilt).filter(bool)
    | st.binary(min_size=1, max_size=200).map(lambda rest: b"\x16\x03\x01" + rest),
    places=st.sets(st.integers(1, 400), max_size=5),
)
@example(octets=HELLOS[1], places=set())
def test_octets_that_are_no_handshake(octets: bytes, places: set[int]) -> None:
    cuts = [0, *sorted(place for place in places if place < len(octets)), len(octets)]
    parts = [octets[start:end] for start, end in itertools.pairwise(cuts)]
    wire, counted = received(parts)
    assert sum(counted.values()) == 1
    [cause] = counted
    event(cause)
    assert cause in ("tls_error", "not_tls", "handshake_broken")
    assert wire.ended == (cause != "handshake_broken")
    if cause == "tls_error":
        assert wire.sent[:1] in (b"\x15", b"\x16", b"")
