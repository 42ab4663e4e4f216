"""HTTP with limits: uvicorn's protocol, which by itself waits for ever and stores whatever comes.

Every request has a deadline for its head and one for its body, and neither may grow beyond the listener's
limit. What goes over a limit is answered once, in a sentence, and the connection closed.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from keyworks.server.counters import Counters
from keyworks.server.places import Places
from keyworks.settings.node import Limits

MAX_URL_OCTETS: Final = 4096
_PHRASES: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
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


class LimitedProtocol(HttpToolsProtocol):
    """One HTTP/1.1 connection, bounded.

    Args:
        bounds: The listener's.
        places: The listener's; ``None`` where TLS below has taken one already.
        arguments: What uvicorn's protocol takes.
    """

    def __init__(self, bounds: Bounds, places: Places | None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._limits = bounds.limits
        self._counters = bounds.counters
        self._places = places
        self._deadline: asyncio.TimerHandle | None = None
        self._head_octets = 0
        self._body_octets = 0
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock: a client that connects has something to say."""
        if self._places is not None and not self._places.take(transport):
            self._counters.count("too_many_connections")
            self._refused = True
            transport.abort()
            return
        super().connection_made(transport)
        self._arm(self._limits.header_seconds, "The request's head took too long.")

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._disarm()
        if self.flow is not None:  # otherwise there was no place, and so no connection
            if self._places is not None:
                self._places.release(self.transport)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless this connection was refused already."""
        if self._refused:
            return
        if self._deadline is None and not self._answering():
            self._arm(self._limits.header_seconds, "The request's head took too long.")
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Count anew for each request."""
        self._head_octets = self._body_octets = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Bound the request line."""
        super().on_url(url)
        if len(self.url) > MAX_URL_OCTETS:
            self.refuse(414, f"The request's path is longer than {MAX_URL_OCTETS} octets.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Bound the head."""
        self._head_octets += len(name) + len(value) + 4
        if self._head_octets > self._limits.max_header_octets or len(self.headers) >= self._limits.max_headers:
            self.refuse(
                431,
                f"The request's head is larger than {self._limits.max_header_octets} octets or "
                f"{self._limits.max_headers} fields.",
            )
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Give the body its deadline; refuse one that announces itself as too large."""
        if self._refused:
            return
        length = next((value for name, value in self.headers if name == b"content-length"), b"0")
        if length.isdigit() and int(length) > self._limits.max_body_octets:
            self._refuse_body()
            return
        self._arm(self._limits.body_seconds, "The request's body took too long.")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Bound a body that did not say how large it is."""
        self._body_octets += len(body)
        if self._body_octets > self._limits.max_body_octets:
            self._refuse_body()
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here; how long the answer takes is not the client's fault."""
        self._disarm()
        if not self._refused:
            super().on_message_complete()

    def refuse(self, status: int, sentence: str) -> None:
        """Answer once and close; nothing of the request is handed on."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._disarm()
        self._counters.count(f"http_{status}")
        if self._answering():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        body = f"{sentence}\n".encode()
        head = (
            f"HTTP/1.1 {status} {_PHRASES[status]}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _refuse_body(self) -> None:
        self.refuse(413, f"The request's body is larger than {self._limits.max_body_octets} octets.")

    def _arm(self, seconds: float, sentence: str) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self.refuse, 408, sentence)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
