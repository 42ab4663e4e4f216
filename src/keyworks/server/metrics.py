"""``/metrics`` in Prometheus' text format: what the workers counted, and what the database says.

Names and labels are fixed or the operator's own words (authorities); none is a device, a person or a secret.
"""

from collections.abc import Iterable, Iterator, Mapping

from keyworks import __version__
from keyworks.authority.register import Register
from keyworks.errors import KeyworksError
from keyworks.ledger.records import COUNT_WAITING, read_head
from keyworks.protocols.exchange import Reply, Request, method_not_allowed, refuse
from keyworks.server.meter import BUCKETS, Board
from keyworks.service.installation import Installation
from keyworks.service.server_certificate import valid_server_certificate
from keyworks.x509.certificate import Certificate

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[Mapping[str, str], float]


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
        """Return every figure as of now."""
        if request.method not in ("GET", "HEAD"):
            return method_not_allowed("GET")
        try:
            lines = [*self._counted(), *await self._recorded()]
        except KeyworksError as error:
            return refuse(error)
        return Reply(200, (("Cache-Control", "no-store"),), "".join(lines).encode(), CONTENT_TYPE)

    def _counted(self) -> Iterator[str]:
        totals = self._board.totals()
        yield from _metric("keyworks_info", "gauge", "This release.", [({"version": __version__}, 1)])
        yield from _metric("keyworks_workers", "gauge", "Worker processes.", [({}, self._board.workers)])
        yield from _metric(
            "keyworks_open_connections", "gauge", "Open connections.", [({}, totals.open_connections)]
        )
        answers = [
            ({"operation": operation, "status": status}, count)
            for (operation, status), count in totals.answers.items()
        ]
        yield from _metric(
            "keyworks_requests_total", "counter", "Answers by operation and HTTP status.", answers
        )
        yield from _histogram(totals.buckets, totals.seconds)

    async def _recorded(self) -> list[str]:
        register, _ = await self._installation.registers.current()
        frontier, signed_at = await self._installation.store.read(read_head)
        [(waiting,)] = await self._installation.store.read(lambda tx: tx.execute(COUNT_WAITING))
        age = self._installation.clock.now() - signed_at if frontier.size else 0
        lines = [
            *_metric("keyworks_ledger_entries", "gauge", "Entries in the tree.", [({}, frontier.size)]),
            *_metric("keyworks_ledger_waiting", "gauge", "Entries that wait for their place.", [({}, waiting)]),
            *_metric(
                "keyworks_ledger_checkpoint_age_seconds", "gauge", "Since the last checkpoint.", [({}, age)]
            ),
            *_authorities(register),
        ]
        own = await valid_server_certificate(self._installation)
        ends = Certificate.parse(own.chain[0]).not_after if own is not None else 0
        name = "keyworks_server_certificate_not_after_seconds"
        return [*lines, *_metric(name, "gauge", "When this server's certificate ends.", [({}, ends)])]


def _authorities(register: Register) -> Iterator[str]:
    newest = sorted(register.newest.values(), key=lambda one: one.authority.name)
    ends = [({"authority": one.authority.name}, one.certificate.not_after) for one in newest]
    issues = [({"authority": one.authority.name}, one.issues_until) for one in newest]
    yield from _metric(
        "keyworks_authority_not_after_seconds", "gauge", "When the newest generation's certificate ends.", ends
    )
    yield from _metric(
        "keyworks_authority_issues_until_seconds", "gauge", "Until when the newest generation issues.", issues
    )


def _histogram(buckets: tuple[int, ...], seconds: float) -> Iterator[str]:
    name, total = "keyworks_answer_seconds", 0
    yield f"# HELP {name} From a whole request to its answer.\n# TYPE {name} histogram\n"
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), buckets, strict=True):
        total += count
        yield f'{name}_bucket{{le="{bound}"}} {total}\n'
    yield f"{name}_sum {seconds}\n{name}_count {total}\n"


def _metric(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
    for labels, value in samples:
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{f'{{{inside}}}' if inside else ''} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
