"""A TLS server that says what a test tells it to, and remembers what it was told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.unit.enroll.small_pki import Certified

NO_TLS = (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n", b"\x16\x03\x03\xff\xff" + bytes(99))
"""What comes from ports where TLS is not spoken."""

CUT = b"\x00cut"
"""At the end of an answer: hang up here."""

Script = Sequence[bytes] | Callable[["Told"], bytes]


@dataclass(frozen=True, slots=True)
class Told:
    """A request as it came.

    Args:
        line: The first.
        headers: Names in lower case.
        body: As it came.
        tls: The version.
        tls_unique: Of the connection it came over.
    """

    line: str
    headers: dict[str, str]
    body: bytes
    tls: str
    tls_unique: bytes


@dataclass(slots=True)
class ScriptedServer:
    """What to say, and what was heard.

    Args:
        script: Answers in order, whole HTTP responses, the last one for ever.
        port: Where it listens on loopback.
        told: Every request.
        connections: How many there were on which TLS was complete.
    """

    script: Script
    port: int = 0
    told: list[Told] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                request = await _read(reader, writer.get_extra_info("ssl_object"))
                self.told.append(request)
                answer = self._answer(request)
                writer.write(answer.removesuffix(CUT))
                await writer.drain()
                if answer.endswith(CUT):
                    break
        except (asyncio.IncompleteReadError, OSError, ssl.SSLError):
            return
        finally:
            writer.close()

    def _answer(self, request: Told) -> bytes:
        if callable(self.script):
            return self.script(request)
        return self.script[min(len(self.told), len(self.script)) - 1]


async def _read(reader: asyncio.StreamReader, tls: ssl.SSLObject) -> Told:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Told(line, headers, body, tls.version() or "", tls.get_channel_binding("tls-unique") or b"")


@asynccontextmanager
async def scripted_server(
    identity: Certified, folder: Path, script: Script, client_root: bytes | None = None
) -> AsyncIterator[ScriptedServer]:
    """Serve with a certificate on a loopback port until the block ends.

    Args:
        identity: The server's.
        folder: Where its certificate file may be written.
        script: What it says.
        client_root: PEM; if given, clients have to have a certificate below it.
    """
    file = folder / f"{identity.certificate.serial_number:x}.pem"
    file.write_bytes(identity.key_pem + identity.chain_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    if client_root is not None:
        context.load_verify_locations(cadata=client_root.decode())
        context.verify_mode = ssl.CERT_REQUIRED
    double = ScriptedServer(script)
    server = await asyncio.start_server(double.serve, "127.0.0.1", 0, ssl=context)
    double.port = server.sockets[0].getsockname()[1]
    try:
        yield double
    finally:
        server.close()


@asynccontextmanager
async def plain_peer(says: bytes) -> AsyncIterator[int]:
    """Listen on a loopback port, say something to whoever connects, and hang up once it has said something."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(says)
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


def http(status: int, body: bytes = b"", content_type: str = "text/plain", **headers: str) -> bytes:
    """Return a whole HTTP response."""
    fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{fields}\r\n"
    return head.encode() + body
