"""Figures that all workers share."""

import os

import pytest

from keyworks.server.meter import ALIVE_SECONDS, BUCKETS, MAX_SERIES, Board


def test_what_the_workers_count_is_added_up() -> None:
    board = Board(2)
    for number, count in ((0, 3), (1, 4)):
        for _ in range(count):
            board.meter(number).answered("enrollment", "simpleenroll", 200, 0.002)
        board.meter(number).issued("channel-1")
    totals = board.totals()
    assert totals.of("answers") == {("enrollment", "simpleenroll", "200"): 7}
    assert totals.of("issued") == {("channel-1",): 2}
    assert totals.seconds("simpleenroll") == pytest.approx(0.014)


def test_a_worker_that_takes_the_place_of_another_goes_on_with_its_figures() -> None:
    """What only the former one had is gone: its connections, and the certificate that it served with."""
    board = Board(1)
    first = board.meter(0)
    first.start()
    first.refused("NotFound")
    first.holds_open("console", 9)
    first.serves_until(99)
    second = board.meter(0)
    second.start()
    second.refused("NotFound")
    totals = board.totals()
    assert totals.of("refused") == {("NotFound",): 2}
    assert totals.of("open") == {("console",): 0}
    assert totals.serves_until == 0
    assert totals.of("starts") == {(): 2}


def test_what_a_forked_process_counts_is_seen_by_the_others() -> None:
    board = Board(2)
    process = os.fork()
    if process == 0:
        board.meter(1).answered("publication", "aia", 200, 0.1)
        board.meter(1).holds_open("publication", 5)
        os._exit(0)
    os.waitpid(process, 0)
    assert board.totals().of("answers") == {("publication", "aia", "200"): 1}
    assert board.totals().of("open") == {("publication",): 5}


def test_looking_changes_nothing() -> None:
    board = Board(2)
    board.totals()
    assert board.totals().of("lost") == {}


@pytest.mark.parametrize(
    ("seconds", "place"), [(0.0, 0), (0.001, 0), (0.0011, 1), (2.5, len(BUCKETS) - 1), (99.0, len(BUCKETS))]
)
def test_a_latency_goes_into_the_first_bucket_that_holds_it(seconds: float, place: int) -> None:
    board = Board(1)
    board.meter(0).answered("console", "other", 200, seconds)
    assert [number for number, count in enumerate(board.totals().buckets("other")) if count] == [place]


def test_a_status_that_nobody_expects_is_counted_as_another_one() -> None:
    board = Board(1)
    board.meter(0).answered("console", "other", 418, 0.1)
    assert board.totals().of("answers") == {("console", "other", "other"): 1}


def test_what_there_is_no_room_for_is_counted_together_and_harms_nothing() -> None:
    board = Board(2)
    meter = board.meter(0)
    meter.issued("x" * 64)
    for number in range(MAX_SERIES + 5):
        meter.issued(str(number))
    totals = board.totals()
    kept = totals.of("issued")
    assert set(kept.values()) == {1}
    assert totals.of("lost") == {(): MAX_SERIES + 6 - len(kept)}
    assert board.meter(1)._places == {("lost",): 0}


def test_a_worker_that_is_not_heard_of_does_not_work() -> None:
    times = [1000.0]
    board = Board(3, lambda: times[0])
    board.meter(0).start()
    board.meter(1).start()
    assert board.totals().alive == 2
    times[0] += ALIVE_SECONDS
    board.meter(1).beat()
    assert board.totals().alive == 1


def test_the_certificate_that_ends_first_counts() -> None:
    """One worker may have failed to take over the new one."""
    board = Board(3)
    board.meter(0).serves_until(2000)
    board.meter(1).serves_until(1000)
    assert board.totals().serves_until == 1000
