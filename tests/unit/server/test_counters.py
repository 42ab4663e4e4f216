"""Counts of what is not worth an entry each."""

from keyworks.server.counters import Counters


def test_what_was_counted_is_told_once() -> None:
    counters = Counters()
    assert [counters.count(name) for name in ("tls_error", "http_408", "tls_error")] == [1, 1, 2]
    assert counters.drain() == {"tls_error": 2, "http_408": 1}
    assert counters.drain() == {}
    assert counters.count("tls_error") == 1
