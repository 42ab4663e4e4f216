"""Many at once, on the whole machine: two workers, and strangers and attackers beside the line.

The load and the attackers run on the same processors as the server, so the figures are of the machine.
"""

import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from keyworks.server.running import RunningServer, running_server
from tests.bench.attack import ATTACKS, Attack
from tests.bench.figure import Figure, at_least, at_most
from tests.bench.limit import issuing_limit
from tests.bench.line import production_line
from tests.bench.load import Job, Sent
from tests.bench.over_est import job_of, measured, resident_mib, send, use_workers, workers

_ROUNDS: Final = 3
_COUNT: Final = 1500
_CONNECTIONS: Final = 32
_OF_THE_MOST: Final = 0.7
"""Of the rate that is possible, at which latency is measured."""

_STRANGERS: Final = 1000
"""Bad requests per second."""

_BESIDE: Final = 200
"""Requests per second of the line while somebody attacks."""

_SECONDS: Final = 5
_WHILE_ATTACKED: Final = 100
"""Milliseconds that the line may wait while somebody attacks, on the same two processors."""


@dataclass
class _Jobs:
    """Jobs that nobody has done yet, one after the other."""

    jobs: Iterator[Job]

    def next(self, count: int = _COUNT, rate: float = 0.0) -> Job:
        """Return the next one, of so many requests."""
        job = next(self.jobs)
        return replace(job, bodies=job.bodies[:count], rate=rate)


def measure(folder: Path) -> list[Figure]:
    """Return the figures of a crowd."""
    one, two = folder / "one-worker", folder / "two-workers"
    alone, many = asyncio.run(_prepare(one, _ROUNDS)), asyncio.run(_prepare(two, 32))
    use_workers(one, 1)
    use_workers(two, 2)
    with running_server(one) as single, running_server(two) as server:
        pairs = [(measured(server, many.next())[0], measured(single, alone.next())[0]) for _ in range(_ROUNDS)]
    with running_server(two) as server:
        rates = [_rate(send(server, many.next())) for _ in range(_ROUNDS)]
        whole = statistics.median(rates)
        slow = [_p99(send(server, many.next(rate=whole * _OF_THE_MOST))) for _ in range(_ROUNDS)]
        beside = [_beside_strangers(server, many) for _ in range(_ROUNDS)]
        before = max(map(resident_mib, workers(server)))
        attacked = [_beside(server, many, attack) for attack in ATTACKS.values()]
        after = max(map(resident_mib, workers(server)))
    return [
        at_least(
            "EST kept-alive, two workers against one, per server CPU-second",
            statistics.median(both for both, _ in pairs),
            "certificates/server CPU-s",
            0.90,
            statistics.median(both / single for both, single in pairs),
        ),
        at_least("EST kept-alive, two workers, load beside", whole, "certificates/s", 2200),
        at_least("the same, ratio to the limit", whole, "certificates/s", 0.35, whole / issuing_limit()),
        at_most(f"latency at {_OF_THE_MOST:.0%} of it, p99", 1000 * statistics.median(slow), "ms", 20),
        at_least(
            f"issuing beside {_STRANGERS} bad requests/s, ratio",
            statistics.median(rate for rate, _ in beside),
            "certificates/s",
            0.85,
            statistics.median(rate / free for rate, free in beside),
        ),
        *attacked,
        at_most("memory of a worker after all of that, against before", after, "MiB", 1.1, after / before),
    ]


async def _prepare(home: Path, count: int) -> _Jobs:
    async with production_line(home) as line:
        numbers = itertools.count(1)
        jobs = [await job_of(line, numbers, _COUNT, _CONNECTIONS) for _ in range(count)]
    return _Jobs(iter(jobs))


def _rate(sent: Sent) -> float:
    if sent.others:
        raise RuntimeError(f"others were answered with {sent.others[:5]}")
    return sent.answered / sent.seconds


def _p99(sent: Sent) -> float:
    _rate(sent)
    return statistics.quantiles(sent.latencies, n=100)[98]


def _beside_strangers(server: RunningServer, many: _Jobs) -> tuple[float, float]:
    """Return certificates per second beside bad requests, and without them."""
    free, job = _rate(send(server, many.next())), many.next()
    bad = replace(job, credential="", bodies=["AAAA"] * _STRANGERS * 4, rate=_STRANGERS, connections=8)
    with _meanwhile(lambda: send(server, bad)):
        return _rate(send(server, job)), free


def _beside(server: RunningServer, many: _Jobs, attack: Attack) -> Figure:
    """Return how long the line waits while somebody attacks."""
    job = many.next(_BESIDE * _SECONDS, _BESIDE)
    with _meanwhile(lambda: _attack(server, job, attack)):
        latency = _p99(send(server, job))
    return at_most(f"p99 of the line beside {attack.name}", 1000 * latency, "ms", _WHILE_ATTACKED)


def _attack(server: RunningServer, job: Job, attack: Attack) -> None:
    document = {
        "name": attack.name,
        "url": server.enrollment,
        "seconds": _SECONDS,
        "credential": job.credential,
    }
    command = [sys.executable, "-m", "tests.bench.attack"]
    subprocess.run(command, input=json.dumps(document), text=True, check=True, timeout=120)


@contextmanager
def _meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Do something in a thread of its own until the block ends, or longer."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()
