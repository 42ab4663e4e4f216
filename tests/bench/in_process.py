"""Issuing without a network: the whole path from authentication to the durable record."""

import asyncio
import hashlib
import itertools
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from keyworks.access.credential import PresentedChain
from keyworks.authority.authorize import Operation
from keyworks.authority.enrollment import Attempt, Enrollment
from keyworks.service.ledger import place_waiting
from keyworks.service.sequencing import open_sequencer
from keyworks.x509.template import parse_certification_request
from tests.bench.figure import Figure, at_least, at_most
from tests.bench.limit import fsync_seconds, issuing_limit
from tests.bench.line import Line, enrollment_of, fresh_requests, production_line

_ROUNDS = 7
_PER_ROUND = 1000
_ALONE = 300


async def measure(folder: Path) -> list[Figure]:
    """Return the figures of issuing in process."""
    async with production_line(folder / "in-process") as line:
        numbers = itertools.count(1)
        enrollment = enrollment_of(line.installation)
        presented = presented_by(line)
        shared = [await _round(line, enrollment, presented, numbers) for _ in range(_ROUNDS)]
        ratio = statistics.median(ratio for _, ratio in shared)
        speed = statistics.median(speed for speed, _ in shared)
        requests = await fresh_requests(line.installation, _ALONE, numbers)
        async with sequencing(line):
            latency = statistics.median(await _alone(enrollment, presented, requests))
    allowed = 3 * fsync_seconds(folder) + 1 / issuing_limit()
    return [
        at_least("issue in process, 32 at a time, ratio to the limit", speed, "certificates/s", 0.50, ratio),
        at_most(
            "issue in process, one at a time, p50 to 3 fsync + limit",
            latency * 1e6,
            "µs",
            1.0,
            latency / allowed,
        ),
    ]


def presented_by(line: Line) -> PresentedChain:
    """Return what the station presents."""
    chain = line.station.chain
    return PresentedChain(chain, hashlib.sha256(b"".join(chain)).digest())


async def _round(
    line: Line, enrollment: Enrollment, presented: PresentedChain, numbers: Iterator[int]
) -> tuple[float, float]:
    """Return certificates/s of wall time, and that against the limit measured right before and after.

    The time ends when the ledger's entries have their places: of the issued certificates, and of nothing else.
    """
    requests = await fresh_requests(line.installation, _PER_ROUND, numbers)
    await place_waiting(line.installation)
    before = issuing_limit()
    begun = time.perf_counter()
    async with sequencing(line):
        await enroll_all(enrollment, presented, requests, 32)
    speed = _PER_ROUND / (time.perf_counter() - begun)
    return speed, speed / statistics.mean((before, issuing_limit()))


async def enroll_all(
    enrollment: Enrollment, presented: PresentedChain, requests: list[bytes], at_a_time: int
) -> None:
    """Have requests answered, so many at a time."""
    waiting = iter(requests)

    async def work() -> None:
        for request in waiting:
            await _enroll(enrollment, presented, request)

    await asyncio.gather(*(work() for _ in range(at_a_time)))


@asynccontextmanager
async def sequencing(line: Line) -> AsyncIterator[None]:
    """Place entries meanwhile, as a worker does."""
    stop = asyncio.Event()
    task = asyncio.create_task((await open_sequencer(line.installation)).run(stop))
    yield
    stop.set()
    await task


async def _alone(enrollment: Enrollment, presented: PresentedChain, requests: list[bytes]) -> list[float]:
    """Return the seconds that each request took, one after the other."""
    times = []
    for request in requests:
        begun = time.perf_counter()
        await _enroll(enrollment, presented, request)
        times.append(time.perf_counter() - begun)
    return times


async def _enroll(enrollment: Enrollment, presented: PresentedChain, request: bytes) -> None:
    attempt = Attempt("idevid", Operation.ENROLL, presented, None, request, "127.0.0.1")
    await enrollment.enroll(attempt, parse_certification_request)
