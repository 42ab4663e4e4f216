"""Issuing on a PostgreSQL server against issuing on a file: the same work, in turns, per CPU second of ours."""

import itertools
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keyworks.service.ledger import place_waiting
from keyworks.testing import Databases, use_databases
from keyworks.testing.postgresql import ServerDatabases, running_cluster
from tests.bench import in_process
from tests.bench.figure import Figure, at_least
from tests.bench.line import Line, enrollment_of, fresh_requests, production_line

_ROUNDS = 5
_PER_ROUND = 600
_AT_A_TIME = 32


async def measure(folder: Path) -> list[Figure]:
    """Return the figure; both databases are durable, and on this machine."""
    with _server() as server:
        async with production_line(folder / "on-a-file") as file:
            use_databases(server)
            async with production_line(folder / "on-a-server") as far:
                use_databases(Databases())
                numbers = itertools.count(1)
                pairs = [[await _speed(line, numbers) for line in (far, file)] for _ in range(_ROUNDS)]
    ratio = statistics.median(on_server / on_file for on_server, on_file in pairs)
    speed = statistics.median(on_server for on_server, _ in pairs)
    return [
        at_least("issue in process on PostgreSQL, ratio to SQLite", speed, "certificates/CPU-s", 0.80, ratio),
    ]


@contextmanager
def _server() -> Iterator[ServerDatabases]:
    with running_cluster() as cluster:
        yield ServerDatabases(cluster)


async def _speed(line: Line, numbers: Iterator[int]) -> float:
    """Return certificates per second of this process's CPU, placing them in the ledger included."""
    requests = await fresh_requests(line.installation, _PER_ROUND, numbers)
    await place_waiting(line.installation)
    enrollment, presented = enrollment_of(line.installation), in_process.presented_by(line)
    begun = time.process_time()
    async with in_process.sequencing(line):
        await in_process.enroll_all(enrollment, presented, requests, _AT_A_TIME)
    return _PER_ROUND / (time.process_time() - begun)
