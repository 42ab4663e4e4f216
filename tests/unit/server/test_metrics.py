"""``/metrics``: every figure in the format that Prometheus reads."""

from datetime import timedelta

from keyworks.protocols.exchange import Request
from keyworks.server.meter import Board
from keyworks.server.metrics import CONTENT_TYPE, Metrics
from keyworks.service.installation import Installation
from keyworks.service.ledger import place_waiting
from keyworks.testing import NOON, FixedClock
from tests.unit.server.exposition import Samples, read_metrics


async def _scraped(installation: Installation, board: Board) -> Samples:
    reply = await Metrics(installation, board).respond(Request("GET", "/metrics", {}, b"", "192.0.2.1"))
    assert (reply.status, reply.content_type) == (200, CONTENT_TYPE)
    return read_metrics(reply.body.decode())


async def test_what_was_counted_and_what_is_recorded_are_told(
    operator: Installation, clock: FixedClock
) -> None:
    await place_waiting(operator)
    clock.advance(timedelta(seconds=42))
    board = Board(2)
    board.meter(0).answered("simpleenroll", 200, 0.004)
    board.meter(1).answered("simpleenroll", 403, 0.2)
    samples = await _scraped(operator, board)
    plain = {name: value for (name, labels), value in samples.items() if not labels}
    assert plain["keyworks_workers"] == 2
    assert plain["keyworks_answer_seconds_count"] == 2
    assert plain["keyworks_answer_seconds_sum"] == 0.204
    assert plain["keyworks_ledger_checkpoint_age_seconds"] == 42
    assert plain["keyworks_ledger_entries"] > 10
    assert plain["keyworks_server_certificate_not_after_seconds"] > NOON
    enrolled = (("operation", "simpleenroll"), ("status", "200"))
    assert samples["keyworks_requests_total", enrolled] == 1
    assert samples["keyworks_answer_seconds_bucket", (("le", "0.005"),)] == 1
    assert samples["keyworks_answer_seconds_bucket", (("le", "+Inf"),)] == 2
    assert samples["keyworks_authority_issues_until_seconds", (("authority", "issuing"),)] > NOON


async def test_buckets_never_shrink(operator: Installation) -> None:
    board = Board(1)
    for seconds in (0.0005, 0.03, 0.03, 7.0):
        board.meter(0).answered("cacerts", 200, seconds)
    samples = await _scraped(operator, board)
    counts = [value for (name, _), value in samples.items() if name == "keyworks_answer_seconds_bucket"]
    assert counts == sorted(counts)
    assert counts[-1] == 4


async def test_it_is_read_and_nothing_else(operator: Installation) -> None:
    reply = await Metrics(operator, Board(1)).respond(Request("POST", "/metrics", {}, b"", "192.0.2.1"))
    assert reply.status == 405
