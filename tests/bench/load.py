"""The load: a process of its own, so that the server's time is the server's.

Reads one JSON job from standard input, sends every request once over mutual TLS, and prints what came back as
JSON. Loopback only, bounded by the number of requests in the job.
"""

import asyncio
import json
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Job:
    """What to send.

    Args:
        url: The enrollment listener's, on loopback.
        path: Of every request.
        anchor: PEM of what the server's certificate chains to.
        credential: PEM of the client's certificate, chain and key.
        bodies: One request each, base64.
        connections: At a time.
        keep_alive: Whether a connection serves more than one request.
        method: Of every request.
        rate: Requests per second, each at its time whether or not those before are answered; 0 for as many as
            the connections take.
    """

    url: str
    path: str
    anchor: str
    credential: str
    bodies: list[str]
    connections: int
    keep_alive: bool
    method: str = "POST"
    rate: float = 0.0


Connected = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Sent:
    """What came back.

    Args:
        answered: Requests answered with 200.
        others: Statuses of all others.
        seconds: From the first request to the last answer; connections that are kept are open before.
        latencies: Seconds of each, from when it was to be sent; in no order.
    """

    answered: int
    others: list[int]
    seconds: float
    latencies: list[float]


async def run(job: Job) -> Sent:
    """Send every request of a job once."""
    context = _context(job)
    opened = [await _connect(job, context) for _ in range(job.connections if job.keep_alive else 0)]
    begun = time.perf_counter()
    due = _schedule(job, begun)
    found: list[tuple[int, float]] = []
    clients = [*opened, *[None] * (job.connections - len(opened))]
    await asyncio.gather(*(_client(job, context, due, found, one) for one in clients))
    seconds = time.perf_counter() - begun
    statuses = [status for status, _ in found]
    others = [one for one in statuses if one != 200]
    return Sent(statuses.count(200), others, seconds, [latency for _, latency in found])


def _schedule(job: Job, begun: float) -> Iterator[tuple[float, str]]:
    """Yield each request with the instant at which it is to be sent; 0 for at once."""
    for number, body in enumerate(job.bodies):
        yield begun + number / job.rate if job.rate else 0.0, body


def _context(job: Job) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=job.anchor)
    if not job.credential:
        return context
    with tempfile.NamedTemporaryFile("w") as stream:
        stream.write(job.credential)
        stream.flush()
        context.load_cert_chain(stream.name)
    return context


async def _connect(job: Job, context: ssl.SSLContext) -> Connected:
    address = urlsplit(job.url)
    return await asyncio.open_connection(address.hostname, address.port, ssl=context)


async def _client(
    job: Job,
    context: ssl.SSLContext,
    requests: Iterator[tuple[float, str]],
    found: list[tuple[int, float]],
    connected: Connected | None,
) -> None:
    for due, body in requests:
        if due > time.perf_counter():
            await asyncio.sleep(due - time.perf_counter())
        begun = due or time.perf_counter()
        if connected is None:
            connected = await _connect(job, context)
        reader, writer = connected
        writer.write(_request(job, body))
        status, closes = await _status(reader)
        found.append((status, time.perf_counter() - begun))
        if closes or not job.keep_alive:
            writer.transport.abort()
            connected = None
    if connected is not None:
        connected[1].close()


def _request(job: Job, body: str) -> bytes:
    return (
        f"{job.method} {job.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/pkcs10\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def _status(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Read one response; return its status, and whether the server closes the connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length")
    )
    await reader.readexactly(length)
    return int(head[9:12]), b"\r\nconnection: close" in head.lower()


def main() -> None:
    """Do the job on standard input."""
    sent = asyncio.run(run(Job(**json.load(sys.stdin))))
    json.dump(asdict(sent), sys.stdout)


if __name__ == "__main__":
    main()
