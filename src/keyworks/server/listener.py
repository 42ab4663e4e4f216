"""Listeners: from an open socket to connections that speak HTTP, with TLS or without, never too many."""

import asyncio
import socket
from collections.abc import Callable
from email.utils import formatdate
from typing import Final

from OpenSSL import SSL
from uvicorn.config import Config
from uvicorn.server import ServerState

from keyworks.access.credential import ConnectionBinding, PresentedChain
from keyworks.server.application import Application
from keyworks.server.counters import Counters
from keyworks.server.limits import Bounds, LimitedProtocol
from keyworks.server.places import Places, places_for
from keyworks.server.transport import TLSConnection
from keyworks.settings.node import Limits
from keyworks.store.clock import Clock

BACKLOG: Final = 2048
"""Connections that the system keeps for us while we are busy."""


class Listener:
    """One socket's connections within this worker.

    Args:
        application: Answers their requests.
        limits: What each may take.
        counters: Where what is cut is counted.
        clock: For the Date header.
        context: TLS as offered now; ``None`` for plain HTTP.
    """

    def __init__(
        self,
        application: Application,
        limits: Limits,
        counters: Counters,
        clock: Clock,
        context: Callable[[], SSL.Context] | None = None,
    ) -> None:
        self._bounds = Bounds(limits, counters)
        self._clock = clock
        self._context = context
        self._config = Config(
            application,
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            proxy_headers=False,  # the source of a request is its connection's peer, whatever it says
        )
        self._config.load()
        self._state = ServerState()
        self._places = Places(places_for(limits.max_connections))
        self._server: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> None:
        """Take connections from an open, bound socket."""
        self.tick()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, sock=listening, backlog=BACKLOG)

    @property
    def open_connections(self) -> int:
        """Return how many connections are open in this worker."""
        return self._places.taken

    def tick(self) -> None:
        """Renew the Date header (RFC 9110 §6.6.1); once a second."""
        date = formatdate(self._clock.now(), usegmt=True).encode()
        self._state.default_headers = [(b"date", date)]

    async def stop(self, grace_seconds: float) -> None:
        """Take no more connections, finish what is being answered, and close all.

        Args:
            grace_seconds: How long answers may take; then connections are cut.
        """
        if self._server is not None:
            self._server.close()
        for protocol in list(self._state.connections):
            protocol.shutdown()
        answering = set(self._state.tasks)
        if answering:
            await asyncio.wait(answering, timeout=grace_seconds)
        await asyncio.sleep(0)  # the last answers leave with the loop's next turn
        self._places.close_all()

    def _connection(self) -> asyncio.Protocol:
        if self._context is None:
            return self._make_http(None)
        return TLSConnection(self._context(), self._bounds, self._places, self._make_http)

    def _make_http(
        self, presented: PresentedChain | None, binding: ConnectionBinding | None = None
    ) -> LimitedProtocol:
        return LimitedProtocol(
            self._bounds,
            self._places,
            config=self._config,
            server_state=self._state,
            app_state={"presented": presented, "binding": binding},
        )
