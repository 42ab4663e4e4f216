"""Counting strangers."""

from keyworks.ledger.entry import seal
from keyworks.ledger.refusals import MAX_COUNTED, MAX_NAMED, RefusalCounter

MAX_BODY_OCTETS = 2048


def test_nothing_counted_makes_no_entry() -> None:
    assert RefusalCounter().drain(5) is None


def test_refusals_are_summarized_in_one_entry() -> None:
    counter = RefusalCounter()
    for source, cause in (
        ("192.0.2.1", "InvalidPath"),
        ("192.0.2.2", "NotFound"),
        ("192.0.2.1", "InvalidPath"),
    ):
        counter.count(source, cause)
    entry = counter.drain(5)
    assert entry is not None
    assert (entry.at, entry.actor, entry.action, entry.result) == (5, "anonymous", "requests.refused", "3")
    assert entry.detail == (("192.0.2.1 InvalidPath", "2"), ("192.0.2.2 NotFound", "1"))


def test_each_refusal_is_summarized_once() -> None:
    counter = RefusalCounter()
    counter.count("192.0.2.1", "NotFound")
    counter.drain(5)
    assert counter.drain(6) is None


def test_a_stranger_with_many_addresses_fills_neither_memory_nor_ledger() -> None:
    counter = RefusalCounter()
    for number in range(5 * MAX_COUNTED):
        counter.count(f"2001:db8::{number:x}", "NotFound")
    assert len(counter._counts) == MAX_COUNTED + 1
    entry = counter.drain(5)
    assert entry is not None
    assert entry.result == str(5 * MAX_COUNTED)
    assert entry.detail[0] == ("others several", str(4 * MAX_COUNTED))
    assert len(entry.detail) == MAX_NAMED
    assert len(seal(entry).body) < MAX_BODY_OCTETS


def test_whoever_was_counted_before_the_limit_is_still_counted_apart() -> None:
    counter = RefusalCounter()
    for number in range(MAX_COUNTED + 10):
        counter.count(f"source {number}", "NotFound")
    counter.count("source 0", "NotFound")
    entry = counter.drain(5)
    assert entry is not None
    assert dict(entry.detail)["source 0 NotFound"] == "2"
