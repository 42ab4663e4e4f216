"""A worker: one process with its own event loop, that serves on sockets it inherits.

All workers do the same, but the first also places the ledger's entries while it serves, and each its own last
ones. That needs no lease: the compare-and-swap on the tree head decides, so a second sequencer would waste work
and nothing else.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import structlog
from OpenSSL import SSL

from keyworks.access.key_encryption_key import KeyEncryptionKeys
from keyworks.authority.authenticate import Authenticator
from keyworks.authority.enrollment import Enrollment
from keyworks.errors import KeyworksError
from keyworks.keys.pool import KeyPool
from keyworks.ledger.refusals import SUMMARY_SECONDS, RefusalCounter
from keyworks.protocols.aia import AIA
from keyworks.protocols.aia import PREFIX as AIA_PREFIX
from keyworks.protocols.est.endpoint import EST
from keyworks.protocols.est.endpoint import PREFIX as EST_PREFIX
from keyworks.protocols.est.fullcmc import FullCMC
from keyworks.protocols.est.serverkeygen import ServerKeyGeneration, SigningCredential
from keyworks.server.application import Application, Respond
from keyworks.server.counters import Counters
from keyworks.server.health import Health
from keyworks.server.listener import Listener
from keyworks.server.meter import Board
from keyworks.server.metered import MeteredPath
from keyworks.server.metrics import Metrics
from keyworks.server.summaries import Summaries
from keyworks.server.tls import server_context
from keyworks.service.installation import Installation, open_installation
from keyworks.service.requests import expire_requests
from keyworks.service.sequencing import open_sequencer
from keyworks.service.server_certificate import (
    ServerCertificate,
    server_certificate,
    server_signer,
    valid_server_certificate,
)
from keyworks.x509.certificate import Certificate

GRACE_SECONDS: Final = 10.0
"""How long a stopping worker lets answers take."""

_RENEWAL_CHECK_SECONDS: Final = 3600.0
_EXPIRY_SECONDS: Final = 60.0
_WRITING_CHECK_SECONDS: Final = 10.0
_LAST_ROUNDS: Final = 3
"""Another worker that stops at the same moment may be faster once or twice."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the supervisor gives a worker.

    Args:
        home: The installation's folder.
        number: From 0; worker 0 sequences.
        sockets: Open and bound, by the listener's name.
        lifeline: Ends when the supervisor is gone.
        report: Called once the worker serves.
        board: Where all workers count.
    """

    home: Path
    number: int
    sockets: Mapping[str, socket.socket]
    lifeline: int
    report: Callable[[], None]
    board: Board


async def work(assignment: Assignment, log: structlog.typing.FilteringBoundLogger) -> None:
    """Serve until told to stop (SIGTERM), or until the supervisor is gone.

    Raises:
        KeyworksError: The installation does not open.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: _log_unforeseen(log, context))
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(assignment.lifeline, _watch, assignment.lifeline, stop)
    async with open_installation(assignment.home) as installation:
        worker = await Worker.build(installation, log, assignment.board, assignment.number)
        await worker.start(assignment.sockets)
        assignment.report()
        await worker.run(stop, sequences=assignment.number == 0)


def _log_unforeseen(log: structlog.typing.FilteringBoundLogger, context: Mapping[str, Any]) -> None:
    """Log what went wrong in a callback, where nobody could be told."""
    log.error("callback_failed", reason=context["message"], exc_info=context.get("exception"))


def _watch(lifeline: int, stop: asyncio.Event) -> None:
    """Nothing is ever written to the lifeline, so what can be read is its end."""
    if not os.read(lifeline, 1):
        asyncio.get_running_loop().remove_reader(lifeline)
        stop.set()


class Worker:
    """The objects of one worker, composed.

    Args:
        installation: Open.
        log: The process's.
        contexts: TLS, as offered at first.
        board: Where all workers count.
        number: Its own.
    """

    def __init__(
        self,
        installation: Installation,
        log: structlog.typing.FilteringBoundLogger,
        contexts: "Contexts",
        board: Board,
        number: int,
    ) -> None:
        meter = board.meter(number)
        meter.start()
        meter.serves_until(contexts.not_after)
        keys = installation.keystore
        path = MeteredPath(installation.store, keys.signer, installation.clock, meter)
        self._installation = replace(installation, path=path)
        self._log = log
        self._contexts = contexts
        self._counters = Counters(meter)
        self._board = board
        self._refusals = RefusalCounter()
        self._summaries = Summaries(installation.store, self._refusals, installation.clock)
        self._keys = KeyPool()
        self._health = Health(installation.store, installation.registers)
        self._listeners = self._build_listeners()

    @classmethod
    async def build(
        cls,
        installation: Installation,
        log: structlog.typing.FilteringBoundLogger,
        board: Board | None = None,
        number: int = 0,
    ) -> "Worker":
        """Return a worker on an open installation, with the server's certificate renewed where it is due.

        A certificate that cannot be renewed serves until it ends: a restart must not be what ends it.

        Raises:
            KeyworksError: There is no valid certificate, and none can be issued.
        """
        board = board or Board(1)
        try:
            return cls(installation, log, await Contexts.load(installation), board, number)
        except KeyworksError as error:
            valid = await valid_server_certificate(installation)
            if valid is None:
                raise
            log.warning("server_certificate_not_renewed", reason=error.detail, private=error.private)
            return cls(installation, log, Contexts.of(valid), board, number)

    def _build_listeners(self) -> dict[str, Listener]:
        own = self._installation
        authenticator = Authenticator(own.store, own.keystore.mac, own.clock)
        enrollment = Enrollment(own.store, own.registers, authenticator, own.path, self._refusals, own.clock)
        shared_keys = KeyEncryptionKeys(own.store, own.keystore)
        key_generation = ServerKeyGeneration(enrollment, self._keys, shared_keys, self._signing_credential)
        est = EST(enrollment, key_generation, FullCMC(enrollment, self._signing_credential, own.clock))
        metrics = Metrics(own, self._board)
        health = {"/healthz": self._health.alive, "/readyz": self._health.ready}
        return {
            name: self._listener(name, {**routes, **health}, context)
            for name, routes, context in (
                ("enrollment", {EST_PREFIX: est.respond}, self._contexts.asking),
                ("console", {"/metrics": metrics.respond}, self._contexts.plain),
                ("publication", {AIA_PREFIX: AIA(own.registers).respond}, None),
            )
        }

    async def _signing_credential(self) -> SigningCredential:
        return SigningCredential(*await server_signer(self._installation))

    def _listener(
        self, name: str, routes: Mapping[str, Respond], context: Callable[[], SSL.Context] | None
    ) -> Listener:
        limits = self._installation.settings.limits
        application = Application(routes, self._log, self._counters, name)
        return Listener(application, limits, self._counters, self._installation.clock, context)

    async def start(self, sockets: Mapping[str, socket.socket]) -> None:
        """Listen, knowing from the first request on whether anything can be recorded."""
        await self._try_writing()
        for name, listening in sockets.items():
            await self._listeners[name].start(listening)

    async def run(self, stop: asyncio.Event, *, sequences: bool) -> None:
        """Serve until ``stop`` is set, then finish what was begun."""
        jobs = [
            self._every(1.0, stop, self._tick),
            self._every(float(SUMMARY_SECONDS), stop, self._summarize),
            self._every(_RENEWAL_CHECK_SECONDS, stop, self._renew),
            self._every(_WRITING_CHECK_SECONDS, stop, self._try_writing),
        ]
        if sequences:
            jobs.append(self._every(_EXPIRY_SECONDS, stop, self._expire))
            jobs.append((await open_sequencer(self._installation)).run(stop))
        await asyncio.gather(self._stop_serving(stop), *jobs)
        self._keys.close()
        await self._attempt(self._summarize)
        await self._attempt(self._place_last)

    async def _place_last(self) -> None:
        """Place what this worker entered last: the one that sequences may have stopped before."""
        sequencer = await open_sequencer(self._installation)
        for _ in range(_LAST_ROUNDS):
            await sequencer.sequence_once()

    async def _stop_serving(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._health.stop()
        await asyncio.gather(*(listener.stop(GRACE_SECONDS) for listener in self._listeners.values()))

    async def _every(self, seconds: float, stop: asyncio.Event, job: Callable[[], Awaitable[None]]) -> None:
        """Do a job again and again; a failure is logged, and the next time it is tried anew."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), seconds)
                return
            await self._attempt(job)

    async def _attempt(self, job: Callable[[], Awaitable[object]]) -> None:
        try:
            await job()
        except KeyworksError as error:
            self._log.warning("job_failed", job=job.__name__, reason=error.detail, private=error.private)

    async def _try_writing(self) -> None:
        """Say loudly that nothing can be recorded: until the operator has looked at it, nothing is issued."""
        try:
            await self._health.try_writing()
        except KeyworksError as error:
            self._log.error("cannot_record", reason=error.detail, private=error.private)

    async def _tick(self) -> None:
        meter = self._counters.meter
        meter.beat()
        for name, listener in self._listeners.items():
            listener.tick()
            meter.holds_open(name, listener.open_connections)

    async def _summarize(self) -> None:
        """Enter what strangers were refused, and log how much was cut and refused."""
        counted = self._counters.drain()
        if counted:
            self._log.info("counted", **counted)
        await self._summaries.enter()

    async def _expire(self) -> None:
        await expire_requests(self._installation)

    async def _renew(self) -> None:
        await self._contexts.reload(self._installation)
        self._counters.meter.serves_until(self._contexts.not_after)


class Contexts:
    """The TLS contexts offered now; each is immutable, so a new certificate makes new ones.

    Args:
        asking: For the listener that asks for client certificates.
        plain: For the one that does not.
        not_after: When the certificate ends that they offer.
    """

    def __init__(self, asking: SSL.Context, plain: SSL.Context, not_after: int) -> None:
        self._asking = asking
        self._plain = plain
        self.not_after = not_after

    @classmethod
    async def load(cls, installation: Installation) -> "Contexts":
        """Return the contexts of the server's present certificate, renewed where it is due."""
        return cls.of(await server_certificate(installation))

    @classmethod
    def of(cls, own: ServerCertificate) -> "Contexts":
        """Return the contexts of a certificate."""
        asking, plain = (
            server_context(own.chain, own.private_key, ask_for_client=ask) for ask in (True, False)
        )
        return cls(asking, plain, Certificate.parse(own.chain[0]).not_after)

    async def reload(self, installation: Installation) -> None:
        """Offer the server's present certificate to new connections."""
        renewed = await self.load(installation)
        self._asking, self._plain = renewed._asking, renewed._plain
        self.not_after = renewed.not_after

    def asking(self) -> SSL.Context:
        """Return the context that asks for a client certificate."""
        return self._asking

    def plain(self) -> SSL.Context:
        """Return the context that does not."""
        return self._plain
