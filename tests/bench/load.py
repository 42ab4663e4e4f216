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
    """

    url: str
    path: str
    anchor: str
    credential: str
    bodies: list[str]
    connections: int
    keep_alive: bool
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Sent:
    """What came back.

    Args:
        answered: Requests answered with 200.
        others: Statuses of all others.
        seconds: From the first octet to the last.
    """

    answered: int
    others: list[int]
    seconds: float


async def run(job: Job) -> Sent:
    """Send every request of a job once."""
    context = _context(job)
    bodies = iter(job.bodies)
    statuses: list[int] = []
    begun = time.perf_counter()
    await asyncio.gather(*(_client(job, context, bodies, statuses) for _ in range(job.connections)))
    seconds = time.perf_counter() - begun
    return Sent(statuses.count(200), [one for one in statuses if one != 200], seconds)


def _context(job: Job) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=job.anchor)
    with tempfile.NamedTemporaryFile("w") as stream:
        stream.write(job.credential)
        stream.flush()
        context.load_cert_chain(stream.name)
    return context


async def _client(job: Job, context: ssl.SSLContext, bodies: Iterator[str], statuses: list[int]) -> None:
    address = urlsplit(job.url)
    connected = None
    for body in bodies:
        if connected is None:
            connected = await asyncio.open_connection(address.hostname, address.port, ssl=context)
        reader, writer = connected
        writer.write(_request(job, body))
        statuses.append(await _status(reader))
        if not job.keep_alive:
            writer.transport.abort()
            connected = None
    if connected is not None:
        connected[1].close()


def _request(job: Job, body: str) -> bytes:
    return (
        f"{job.method} {job.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/pkcs10\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def _status(reader: asyncio.StreamReader) -> int:
    """Read one response, and return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length")
    )
    await reader.readexactly(length)
    return int(head[9:12])


def main() -> None:
    """Do the job on standard input."""
    sent = asyncio.run(run(Job(**json.load(sys.stdin))))
    json.dump(asdict(sent), sys.stdout)


if __name__ == "__main__":
    main()
