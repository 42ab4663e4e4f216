"""When the next thing is done about a certificate."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

import pytest

from keyworks.enroll.schedule import Why, after_failure, draw_of, next_announcement, next_renewal
from keyworks.enroll.window import Timetable, parse_windows
from keyworks.x509.certificate import Certificate
from keyworks.x509.tbs import NO_EXPIRY
from tests.unit.enroll.small_pki import certify

ANY_TIME = Timetable()
SATURDAYS = parse_windows(["Sat 02:00-05:00"], UTC)
BEGIN = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())  # a Thursday
DAY = 86400


@cache
def _any() -> Certificate:
    return Certificate.parse(certify("device").der)


def lasting(days: float) -> Certificate:
    return replace(_any(), not_before=BEGIN, not_after=BEGIN + int(days * DAY))


@pytest.mark.parametrize(("draw", "day"), [(0.0, 200), (0.5, 210), (0.9999, 219)])
def test_a_fleet_is_spread_over_a_fifth_of_what_remains(draw: float, day: int) -> None:
    plan = next_renewal(lasting(300), BEGIN, draw, ANY_TIME)
    assert plan.why is Why.DUE
    assert plan.at is not None
    assert (plan.at - BEGIN) // DAY == day


def test_what_is_overdue_is_due_now_and_after_a_failure_when_its_wait_is_over() -> None:
    certificate = lasting(300)
    assert next_renewal(certificate, BEGIN + 290 * DAY, 0.5, ANY_TIME).at == BEGIN + 290 * DAY
    assert next_renewal(certificate, BEGIN + 290 * DAY + 60, 0.5, ANY_TIME).at == BEGIN + 290 * DAY + 60


def test_without_a_certificate_or_after_its_end_no_window_is_waited_for() -> None:
    assert next_renewal(None, BEGIN, 0.5, SATURDAYS).at == BEGIN
    ended = next_renewal(lasting(30), BEGIN + 31 * DAY, 0.5, SATURDAYS)
    assert (ended.at, ended.why) == (BEGIN + 31 * DAY, Why.ENDED)


def test_one_that_never_ends_is_never_renewed() -> None:
    """IEEE 802.1AR-2018: IDevIDs."""
    idevid = replace(_any(), not_after=NO_EXPIRY)
    assert next_renewal(idevid, BEGIN, 0.5, SATURDAYS).at is None


def test_it_waits_for_the_next_window_and_takes_a_place_in_it() -> None:
    plan = next_renewal(lasting(300), BEGIN, 0.5, SATURDAYS)
    assert plan.why is Why.WINDOW
    assert plan.at == int(datetime(2026, 8, 1, 2, 45, tzinfo=UTC).timestamp())  # due on Thursday 30 July


def test_it_does_not_wait_for_a_window_that_comes_too_late() -> None:
    """A certificate of six days is due on the fifth, a Monday; the next Saturday is after its end."""
    week = lasting(6)
    plan = next_renewal(week, BEGIN, 0.0, SATURDAYS)
    assert (plan.at, plan.why) == (week.renewal_due, Why.NO_WINDOW)


def test_windows_count_no_more_in_the_last_tenth_of_what_remains() -> None:
    """Of 300 days, from the 290th: until then Saturday 17 October is waited for."""
    certificate = lasting(300)
    before = next_renewal(certificate, BEGIN + 288 * DAY, 0.5, SATURDAYS)
    after = next_renewal(certificate, BEGIN + 290 * DAY + 1, 0.5, SATURDAYS)
    assert (before.at, before.why) == (BEGIN + 289 * DAY + int(2.75 * 3600), Why.WINDOW)
    assert (after.at, after.why) == (BEGIN + 290 * DAY + 1, Why.NO_WINDOW)


def test_one_s_own_chance_stays_the_same_and_two_certificates_have_two() -> None:
    one, other = _any(), Certificate.parse(certify("device").der)
    assert draw_of(one) == draw_of(Certificate.parse(one.der)) != draw_of(other)
    assert draw_of(None) == 0


def test_who_was_not_told_of_a_certificate_is_told_in_a_window_before_the_former_one_ends() -> None:
    assert next_announcement(None, BEGIN, 0.0, SATURDAYS).at == BEGIN
    saturday = int(datetime(2026, 1, 3, 2, tzinfo=UTC).timestamp())
    assert next_announcement(lasting(300), BEGIN, 0.0, SATURDAYS).at == saturday
    assert next_announcement(lasting(300), BEGIN, 0.0, ANY_TIME).at == BEGIN
    assert next_announcement(lasting(1), BEGIN, 0.0, SATURDAYS).at == BEGIN
    assert next_announcement(lasting(1), BEGIN + 2 * DAY, 0.0, SATURDAYS).at == BEGIN + 2 * DAY


def test_waits_grow_from_a_minute_to_an_hour_half_of_them_by_chance() -> None:
    waits = [after_failure(lasting(300), BEGIN, failures, None, 0.999999) for failures in range(1, 9)]
    assert [round((one - BEGIN) / 60) for one in waits] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert after_failure(lasting(300), BEGIN, 1, None, 0.0) == BEGIN + 30
    assert after_failure(lasting(300), BEGIN, 10**6, None, 0.0) == BEGIN + 1800


def test_a_short_life_ends_with_more_than_one_try() -> None:
    certificate = lasting(1 / 24)
    tries = [BEGIN + 2400]
    while tries[-1] < certificate.not_after:
        tries.append(after_failure(certificate, tries[-1], len(tries), None, 0.999999))
    assert len(tries) > 6
    assert all(later - earlier >= 5 for earlier, later in pairwise(tries))
    assert after_failure(certificate, certificate.not_after, 1, None, 0.0) == certificate.not_after + 30
    late = certificate.not_after - 1200
    assert after_failure(certificate, late, 1, timedelta(hours=2), 0.0) < certificate.not_after - 100


def test_a_server_is_not_asked_before_it_says() -> None:
    """RFC 9110 §10.2.3."""
    asked = timedelta(days=3)
    assert after_failure(lasting(300), BEGIN, 1, asked, 0.0) == BEGIN + 3 * DAY
    assert after_failure(None, BEGIN, 1, asked, 0.0) == BEGIN + 3 * DAY


def test_a_server_that_says_to_come_back_after_the_end_is_asked_once_before_it() -> None:
    certificate, now = lasting(30), BEGIN + 25 * DAY
    asked = timedelta(days=7)
    assert after_failure(certificate, now, 1, asked, 0.0) == BEGIN + 29 * DAY
    assert after_failure(certificate, BEGIN + 29 * DAY, 1, asked, 0.0) == BEGIN + 29 * DAY + 3600
