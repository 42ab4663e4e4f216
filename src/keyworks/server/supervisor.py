"""The supervisor: opens the sockets, keeps the workers running, and never touches a request or a key.

Workers are forked from a process that has loaded everything and opened nothing but the sockets, so a killed
one is replaced at once and its waiting connections are taken by whoever is free. Workers hold the reading end
of a pipe whose writing end only the supervisor has: when the supervisor is gone, however, they stop.
"""

import asyncio
import contextlib
import errno
import gc
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NoReturn

import structlog
import uvloop

from keyworks.errors import KeyworksError, OperatorError
from keyworks.server.listener import BACKLOG
from keyworks.server.log import configure_log
from keyworks.server.meter import Board
from keyworks.server.worker import GRACE_SECONDS, Assignment, work
from keyworks.service.installation import settings_of
from keyworks.settings.node import Listen, NodeSettings, split_address

_SCHEMES: Final = {"enrollment": "https", "console": "https", "publication": "http"}
_STOP_SECONDS: Final = GRACE_SECONDS + 5
_QUICK_DEATH_SECONDS: Final = 2.0
_LONGEST_PAUSE_SECONDS: Final = 5.0
_STOPPING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""SIGHUP says that the terminal is gone, and with it whoever could stop the server otherwise."""

_COLLECT: Final = (20_000, 10, 5)
"""Garbage is collected rarely: a request leaves few cycles, and looking for them cost 3 % of issuing.

But all of it is: with the oldest generation left alone, a worker grew by 0.2 MiB per 1,000 connections.
"""

_SIGNALS: Final = (*_STOPPING, signal.SIGCHLD)


def serve(home: Path) -> None:
    """Serve the installation in ``home`` until SIGTERM, SIGINT or SIGHUP.

    Raises:
        OperatorError: The settings are wrong, an address cannot be used, or no worker could start.
    """
    settings = settings_of(home)
    log = configure_log(settings.log, settings.node.name)
    _allow_many_files()
    sockets = open_sockets(settings.listen)
    try:
        Supervisor(home, settings, sockets, log).run()
    finally:
        for one in sockets.values():
            one.close()


def open_sockets(listen: Listen) -> dict[str, socket.socket]:
    """Return bound sockets by the listener's name.

    Raises:
        OperatorError: An address is in use, or not this machine's.
    """
    opened: dict[str, socket.socket] = {}
    taken: dict[int, str] = {}
    for name in _SCHEMES:
        address = getattr(listen, name)
        host, port = split_address(address)
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            opened[name] = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except (OSError, UnicodeError) as error:
            for one in opened.values():
                one.close()
            reason = _reason(error)
            if getattr(error, "errno", None) == errno.EADDRINUSE and port in taken:
                reason = f"listen.{taken[port]} has it already"
            raise OperatorError(
                f"Cannot listen on {address} (listen.{name} in keyworks.toml): {reason}."
            ) from error
        taken[port] = name
    return opened


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError):
        return "that is no host name"
    if isinstance(error, socket.gaierror):
        return error.strerror or "the name is not known"
    return os.strerror(error.errno or 0)  # the socket's own words would repeat the address


def addresses(sockets: Mapping[str, socket.socket]) -> dict[str, str]:
    """Return where each listener can be reached, as a URL."""
    found = {}
    for name, one in sockets.items():
        host, port = one.getsockname()[:2]
        found[name] = f"{_SCHEMES[name]}://{f'[{host}]' if ':' in host else host}:{port}"
    return found


def _allow_many_files() -> None:
    """Raise the soft limit: every connection is a file, and the usual 1024 are few."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Supervisor:
    """Keeps workers running.

    Args:
        home: The installation's folder.
        settings: How many workers.
        sockets: What they serve on.
        log: The process's.
    """

    def __init__(
        self,
        home: Path,
        settings: NodeSettings,
        sockets: Mapping[str, socket.socket],
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self._home = home
        self._count = settings.node.worker_count
        self._sockets = sockets
        self._log = log
        self._workers: dict[int, tuple[int, float]] = {}  # process id: (number, when started)
        self._due: dict[int, float] = {}  # number: when to start it
        self._ready: set[int] = set()
        self._pauses: dict[int, float] = {}
        self._stopping = False
        self._board = Board(self._count)
        self._lifeline, self._reports, self._wakeup = os.pipe(), os.pipe(), os.pipe()

    def run(self) -> None:
        """Start the workers and replace those that die, until told to stop; then stop them all.

        Raises:
            OperatorError: A worker died before any was ready: it would die again.
        """
        before = self._catch_signals()
        try:
            for number in range(self._count):
                self._start(number)
            while not self._stopping:
                self._wait()
                self._start_due()
            self._stop()
        finally:
            self._kill_all()
            _restore_signals(before)
            for descriptor in (*self._lifeline, *self._reports, *self._wakeup):
                os.close(descriptor)

    def _catch_signals(self) -> dict[int, object]:
        os.set_blocking(self._wakeup[1], False)
        signal.set_wakeup_fd(self._wakeup[1])
        # Whoever starts it with nohup wants it to outlive the terminal.
        caught = (one for one in _SIGNALS if (one, signal.getsignal(one)) != (signal.SIGHUP, signal.SIG_IGN))
        return {one: signal.signal(one, lambda *_: None) for one in caught}

    def _start(self, number: int) -> None:
        gc.freeze()  # what is loaded stays shared with the workers
        gc.set_threshold(*_COLLECT)
        # Blocked around the fork: a signal between the two must not meet the supervisor's handler in the child.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        process = os.fork()
        if process == 0:
            self._become_worker(number)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        self._workers[process] = (number, time.monotonic())

    def _become_worker(self, number: int) -> NoReturn:
        """Serve, in the child, and never return into the supervisor's code."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for one in (signal.SIGINT, signal.SIGHUP):  # both reach the group; the supervisor decides
                signal.signal(one, signal.SIG_IGN)
            for one in (signal.SIGTERM, signal.SIGCHLD):
                signal.signal(one, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            os.close(self._lifeline[1])
            assignment = Assignment(
                self._home, number, self._sockets, self._lifeline[0], self._report(number), self._board
            )
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(work(assignment, self._log))
            status = 0
        except KeyworksError as error:
            self._log.error("worker_failed", worker=number, reason=error.detail, private=error.private)
        except BaseException as error:  # noqa: BLE001 - the outermost layer of this process
            self._log.error("worker_failed", worker=number, exc_info=error)
        finally:
            with contextlib.suppress(OSError):  # a log that cannot be written keeps nobody alive
                sys.stderr.flush()
            os._exit(status)

    def _report(self, number: int) -> Callable[[], None]:
        def report() -> None:
            os.write(self._reports[1], number.to_bytes(2, "big"))

        return report

    def _wait(self) -> None:
        """Wait for a signal, a worker's report, or the time to start one."""
        timeout = max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None
        readable, _, _ = select.select([self._wakeup[0], self._reports[0]], [], [], timeout)
        if self._reports[0] in readable:
            self._note(os.read(self._reports[0], 2))
        if self._wakeup[0] in readable:
            received = os.read(self._wakeup[0], 64)
            self._stopping = not set(_STOPPING).isdisjoint(received)
            if not self._stopping:
                self._reap()

    def _note(self, report: bytes) -> None:
        """Say once that all serve; forget the pauses of a worker that does."""
        number = int.from_bytes(report, "big")
        self._pauses.pop(number, None)
        whole = len(self._ready) == self._count
        self._ready.add(number)
        if not whole and len(self._ready) == self._count:
            self._log.info("ready", workers=self._count, **addresses(self._sockets))

    def _reap(self) -> None:
        """Note which workers died, and when to replace them: at once, or later if they die at once."""
        while self._workers:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            number, started = self._workers.pop(process)
            code = os.waitstatus_to_exitcode(status)
            self._log.error("worker_died", worker=number, status=code)
            if not self._ready:
                raise OperatorError("No worker could start; the log says why.")
            now = time.monotonic()
            quick = now - started < _QUICK_DEATH_SECONDS
            pause = min(_LONGEST_PAUSE_SECONDS, 2 * self._pauses.get(number, 0.25)) if quick else 0.0
            self._pauses[number] = pause
            self._due[number] = now + pause

    def _start_due(self) -> None:
        now = time.monotonic()
        for number in [one for one, at in self._due.items() if at <= now]:
            del self._due[number]
            self._start(number)

    def _stop(self) -> None:
        """Let the workers finish; cut those that take too long."""
        self._log.info("stopping", workers=len(self._workers))
        self._signal_all(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while self._workers and time.monotonic() < deadline:
            if select.select([self._wakeup[0]], [], [], max(0.0, deadline - time.monotonic()))[0]:
                os.read(self._wakeup[0], 64)
            self._collect(os.WNOHANG)
        self._log.info("stopped", cut=len(self._workers))

    def _kill_all(self) -> None:
        self._signal_all(signal.SIGKILL)
        self._collect(0)

    def _signal_all(self, number: signal.Signals) -> None:
        for process in self._workers:
            os.kill(process, number)

    def _collect(self, options: int) -> None:
        """Take leave of workers that have ended."""
        while self._workers:
            process, _ = os.waitpid(-1, options)
            if process == 0:
                return
            self._workers.pop(process, None)


def _restore_signals(before: Mapping[int, object]) -> None:
    signal.set_wakeup_fd(-1)
    for number, previous in before.items():
        signal.signal(number, previous)  # type: ignore[arg-type]
