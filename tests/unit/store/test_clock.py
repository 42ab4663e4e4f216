"""The machine's clock."""

import time

from keyworks.store.clock import SystemClock


def test_the_clock_tells_whole_epoch_seconds() -> None:
    before = time.time()
    now = SystemClock().now()
    assert type(now) is int
    assert int(before) <= now <= time.time()
