"""TLS as a transport of our own, under uvicorn's HTTP protocol.

pyOpenSSL works on memory, this module moves the octets: from the socket into TLS, from TLS into HTTP, and
back. So client certificates of any issuer get through to where they are judged, trust may change while
connections are open, and every connection has deadlines from its first octet.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

from OpenSSL import SSL

from keyworks.access.credential import ConnectionBinding, PresentedChain
from keyworks.server.limits import LINGER_SECONDS, Bounds, LimitedProtocol
from keyworks.server.places import Places
from keyworks.server.tls import channel_binding, presented_chain

_READ_OCTETS: Final = 64 * 1024
_HANDSHAKE_RECORD: Final = 0x16
_PLAIN_HTTP: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 52\r\n"
    b"connection: close\r\n\r\nThis port speaks TLS; use https:// in the address.\r\n"
)


class TLSTransport(asyncio.Transport):
    """What the HTTP protocol writes to.

    Head and body of a response are written one after the other and leave in one TLS record.

    Args:
        connection: Owns the socket and the TLS state.
    """

    def __init__(self, connection: "TLSConnection") -> None:
        # By the second, uvicorn says https in the scope.
        super().__init__({"ssl_object": connection, "sslcontext": connection.context})
        self._connection = connection
        self._pending: list[bytes] = []
        self._closing = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the socket's transport knows."""
        if name in ("ssl_object", "sslcontext"):
            return super().get_extra_info(name, default)
        return self._connection.raw.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep octets until the event loop turns, then send them together."""
        if not self._pending:
            self._connection.loop.call_soon(self.flush)
        self._pending.append(bytes(data))

    def flush(self) -> None:
        """Send what is kept."""
        if self._pending:
            data, self._pending = b"".join(self._pending), []
            self._connection.send(data)

    def close(self) -> None:
        """Send what is kept, say goodbye, and close."""
        if not self._closing:
            self._closing = True
            self.flush()
            self._connection.close()

    def can_write_eof(self) -> bool:
        """Return that it can: TLS has close_notify, TCP has FIN."""
        return True

    def write_eof(self) -> None:
        """Send what is kept and say goodbye; what the peer still sends is let pass until it closes too."""
        self.flush()
        self._connection.say_goodbye()

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        self._connection.raw.abort()

    def is_closing(self) -> bool:
        """Return whether it is closed, or about to be."""
        return self._closing or self._connection.raw.is_closing()

    def pause_reading(self) -> None:
        """Stop taking octets from the socket."""
        self._connection.raw.pause_reading()

    def resume_reading(self) -> None:
        """Take octets from the socket again."""
        if not self.is_closing():
            self._connection.raw.resume_reading()


class TLSConnection(asyncio.Protocol):
    """One connection: a handshake with a deadline, then HTTP.

    Args:
        context: What the listener offers now.
        bounds: The listener's.
        places: The listener's.
        make_http: Makes the HTTP protocol, given what the client presented and what identifies the connection.
    """

    raw: asyncio.Transport

    def __init__(
        self,
        context: SSL.Context,
        bounds: Bounds,
        places: Places,
        make_http: Callable[[PresentedChain | None, ConnectionBinding], LimitedProtocol],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.context = context
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self._limits = bounds.limits
        self._counters = bounds.counters
        self._places = places
        self._make_http = make_http
        self._http: LimitedProtocol | None = None
        self._transport = TLSTransport(self)
        self._deadline: asyncio.TimerHandle | None = None
        self._started = self._counted = self._deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the handshake's clock."""
        self.raw = cast("asyncio.Transport", transport)  # uvloop's is one in all but the class
        if not self._places.take(self._transport):
            self._cut("too_many_connections")
            return
        self._arm(self._limits.handshake_seconds, "handshake_slow")

    def data_received(self, data: bytes) -> None:
        """Move octets from the socket into TLS, and on."""
        if self._deaf:
            return
        if not self._started:
            self._started = True
            if data[0] != _HANDSHAKE_RECORD:
                self._refuse_plain()
                return
        try:
            self._tls.bio_write(data)
            if self._http is None and not self._handshake():
                return
            self._receive()
        except SSL.Error:
            self._count("tls_error")
            self._drain()  # an alert says what was wrong
            self._linger()

    def _handshake(self) -> bool:
        """Go on with the handshake; return whether it is finished."""
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            self._drain()
            return False
        self._drain()
        self._disarm()
        try:
            presented = presented_chain(self._tls)
        except ValueError as error:
            self._count("chain_too_long")
            self._speak_http(None).refuse(400, f"The client presents {error}; nobody needs that much.")
        else:
            self._speak_http(presented)
        return True

    def _speak_http(self, presented: PresentedChain | None) -> LimitedProtocol:
        self._http = self._make_http(presented, partial(channel_binding, self._tls))
        self._http.connection_made(self._transport)
        return self._http

    def _receive(self) -> None:
        """Hand on everything that TLS has read."""
        while self._http is not None and not self._deaf and not self._transport.is_closing():
            try:
                data = self._tls.recv(_READ_OCTETS)
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:
                self._transport.close()
                break
            self._http.data_received(data)
        self._drain()

    def send(self, data: bytes) -> None:
        """Encrypt and send; the socket's transport buffers, and tells the HTTP protocol when to pause."""
        if self._deaf or self.raw.is_closing():
            return
        try:
            view = memoryview(data)
            while view:
                view = view[self._tls.send(view) :]
        except SSL.Error:
            self._cut("tls_error")
            return
        self._drain()

    def _drain(self) -> None:
        """Move octets from TLS to the socket."""
        parts = []
        while True:
            try:
                parts.append(self._tls.bio_read(_READ_OCTETS))
            except SSL.WantReadError:
                break
        if parts and not self._deaf and not self.raw.is_closing():
            self.raw.write(b"".join(parts))

    def close(self) -> None:
        """Say close_notify and close; a client that does not read is cut after the idle time."""
        self._notify()
        self.raw.close()
        self._arm(self._limits.idle_seconds, "reader_slow")

    def say_goodbye(self) -> None:
        """Say close_notify, and let pass what the peer still sends."""
        self._notify()
        self._linger()

    def _notify(self) -> None:
        if self._http is None:  # amid the handshake TLS has nothing to say
            return
        try:
            self._tls.shutdown()
        except SSL.Error:
            self._count("tls_error")
        self._drain()

    def _linger(self) -> None:
        """Send no more, and read on without listening: a reset would take away what was said last."""
        self._deaf = True
        if not self.raw.is_closing():
            self.raw.write_eof()
            self._arm(LINGER_SECONDS, "lingered")

    def pause_writing(self) -> None:
        """The client does not read; HTTP gives it a limited time."""
        if self._http is not None:
            self._http.pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._http is not None:
            self._http.resume_writing()

    def eof_received(self) -> bool:
        """A peer that closes its side gets no more."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the HTTP protocol; nothing may hold on to the connection any longer."""
        self._places.release(self._transport)
        if self._http is not None:
            self._http.connection_lost(exc)
        elif not self._counted:
            self._count("handshake_broken" if self._started else "closed_unused")
        self._disarm()  # last, because HTTP closes what is closed already
        # Both refer to this: let go now, it does not wait for garbage to be collected.
        self._http = None
        del self._transport

    def _refuse_plain(self) -> None:
        self._count("not_tls")
        self.raw.write(_PLAIN_HTTP)
        self._linger()

    def _cut(self, cause: str) -> None:
        self._count(cause)
        self.raw.abort()

    def _count(self, cause: str) -> None:
        self._counted = True
        self._counters.count(cause)

    def _arm(self, seconds: float, cause: str) -> None:
        """Cut the connection after some time, unless that is called off."""
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self._cut, cause)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
