"""``/metrics``: every figure in the format that Prometheus reads."""

from datetime import timedelta

from keyworks.protocols.exchange import STATUS, Request
from keyworks.server.meter import Board
from keyworks.server.metrics import CAUSES, CONTENT_TYPE, Metrics
from keyworks.service.channels import enable_channel
from keyworks.service.installation import Installation
from keyworks.service.ledger import place_waiting
from keyworks.testing import NOON, FixedClock
from tests.unit.server.exposition import Samples, read_metrics


async def _scraped(installation: Installation, board: Board) -> Samples:
    reply = await Metrics(installation, board).respond(Request("GET", "/metrics", {}, b"", "192.0.2.1"))
    assert (reply.status, reply.content_type) == (200, CONTENT_TYPE)
    return read_metrics(reply.body.decode())


def _plain(samples: Samples) -> dict[str, float]:
    return {name.removeprefix("keyworks_"): value for (name, labels), value in samples.items() if not labels}


async def test_what_was_counted_is_told(operator: Installation) -> None:
    board = Board(2)
    for number, status, seconds in ((0, 200, 0.004), (1, 403, 0.2)):
        meter = board.meter(number)
        meter.start()
        meter.answered("enrollment", "simpleenroll", status, seconds)
    board.meter(1).refused("NotAuthorized")
    board.meter(1).cut("tls_error")
    board.meter(0).serves_until(NOON + 5)
    samples = await _scraped(operator, board)
    plain, where = _plain(samples), (("listener", "enrollment"), ("operation", "simpleenroll"))
    assert (plain["workers"], plain["workers_wanted"], plain["worker_starts_total"]) == (2, 2, 2)
    assert plain["server_certificate_not_after_seconds"] == NOON + 5
    assert samples["keyworks_requests_total", (*where, ("status", "200"))] == 1
    assert samples["keyworks_answer_seconds_sum", where[1:]] == 0.204
    assert samples["keyworks_answer_seconds_bucket", (*where[1:], ("le", "0.005"))] == 1
    assert samples["keyworks_answer_seconds_bucket", (*where[1:], ("le", "+Inf"))] == 2
    assert samples["keyworks_refusals_total", (("cause", "NotAuthorized"),)] == 1
    assert samples["keyworks_cut_total", (("cause", "tls_error"),)] == 1


async def test_what_is_recorded_is_told(operator: Installation, clock: FixedClock) -> None:
    await place_waiting(operator)
    clock.advance(timedelta(seconds=42))
    await enable_channel(operator, "ldevid", enabled=False)
    clock.advance(timedelta(seconds=9))
    samples = await _scraped(operator, Board(1))
    plain = _plain(samples)
    assert plain["ledger_entries"] > 10
    assert plain["ledger_waiting"] >= 1
    assert plain["ledger_waiting_seconds"] == 9
    assert plain["ledger_checkpoint_age_seconds"] == 51
    issuing = (("authority", "issuing"), ("generation", "1"))
    assert samples["keyworks_authority_issues_until_seconds", issuing] > NOON
    assert (
        samples["keyworks_authority_not_after_seconds", issuing]
        > samples["keyworks_authority_issues_until_seconds", issuing]
    )


async def test_certificates_are_told_by_the_label_of_their_channel(operator: Installation) -> None:
    register, _ = await operator.registers.current()
    board = Board(1)
    for channel_id in (register.channels["ldevid"].id, "a former channel", "", "another former one"):
        board.meter(0).issued(channel_id)
    samples = await _scraped(operator, board)
    issued = {labels: value for (name, labels), value in samples.items() if "issued" in name}
    assert issued == {
        (("channel", ""),): 3,
        **{(("channel", label),): int(label == "ldevid") for label in register.channels},
    }


async def test_every_cause_of_a_refusal_has_its_figure_from_the_start(operator: Installation) -> None:
    samples = await _scraped(operator, Board(1))
    found = [labels[0][1] for name, labels in samples if name == "keyworks_refusals_total"]
    assert found == list(CAUSES)
    assert {cause.__name__ for cause in STATUS} <= set(found)


async def test_without_a_database_the_workers_figures_are_told_all_the_same(operator: Installation) -> None:
    board = Board(1)
    assert _plain(await _scraped(operator, board))["database"] == 1
    board.meter(0).start()
    await operator.store.close()
    plain = _plain(await _scraped(operator, board))
    assert (plain["database"], plain["workers"]) == (0, 1)
    assert "ledger_waiting" not in plain


async def test_buckets_never_shrink(operator: Installation) -> None:
    board = Board(1)
    for seconds in (0.0005, 0.03, 0.03, 7.0):
        board.meter(0).answered("enrollment", "cacerts", 200, seconds)
    samples = await _scraped(operator, board)
    counts = [value for (name, _), value in samples.items() if name == "keyworks_answer_seconds_bucket"]
    assert counts == sorted(counts)
    assert counts[-1] == 4


async def test_it_is_read_and_nothing_else(operator: Installation) -> None:
    reply = await Metrics(operator, Board(1)).respond(Request("POST", "/metrics", {}, b"", "192.0.2.1"))
    assert reply.status == 405
