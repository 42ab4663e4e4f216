"""Counts of what is not worth an entry each."""

from keyworks.server.counters import Counters
from keyworks.server.meter import Board


def test_what_was_counted_is_told_once() -> None:
    counters = Counters()
    assert [counters.count(name) for name in ("tls_error", "http_408", "tls_error")] == [1, 1, 2]
    assert counters.drain() == {"tls_error": 2, "http_408": 1}
    assert counters.drain() == {}
    assert counters.count("tls_error") == 1


def test_what_a_listener_ends_is_measured_and_stays_when_it_was_told() -> None:
    """Refused answers and notices are measured where they are answered."""
    board = Board(1)
    counters = Counters(board.meter(0))
    for name in ("tls_error", "refused_404", "http_408", "noticed", "tls_error"):
        counters.count(name)
    counters.drain()
    assert board.totals().of("cut") == {("http_408",): 1, ("tls_error",): 2}
