"""Issuing over EST: a real server with one worker, and a load process that counts for nothing."""

import asyncio
import base64
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from keyworks.enroll.credential import private_key_pem
from keyworks.server.running import RunningServer, running_server
from keyworks.service.authorities import find_generation, root_of
from keyworks.x509.certificate import pem_of
from tests.bench.figure import Figure, at_least, at_most
from tests.bench.limit import issuing_limit
from tests.bench.line import fresh_requests, production_line
from tests.bench.load import Job, Sent

_ROUNDS = 5
_KEPT_ALIVE = 1500
_NEW_CONNECTIONS = 500
_ANSWERS = 15_000
_TICKS = os.sysconf("SC_CLK_TCK")
_PATH = "/.well-known/est/idevid/simpleenroll"
_CSRATTRS = "/.well-known/est/idevid/csrattrs"
_CONSTANT = "/healthz"
"""Answered with the same few octets, whatever there is in the database."""


def measure(folder: Path) -> list[Figure]:
    """Return the figures of a real server."""
    home = folder / "over-est"
    kept_alive, new_connections = asyncio.run(_prepare(home))
    _use_one_worker(home)
    begun = time.perf_counter()
    with running_server(home) as server:
        ready = time.perf_counter() - begun
        resident = max(_resident_mib(process) for process in _workers(server))
        kept = [_measured(server, job) for job in kept_alive]
        fresh = [_measured(server, job) for job in new_connections]
        answers = [_against_constant(server, kept_alive[0]) for _ in range(_ROUNDS)]
    speed = statistics.median(speed for speed, _ in kept)
    return [
        at_least(
            "EST simpleenroll, kept-alive mTLS, ratio to the limit",
            speed,
            "certificates/server CPU-s",
            0.35,
            statistics.median(ratio for _, ratio in kept),
        ),
        at_least(
            "EST simpleenroll, a new mTLS connection each",
            statistics.median(speed for speed, _ in fresh),
            "certificates/server CPU-s",
            450,
        ),
        at_least(
            "EST csrattrs, kept-alive TLS, ratio to a constant answer",
            statistics.median(speed for speed, _ in answers),
            "answers/server CPU-s",
            0.8,
            statistics.median(ratio for _, ratio in answers),
        ),
        at_most("idle worker resident", resident, "MiB", 120),
        at_most("server ready after start", ready, "s", 2.0),
    ]


async def _prepare(home: Path) -> tuple[list[Job], list[Job]]:
    """Create the installation, and the jobs for both kinds of connections."""
    async with production_line(home) as line:
        anchor = pem_of(root_of(await find_generation(line.installation, "issuing")).der)
        credential = private_key_pem(line.station.signer.private).decode() + "".join(
            map(pem_of, line.station.chain)
        )
        numbers = itertools.count(1)

        async def jobs(count: int, connections: int, *, keep_alive: bool) -> list[Job]:
            made = []
            for _ in range(_ROUNDS):
                requests = await fresh_requests(line.installation, count, numbers)
                bodies = [base64.b64encode(one).decode() for one in requests]
                made.append(Job("", _PATH, anchor, credential, bodies, connections, keep_alive))
            return made

        return (
            await jobs(_KEPT_ALIVE, 32, keep_alive=True),
            await jobs(_NEW_CONNECTIONS, 8, keep_alive=False),
        )


def _use_one_worker(home: Path) -> None:
    file = home / "keyworks.toml"
    file.write_text(file.read_text().replace("workers = 0", "workers = 1"))


def _measured(server: RunningServer, job: Job) -> tuple[float, float]:
    """Return certificates per second of server CPU (sequencing included), and that against the limit."""
    before_limit = issuing_limit()
    before = _cpu_seconds(server)
    sent = _send(server, job)
    if sent.others or sent.answered != len(job.bodies):
        raise RuntimeError(f"{sent.answered} of {len(job.bodies)} were answered, others with {sent.others[:5]}")
    _wait_for_the_sequencer(server)
    speed = len(job.bodies) / (_cpu_seconds(server) - before)
    return speed, speed / statistics.mean((before_limit, issuing_limit()))


def _against_constant(server: RunningServer, job: Job) -> tuple[float, float]:
    """Return answers to csrattrs per second of server CPU, and that against a constant answer beside it."""
    asking = replace(job, bodies=[""] * _ANSWERS, method="GET")
    constant, own = (_answers(server, replace(asking, path=path)) for path in (_CONSTANT, _CSRATTRS))
    return own, own / constant


def _answers(server: RunningServer, job: Job) -> float:
    before = _cpu_seconds(server)
    sent = _send(server, job)
    if sent.others or sent.answered != len(job.bodies):
        raise RuntimeError(f"{sent.answered} of {len(job.bodies)} were answered, others with {sent.others[:5]}")
    return len(job.bodies) / (_cpu_seconds(server) - before)


def _send(server: RunningServer, job: Job) -> Sent:
    document = json.dumps({**asdict(job), "url": server.enrollment.replace("127.0.0.1", "localhost")})
    command = [sys.executable, "-m", "tests.bench.load"]
    done = subprocess.run(command, input=document, capture_output=True, text=True, check=True, timeout=300)
    return Sent(**json.loads(done.stdout))


def _processes(server: RunningServer) -> Iterator[int]:
    yield server.process.pid
    yield from _workers(server)


def _workers(server: RunningServer) -> list[int]:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return [int(one) for one in children.split()]


def _cpu_seconds(server: RunningServer) -> float:
    """Return the CPU time of all the server's processes, user and system."""
    total = 0
    for process in _processes(server):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def _resident_mib(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def _wait_for_the_sequencer(server: RunningServer) -> None:
    """Wait until an idle second has passed, so that what was written is also placed."""
    quiet = _cpu_seconds(server)
    for _ in range(20):
        time.sleep(1.1)
        now = _cpu_seconds(server)
        if now - quiet <= 2 / _TICKS:
            return
        quiet = now
