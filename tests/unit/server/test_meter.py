"""Figures that all workers share."""

import os

import pytest

from keyworks.server.meter import BUCKETS, Board


def test_what_the_workers_count_is_added_up() -> None:
    board = Board(2)
    for number, count in ((0, 3), (1, 4)):
        for _ in range(count):
            board.meter(number).answered("simpleenroll", 200, 0.002)
    totals = board.totals()
    assert totals.answers == {("simpleenroll", "200"): 7}
    assert totals.seconds == pytest.approx(0.014)


def test_a_worker_that_takes_the_place_of_another_goes_on_with_its_figures() -> None:
    board = Board(1)
    first = board.meter(0)
    first.answered("cacerts", 404, 0.1)
    first.holds_open(9)
    board.meter(0).answered("cacerts", 404, 0.1)
    assert board.totals().answers == {("cacerts", "404"): 2}
    assert board.totals().open_connections == 0


def test_what_a_forked_process_counts_is_seen_by_the_others() -> None:
    board = Board(2)
    process = os.fork()
    if process == 0:
        board.meter(1).answered("aia", 200, 0.1)
        board.meter(1).holds_open(5)
        os._exit(0)
    os.waitpid(process, 0)
    assert board.totals().answers == {("aia", "200"): 1}
    assert board.totals().open_connections == 5


@pytest.mark.parametrize(
    ("seconds", "place"), [(0.0, 0), (0.001, 0), (0.0011, 1), (2.5, len(BUCKETS) - 1), (99.0, len(BUCKETS))]
)
def test_a_latency_goes_into_the_first_bucket_that_holds_it(seconds: float, place: int) -> None:
    board = Board(1)
    board.meter(0).answered("other", 200, seconds)
    assert [number for number, count in enumerate(board.totals().buckets) if count] == [place]


def test_a_status_that_nobody_expects_is_counted_as_another_one() -> None:
    board = Board(1)
    board.meter(0).answered("other", 418, 0.1)
    assert board.totals().answers == {("other", "other"): 1}
