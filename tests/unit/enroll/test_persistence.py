"""How hard a client tries."""

from datetime import timedelta

from keyworks.enroll.persistence import Persistence, Tries

SECOND = timedelta(seconds=1)


def test_waits_after_broken_connections_double_half_of_them_by_chance_until_it_is_given_up() -> None:
    tries = Tries(Persistence(attempts=4))
    assert [tries.after_loss(1.0), tries.after_loss(0.0), tries.after_loss(1.0)] == [
        timedelta(milliseconds=250),
        timedelta(milliseconds=250),
        SECOND,
    ]
    assert tries.after_loss(1.0) is None


def test_a_server_that_says_later_is_waited_for_as_long_as_patience_lasts_in_all() -> None:
    """RFC 7030 §4.2.3."""
    tries = Tries(Persistence(patience=60 * SECOND))
    assert tries.after_later(40 * SECOND) == 40 * SECOND
    assert tries.after_later(20 * SECOND) == 20 * SECOND
    assert tries.after_later(SECOND) is None


def test_without_patience_nothing_is_waited_for() -> None:
    assert Tries(Persistence()).after_later(SECOND) is None
