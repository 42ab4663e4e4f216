"""A TLS client that holds every octet in its hands before it is sent."""

import asyncio
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL

from keyworks.server.tls import server_context
from tests.unit.server.small_server import Small
from tests.unit.x509.chains import GOOD_LEAF, Made, PrivateKey, made


def private_pem(holder: Made) -> bytes:
    return holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _known(key: PrivateKey) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    return key


def offering(*, ask_for_client: bool = True) -> Callable[[], SSL.Context]:
    """Return what a listener takes: the context of a server of its own."""
    own = made("server", GOOD_LEAF)
    context = server_context((own.der,), private_pem(own), ask_for_client=ask_for_client)
    return lambda: context


def client_context(
    version: int = SSL.TLS1_3_VERSION, holder: Made | None = None, above: Sequence[Made] = ()
) -> SSL.Context:
    """Return a context for one TLS version, with a client certificate and what is presented above it."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    if holder is not None:
        context.use_certificate(holder.certificate)
        context.use_privatekey(_known(holder.key))
        for one in above:
            context.add_extra_chain_cert(one.certificate)
    return context


class TLSClient:
    """One connection.

    Args:
        small: The server.
        context: What the client offers.
        step: Octets sent at a time.
    """

    def __init__(self, small: Small, context: SSL.Context | None = None, step: int = 1 << 20) -> None:
        self._small = small
        self._step = step
        self.tls = SSL.Connection(context or client_context(), None)
        self.tls.set_connect_state()
        self.received = b""  # as it came from the socket, still encrypted
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def handshake(self, early: bytes = b"") -> "TLSClient":
        """Shake hands; ``early`` leaves together with the client's last handshake message."""
        self.reader, self.writer = await self._small.connect()
        while True:
            try:
                self.tls.do_handshake()
                break
            except SSL.WantReadError:
                await self.flush()
                await self._take()
        if early:
            self.tls.send(early)
        await self.flush()
        return self

    def waiting(self) -> bytes:
        """Return what TLS wants to send."""
        parts = []
        while True:
            try:
                parts.append(self.tls.bio_read(1 << 20))
            except SSL.WantReadError:
                return b"".join(parts)

    async def flush(self) -> None:
        await self.put(self.waiting())

    async def put(self, data: bytes) -> None:
        """Send octets as they are."""
        for place in range(0, len(data), self._step):
            self.writer.write(data[place : place + self._step])
            await self.writer.drain()
            await asyncio.sleep(0)

    async def send(self, data: bytes) -> None:
        self.tls.send(data)
        await self.flush()

    async def _take(self) -> None:
        data = await self.reader.read(1 << 20)
        if not data:
            raise EOFError
        self.received += data
        self.tls.bio_write(data)

    async def read(self, enough: bytes | None = None) -> bytes:
        """Return the server's octets up to ``enough``, or until it says close_notify."""
        parts: list[bytes] = []
        while enough is None or enough not in b"".join(parts[-2:]):
            try:
                parts.append(self.tls.recv(1 << 20))
            except SSL.WantReadError:
                await self._take()
            except SSL.ZeroReturnError:
                break
        return b"".join(parts)

    async def end(self) -> None:
        """Wait until the server closes its side; what it says until then says nothing."""
        await self.reader.read()


def records(octets: bytes) -> list[tuple[int, int]]:
    """Return (content type, length) of the TLS records in a stream."""
    found = []
    while octets:
        length = int.from_bytes(octets[3:5], "big")
        found.append((octets[0], length))
        octets = octets[5 + length :]
    return found
