"""A listener in the test's own process, and clients that write octets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from OpenSSL import SSL

from keyworks.protocols.exchange import Reply, Request
from keyworks.server.application import Application, Respond
from keyworks.server.counters import Counters
from keyworks.server.listener import Listener
from keyworks.settings.node import Limits
from keyworks.testing import FixedClock

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


class Line(dict[str, Any]):
    """One logged event."""


def recording_log() -> tuple[structlog.typing.FilteringBoundLogger, list[Line]]:
    """Return a logger, and the list of what it logs."""
    lines: list[Line] = []

    def keep(_: object, method: str, event: Mapping[str, Any]) -> str:
        lines.append(Line(event, level=method))
        raise structlog.DropEvent

    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        None, processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    return logger, lines


class WaitedCounters(Counters):
    """Counters that a test can wait for."""

    def __init__(self) -> None:
        super().__init__()
        self._events: dict[str, asyncio.Event] = {}

    def count(self, name: str) -> int:
        self._event(name).set()
        return super().count(name)

    async def counted(self, name: str) -> None:
        await self._event(name).wait()

    def _event(self, name: str) -> asyncio.Event:
        return self._events.setdefault(name, asyncio.Event())


@dataclass
class Echo:
    """Answers with method, path and body; waits where it is told to.

    Args:
        requests: What it was asked.
        go: Answers wait for it.
        asked: Set with every request.
    """

    requests: list[Request] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.go.set()

    async def respond(self, request: Request) -> Reply:
        self.requests.append(request)
        self.asked.set()
        await self.go.wait()
        return Reply(200, body=f"{request.method} {request.path} {len(request.body)}\n".encode())


@dataclass(frozen=True)
class Small:
    """A listener that serves.

    Args:
        port: On loopback.
        counters: What it cut.
        listener: Itself.
        log: What it logged.
    clients: All that ever connected.
    """

    port: int
    counters: WaitedCounters
    listener: Listener
    log: list[Line]
    clients: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect; the block that serves closes what is left open."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.clients.append((reader, writer))
        return reader, writer

    async def exchange(self, *parts: bytes) -> bytes:
        """Send octets, and return everything until the server closes."""
        reader, writer = await self.connect()
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await reader.read()


@asynccontextmanager
async def serving(
    respond: Respond, limits: Limits | None = None, context: Callable[[], SSL.Context] | None = None
) -> AsyncIterator[Small]:
    """Serve ``respond`` on every path until the block ends."""
    log, lines = recording_log()
    counters = WaitedCounters()
    listener = Listener(
        Application({"/": respond}, log, counters), limits or Limits(), counters, FixedClock(), context
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await listener.start(listening)
        small = Small(listening.getsockname()[1], counters, listener, lines)
        try:
            yield small
        finally:
            await listener.stop(1.0)
            writers = [writer for _, writer in small.clients]
            for writer in writers:
                writer.transport.abort()
            await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


def statuses(answer: bytes) -> list[int]:
    """Return the status codes of the responses in a stream, in order."""
    found = []
    while answer:
        head, _, rest = answer.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        found.append(int(lines[0].split(b" ")[1]))
        fields = dict(line.lower().split(b": ", 1) for line in lines[1:])
        answer = rest[int(fields.get(b"content-length", b"0")) :]
    return found
