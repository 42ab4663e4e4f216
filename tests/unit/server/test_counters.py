"""Counts of what is not worth an entry each."""

from keyworks.server.counters import Counters


def test_what_was_counted_is_told_once() -> None:
    counters = Counters()
    for name in ("tls_error", "http_408", "tls_error"):
        counters.count(name)
    assert counters.drain() == {"tls_error": 2, "http_408": 1}
    assert counters.drain() == {}
