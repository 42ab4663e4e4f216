"""``python -m tests.bench.attack``: somebody who means the server no good; a process of its own.

Reads one JSON document from standard input. Loopback only, bounded in connections and seconds.
"""

import asyncio
import base64
import json
import ssl
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from tests.unit.x509.requests import Plan, request

LARGE: Final = Path(__file__).parents[1] / "vectors" / "large-client-key"
_HEAD: Final = b"POST /.well-known/est/idevid/simpleenroll HTTP/1.1\r\nHost: localhost\r\n"
_TYPE: Final = b"Content-Type: application/pkcs10\r\n"


@dataclass(frozen=True)
class Target:
    """Whom, how long, and as whom if as somebody.

    Args:
        host: On loopback.
        port: Of the enrollment listener.
        ends: When to stop, by the monotonic clock.
        credential: PEM of a station's certificate, chain and key.
    """

    host: str
    port: int
    ends: float
    credential: str

    @property
    def goes_on(self) -> bool:
        """Return whether it is not time to stop."""
        return time.monotonic() < self.ends

    async def connect(
        self, context: ssl.SSLContext | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection."""
        return await asyncio.open_connection(self.host, self.port, ssl=context)


def _context(certificate: str = "", key: str = "") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate:
        with tempfile.NamedTemporaryFile("w") as stream:
            stream.write(certificate + key)
            stream.flush()
            context.load_cert_chain(stream.name)
    return context


async def _handshakes(target: Target) -> None:
    """Shake hands and leave, as fast as it goes."""
    context = _context()
    while target.goes_on:
        _, writer = await target.connect(context)
        writer.transport.abort()


async def _half_open(target: Target) -> None:
    """Connect, and say nothing."""
    reader, writer = await target.connect(None)
    with suppress(TimeoutError):
        await asyncio.wait_for(reader.read(1), max(0.1, target.ends - time.monotonic()))
    writer.transport.abort()


async def _slow(target: Target) -> None:
    """Send a head one octet at a time."""
    reader, writer = await target.connect(_context())
    for octet in _HEAD:
        if not target.goes_on or reader.at_eof():
            break
        writer.write(bytes([octet]))
        await asyncio.sleep(0.2)
    writer.transport.abort()


async def _endless(target: Target) -> None:
    """Send a body without an end, in chunks that look compressed."""
    while target.goes_on:
        _, writer = await target.connect(_context())
        writer.write(_HEAD + _TYPE + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing() and target.goes_on:
            writer.write(b"10000\r\n" + b"\x1f\x8b\x08\x00" * 16384 + b"\r\n")
            await writer.drain()
        writer.transport.abort()


async def _chains(target: Target) -> None:
    """Present ten certificates."""
    key, begin, chain = target.credential.partition("-----BEGIN CERTIFICATE-----")
    context = _context((begin + chain) * 5, key)
    while target.goes_on:
        _, writer = await target.connect(context)
        writer.write(_HEAD + _TYPE + b"Content-Length: 4\r\n\r\nAAAA")
        await writer.drain()
        writer.transport.abort()


async def _large_keys(target: Target) -> None:
    """Shake hands with a key of 16,384 bits."""
    context = _context((LARGE / "certificate.pem").read_text(), (LARGE / "key.pem").read_text())
    while target.goes_on:
        _, writer = await target.connect(context)
        writer.transport.abort()


async def _large_requests(target: Target) -> None:
    """Ask, as a station, for certificates over keys of 16,384 bits."""
    large = load_pem_x509_certificate((LARGE / "certificate.pem").read_bytes()).public_key()
    spki = large.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    body = base64.b64encode(request(Plan(public_key=spki)))
    reader, writer = await target.connect(_context(target.credential))
    while target.goes_on:
        writer.write(_HEAD + _TYPE + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
        )
        await reader.readexactly(length)
    writer.transport.abort()


@dataclass(frozen=True)
class Attack:
    """What somebody does.

    Args:
        name: For people.
        one: Does it on one connection after the other.
        at_a_time: How many do.
    """

    name: str
    one: Callable[[Target], Coroutine[Any, Any, None]]
    at_a_time: int


ATTACKS: Final[Mapping[str, Attack]] = {
    attack.name: attack
    for attack in (
        Attack("handshakes", _handshakes, 4),
        Attack("half-open connections", _half_open, 1000),
        Attack("slow heads", _slow, 300),
        Attack("endless bodies", _endless, 8),
        Attack("long chains", _chains, 4),
        Attack("large client keys", _large_keys, 2),
        Attack("requests for large keys", _large_requests, 4),
    )
}


async def _run(attack: Attack, target: Target) -> None:
    async def one() -> None:
        while target.goes_on:
            with suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
                await attack.one(target)
            await asyncio.sleep(0.01)

    await asyncio.gather(*(one() for _ in range(attack.at_a_time)))


def main() -> None:
    """Do what the document on standard input says."""
    document = json.load(sys.stdin)
    address = urlsplit(document["url"])
    ends = time.monotonic() + document["seconds"]
    target = Target(address.hostname or "", address.port or 0, ends, document["credential"])
    asyncio.run(_run(ATTACKS[document["name"]], target))


if __name__ == "__main__":
    main()
