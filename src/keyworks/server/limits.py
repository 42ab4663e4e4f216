"""HTTP with limits: uvicorn's protocol, which by itself waits for ever and stores whatever comes.

Every request has a deadline for its head and one for its body, and neither may grow beyond the listener's
limit. What goes over a limit is answered once, in a sentence, after all that came before it on the connection;
then the connection is closed in a way that lets the sentence arrive.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from keyworks.server.counters import Counters
from keyworks.server.places import Places
from keyworks.settings.node import Limits

MAX_URL_OCTETS: Final = 4096
MAX_PIPELINED: Final = 16
"""Requests of one connection that wait for their answers."""

LINGER_SECONDS: Final = 5.0
"""How long a refused client may go on sending: closed at once, its system would throw the answer away."""

_PHRASES: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What bounds every connection of a listener.

    Args:
        limits: As configured.
        counters: Where what is cut is counted.
    """

    limits: Limits
    counters: Counters


class _RefusedError(Exception):
    """Stops the parser: of what else it was given, nothing counts."""


class LimitedProtocol(HttpToolsProtocol):
    """One HTTP/1.1 connection, bounded.

    Args:
        bounds: The listener's.
        places: The listener's.
        arguments: What uvicorn's protocol takes.
    """

    def __init__(self, bounds: Bounds, places: Places, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._limits = bounds.limits
        self.timeout_keep_alive = bounds.limits.idle_seconds  # type: ignore[assignment]  # a fraction will do
        self._counters = bounds.counters
        self._places = places
        self._deadline: asyncio.TimerHandle | None = None
        self._reader_deadline: asyncio.TimerHandle | None = None
        self._in_head = self._in_body = False
        self._head_octets = self._body_octets = self._fields = 0
        self._unfinished_octets = 0  # received since the parser last made something of them
        self._progressed = self._lost = False
        self._unanswered = 0
        self._refusal: bytes | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock: a client that connects has something to say."""
        if not self._places.take(transport):
            self._counters.count("too_many_connections")
            transport.abort()
            return
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks: a timer would hold on to the connection."""
        self._lost = True
        self._disarm()
        self._stop_watching()
        self._unset_keepalive_if_required()
        if self.flow is not None:  # otherwise there was no place, and so no connection
            self._places.release(self.transport)
            super().connection_lost(exc)
        self.cycle = None  # type: ignore[assignment]  # it refers to this: no need to wait for the collector

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless this connection was refused already."""
        if self._refusal is not None:
            return
        self._unset_keepalive_if_required()
        if self._deadline is None and not self._unanswered:
            self._await_head()
        self._progressed = False
        self._parse(data)
        self._unfinished_octets = 0 if self._progressed else self._unfinished_octets + len(data)
        if self._unfinished_octets > self._limits.max_header_octets:
            self._refuse_head()

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offered:
                # RFC 9110 §7.8: an offer to upgrade may be ignored; what follows is HTTP still.
                data = data[offered.args[0] :]
            except httptools.HttpParserError:
                self.refuse(400, "This is no HTTP/1.1 request that can be answered.")
                return
            else:
                return

    def on_message_begin(self) -> None:
        """Count anew for each request."""
        self._in_head = True
        self._head_octets = self._body_octets = self._fields = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Bound the request line."""
        self._progressed = True
        super().on_url(url)
        if len(self.url) > MAX_URL_OCTETS:
            self._stop(414, f"The request's path is longer than {MAX_URL_OCTETS} octets.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Bound the head; of a trailer, keep nothing (RFC 9110 §6.5.1)."""
        self._progressed = True
        self._head_octets += len(name) + len(value) + 4
        self._fields += 1
        if self._head_octets > self._limits.max_header_octets or self._fields > self._limits.max_headers:
            self._refuse_head()
            raise _RefusedError
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Give the body its deadline; refuse a request that is to be refused whatever its body is."""
        names = [name for name, _ in self.headers]
        self._check_protocol(names.count(b"host"))
        length = self.headers[names.index(b"content-length")][1] if b"content-length" in names else b"0"
        if int(length) > self._limits.max_body_octets:
            self._refuse_body()
        if self._unanswered >= MAX_PIPELINED:
            self._stop(429, f"More than {MAX_PIPELINED} requests wait on this connection; read their answers.")
        super().on_headers_complete()
        self._places.settle(self.transport)
        self._in_head, self._in_body = False, True
        self._unanswered += 1
        self._arm(self._limits.body_seconds, "The request's body took too long.")

    def on_body(self, body: bytes) -> None:
        """Bound a body that did not say how large it is."""
        self._progressed = True
        self._body_octets += len(body)
        if self._body_octets > self._limits.max_body_octets:
            self._refuse_body()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here; how long the answer takes is not the client's fault."""
        self._progressed = True
        self._in_body = False
        self._disarm()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with what waited for this answer: another request, a refusal, or a head that had begun."""
        if self._lost:
            return
        self._unanswered -= 1
        super().on_response_complete()
        if self.transport.is_closing():
            self._watch_reader()
        elif not self._unanswered and self._refusal is not None:
            self._say(self._refusal)
        elif not self._unanswered:
            self._places.rest(self.transport)
            if self._in_head:
                self._await_head()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection on which nothing is asked any more."""
        super().timeout_keep_alive_handler()
        self._watch_reader()

    def pause_writing(self) -> None:
        """The client does not read: give it a limited time."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._stop_watching()
        super().resume_writing()

    def refuse(self, status: int, sentence: str) -> None:
        """Answer once, in its turn, and close; nothing of the request is handed on."""
        if self._refusal is not None or self.transport.is_closing():
            return
        self._disarm()
        self._counters.count(f"http_{status}")
        self._refusal = self._encode_refusal(status, f"{sentence}\n".encode())
        if self._in_body:
            self._drop_current()
        if not self._unanswered:
            self._say(self._refusal)

    def _check_protocol(self, hosts: int) -> None:
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            self._stop(400, f"HTTP/1.1 is spoken here, not HTTP/{version}.")
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            self._stop(400, "A request names its host once (RFC 9112 §3.2).")

    def _encode_refusal(self, status: int, body: bytes) -> bytes:
        fields = [
            *self.server_state.default_headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        lines = [
            f"HTTP/1.1 {status} {_PHRASES[status]}".encode(),
            *(name + b": " + value for name, value in fields),
        ]
        return b"\r\n".join((*lines, b"", b"" if self.parser.get_method() == b"HEAD" else body))

    def _drop_current(self) -> None:
        """Forget the request whose body was arriving; nobody waits for its answer any more."""
        self._unanswered -= 1
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
        else:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _say(self, refusal: bytes) -> None:
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        self.transport.write(refusal)
        self.transport.write_eof()
        self._disarm()
        self._deadline = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _stop(self, status: int, sentence: str) -> NoReturn:
        self.refuse(status, sentence)
        raise _RefusedError

    def _refuse_head(self) -> None:
        self.refuse(
            431,
            f"The request's head is larger than {self._limits.max_header_octets} octets or "
            f"{self._limits.max_headers} fields.",
        )

    def _refuse_body(self) -> NoReturn:
        self._stop(413, f"The request's body is larger than {self._limits.max_body_octets} octets.")

    def _await_head(self) -> None:
        self._arm(self._limits.header_seconds, "The request's head took too long.")

    def _arm(self, seconds: float, sentence: str) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self.refuse, 408, sentence)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _watch_reader(self) -> None:
        """Cut the client if it has not read what was sent when the idle time is over."""
        self._stop_watching()
        self._reader_deadline = self.loop.call_later(self._limits.idle_seconds, self._cut_reader)

    def _stop_watching(self) -> None:
        if self._reader_deadline is not None:
            self._reader_deadline.cancel()
            self._reader_deadline = None

    def _cut_reader(self) -> None:
        self._counters.count("reader_slow")
        self.transport.abort()
