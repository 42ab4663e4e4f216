"""``/metrics`` in Prometheus' text format: what the workers counted, and what the database says.

Names and labels are fixed or the operator's own words (authorities, channels); none is a device, a person, a
serial number or an address.
"""

import platform
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from keyworks import __version__, errors
from keyworks.authority.register import Register
from keyworks.errors import KeyworksError
from keyworks.ledger.records import read_head, waiting_of
from keyworks.protocols.exchange import Reply, Request, method_not_allowed
from keyworks.server.meter import BUCKETS, OPERATIONS, Board, Totals
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[Mapping[str, str], float]


def _causes(above: type[KeyworksError]) -> Iterator[str]:
    for cause in above.__subclasses__():
        if cause.__module__ == errors.__name__:
            yield cause.__name__
            yield from _causes(cause)


CAUSES: Final = tuple(_causes(KeyworksError))
"""Of a refusal: each has its figure from the start, so that the first one is seen as an increase."""


class Metrics:
    """Answers ``/metrics``.

    Args:
        installation: Open.
        board: What all workers counted.
    """

    def __init__(self, installation: Installation, board: Board) -> None:
        self._installation = installation
        self._board = board

    async def respond(self, request: Request) -> Reply:
        """Return every figure as of now; without a database, those that the workers counted."""
        if request.method not in ("GET", "HEAD"):
            return method_not_allowed("GET")
        totals = self._board.totals()
        try:
            recorded = await self._recorded(totals)
        except KeyworksError:
            recorded = []
        lines = [
            *_processes(totals, self._board.workers),
            *_answers(totals),
            *_metric("database", "gauge", "Whether the database can be read.", [({}, int(bool(recorded)))]),
            *recorded,
        ]
        return Reply(200, (("Cache-Control", "no-store"),), "".join(lines).encode(), CONTENT_TYPE)

    async def _recorded(self, totals: Totals) -> list[str]:
        register, _ = await self._installation.registers.current()
        at = self._installation.clock.now()
        ledger = await self._installation.store.read(lambda tx: [*_ledger(tx, at)])
        return [*_issued(totals, register), *ledger, *_authorities(register)]


def _processes(totals: Totals, workers: int) -> Iterator[str]:
    release = {"version": __version__, "python": platform.python_version()}
    yield from _metric("build_info", "gauge", "This release.", [(release, 1)])
    yield from _metric("workers", "gauge", "Worker processes that work.", [({}, totals.alive)])
    yield from _metric("workers_wanted", "gauge", "Worker processes that there should be.", [({}, workers)])
    yield from _metric("worker_starts_total", "counter", "Worker processes started.", _sums(totals, "starts"))
    yield from _metric(
        "open_connections",
        "gauge",
        "Open connections, as of the last second.",
        _sums(totals, "open", "listener"),
    )
    yield from _metric(
        "server_certificate_not_after_seconds",
        "gauge",
        "When the certificate ends that this server presents.",
        [({}, totals.serves_until)],
    )


def _answers(totals: Totals) -> Iterator[str]:
    yield from _metric(
        "requests_total",
        "counter",
        "Answers by listener, operation and HTTP status.",
        _sums(totals, "answers", "listener", "operation", "status"),
    )
    yield from _latencies(totals)
    refused = {(cause,): 0 for cause in CAUSES} | dict(totals.of("refused"))
    yield from _metric(
        "refusals_total",
        "counter",
        "Requests refused, by cause.",
        [({"cause": cause}, count) for (cause,), count in refused.items()],
    )
    yield from _metric(
        "cut_total",
        "counter",
        "Connections and requests that the listeners ended, by cause.",
        _sums(totals, "cut", "cause"),
    )
    yield from _metric("lost_total", "counter", "Events that no figure had room for.", _sums(totals, "lost"))


def _latencies(totals: Totals) -> Iterator[str]:
    name = "keyworks_answer_seconds"
    yield f"# HELP {name} From a whole request to its answer.\n# TYPE {name} histogram\n"
    for operation in OPERATIONS:
        buckets, total = totals.buckets(operation), 0
        if not any(buckets):
            continue
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), buckets, strict=True):
            total += count
            yield f'{name}_bucket{{operation="{operation}",le="{bound}"}} {total}\n'
        yield f'{name}_sum{{operation="{operation}"}} {totals.seconds(operation)}\n'
        yield f'{name}_count{{operation="{operation}"}} {total}\n'


def _issued(totals: Totals, register: Register) -> Iterator[str]:
    """Count by label; what came through channels that are no more, or through none, comes together."""
    issued = {channel.id: (label, 0) for label, channel in register.channels.items()}
    others = 0
    for (channel_id,), count in totals.of("issued").items():
        if channel_id in issued:
            issued[channel_id] = (issued[channel_id][0], count)
        else:
            others += count
    samples = [({"channel": label}, count) for label, count in issued.values()]
    yield from _metric(
        "certificates_issued_total",
        "counter",
        "Certificates issued by this server, by channel; former channels without a label.",
        [*samples, ({"channel": ""}, others)],
    )


def _ledger(tx: Transaction, at: int) -> Iterator[str]:
    frontier, signed_at = read_head(tx)
    waiting, oldest = waiting_of(tx)
    age = at - signed_at if frontier.size else 0
    waits = max(0, at - oldest) if oldest is not None else 0
    yield from _metric("ledger_entries", "gauge", "Entries in the tree.", [({}, frontier.size)])
    yield from _metric("ledger_waiting", "gauge", "Entries that wait for their place.", [({}, waiting)])
    yield from _metric("ledger_waiting_seconds", "gauge", "How long the oldest of them waits.", [({}, waits)])
    yield from _metric("ledger_checkpoint_age_seconds", "gauge", "Since the last checkpoint.", [({}, age)])


def _authorities(register: Register) -> Iterator[str]:
    newest = sorted(register.newest.values(), key=lambda one: one.authority.name)
    labels = [{"authority": one.authority.name, "generation": str(one.number)} for one in newest]
    ends = [one.certificate.not_after for one in newest]
    issues = [min(one.issues_until, one.certificate.not_after) for one in newest]
    yield from _metric(
        "authority_not_after_seconds",
        "gauge",
        "When the newest generation's certificate ends.",
        zip(labels, ends, strict=True),
    )
    yield from _metric(
        "authority_issues_until_seconds",
        "gauge",
        "Until when the newest generation issues.",
        zip(labels, issues, strict=True),
    )


def _sums(totals: Totals, kind: str, *labels: str) -> list[Sample]:
    return [(dict(zip(labels, words, strict=True)), count) for words, count in totals.of(kind).items()]


def _metric(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP keyworks_{name} {text}\n# TYPE keyworks_{name} {kind}\n"
    for labels, value in samples:
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"keyworks_{name}{f'{{{inside}}}' if inside else ''} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
