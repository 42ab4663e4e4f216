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
from tests.bench.line import Line, fresh_requests, production_line
from tests.bench.load import Job, Sent

_ROUNDS = 5
_KEPT_ALIVE = 1500
_NEW_CONNECTIONS = 500
_ANSWERS = 15_000
_TICKS = os.sysconf("SC_CLK_TCK")
PATH = "/.well-known/est/idevid/simpleenroll"
_CSRATTRS = "/.well-known/est/idevid/csrattrs"
_CONSTANT = "/healthz"
"""Answered with the same few octets, whatever there is in the database."""


def measure(folder: Path) -> list[Figure]:
    """Return the figures of a real server."""
    home = folder / "over-est"
    kept_alive, new_connections = asyncio.run(_prepare(home))
    use_workers(home, 1)
    begun = time.perf_counter()
    with running_server(home) as server:
        ready = time.perf_counter() - begun
        resident = max(resident_mib(process) for process in workers(server))
        kept = [measured(server, job) for job in kept_alive]
        fresh = [measured(server, job) for job in new_connections]
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
        numbers = itertools.count(1)
        kept = [await job_of(line, numbers, _KEPT_ALIVE, 32) for _ in range(_ROUNDS)]
        fresh = [await job_of(line, numbers, _NEW_CONNECTIONS, 8) for _ in range(_ROUNDS)]
        return kept, [replace(one, keep_alive=False) for one in fresh]


async def job_of(line: Line, numbers: Iterator[int], count: int, connections: int) -> Job:
    """Return a job of the line's station: so many devices that nobody has asked for before."""
    anchor = pem_of(root_of(await find_generation(line.installation, "issuing")).der)
    key = private_key_pem(line.station.signer.private).decode()
    requests = await fresh_requests(line.installation, count, numbers)
    bodies = [base64.b64encode(one).decode() for one in requests]
    return Job("", PATH, anchor, key + "".join(map(pem_of, line.station.chain)), bodies, connections, True)


def use_workers(home: Path, count: int) -> None:
    """Let an installation be served by so many workers."""
    file = home / "keyworks.toml"
    file.write_text(file.read_text().replace("workers = 0", f"workers = {count}"))


def measured(server: RunningServer, job: Job) -> tuple[float, float]:
    """Return certificates per second of server CPU (sequencing included), and that against the limit."""
    before_limit = issuing_limit()
    before = cpu_seconds(server)
    sent = send(server, job)
    if sent.others or sent.answered != len(job.bodies):
        raise RuntimeError(f"{sent.answered} of {len(job.bodies)} were answered, others with {sent.others[:5]}")
    wait_for_the_sequencer(server)
    speed = len(job.bodies) / (cpu_seconds(server) - before)
    return speed, speed / statistics.mean((before_limit, issuing_limit()))


def _against_constant(server: RunningServer, job: Job) -> tuple[float, float]:
    """Return answers to csrattrs per second of server CPU, and that against a constant answer beside it."""
    asking = replace(job, bodies=[""] * _ANSWERS, method="GET")
    constant, own = (_answers(server, replace(asking, path=path)) for path in (_CONSTANT, _CSRATTRS))
    return own, own / constant


def _answers(server: RunningServer, job: Job) -> float:
    before = cpu_seconds(server)
    sent = send(server, job)
    if sent.others or sent.answered != len(job.bodies):
        raise RuntimeError(f"{sent.answered} of {len(job.bodies)} were answered, others with {sent.others[:5]}")
    return len(job.bodies) / (cpu_seconds(server) - before)


def send(server: RunningServer, job: Job) -> Sent:
    """Let a load process do a job; return what came back."""
    document = json.dumps({**asdict(job), "url": server.enrollment.replace("127.0.0.1", "localhost")})
    command = [sys.executable, "-m", "tests.bench.load"]
    done = subprocess.run(command, input=document, capture_output=True, text=True, check=True, timeout=300)
    return Sent(**json.loads(done.stdout))


def _processes(server: RunningServer) -> Iterator[int]:
    yield server.process.pid
    yield from workers(server)


def workers(server: RunningServer) -> list[int]:
    """Return the process ids of a server's workers."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return [int(one) for one in children.split()]


def cpu_seconds(server: RunningServer) -> float:
    """Return the CPU time of all the server's processes, user and system."""
    total = 0
    for process in _processes(server):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def resident_mib(process: int) -> float:
    """Return the memory that a process has, in MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def wait_for_the_sequencer(server: RunningServer) -> None:
    """Wait until an idle second has passed, so that what was written is also placed."""
    quiet = cpu_seconds(server)
    for _ in range(20):
        time.sleep(1.1)
        now = cpu_seconds(server)
        if now - quiet <= 2 / _TICKS:
            return
        quiet = now
