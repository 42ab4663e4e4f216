"""Random octets by the handful."""

import os
import threading

import pytest

from keyworks.store.randomness import _PAGE_OCTETS, random_number, random_octets


@pytest.mark.parametrize("count", [0, 1, 10, _PAGE_OCTETS - 1, _PAGE_OCTETS, 3 * _PAGE_OCTETS])
def test_as_many_octets_come_as_were_asked_for(count: int) -> None:
    random_octets(1)
    assert len(random_octets(count)) == count


def test_nothing_is_given_out_twice() -> None:
    """Across pages, and across threads that draw at the same time."""
    drawn: list[bytes] = []

    def draw() -> None:
        drawn.extend([random_octets(16) for _ in range(1000)])

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(drawn)) == 4000


def test_a_forked_process_draws_other_octets_than_its_parent() -> None:
    random_octets(1)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, random_octets(32))
        os._exit(0)
    own = random_octets(32)
    os.waitpid(child, 0)
    theirs = os.read(reading, 64)
    os.close(reading)
    os.close(writing)
    assert len(theirs) == 32
    assert theirs != own


def test_a_number_has_the_bits_that_were_asked_for() -> None:
    drawn = [random_number(80) for _ in range(200)]
    assert max(drawn) < 1 << 80
    assert max(drawn) >> 72  # none of 200 above 72 bits: once in 256**200
    assert len(set(drawn)) == 200
