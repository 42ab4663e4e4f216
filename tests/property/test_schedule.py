"""Renewals come in time, in their windows and spread, whatever the certificate, windows and instant."""

from dataclasses import replace
from datetime import UTC, timedelta, timezone
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from keyworks.enroll.schedule import Why, after_failure, next_announcement, next_renewal
from keyworks.enroll.window import Timetable, Window, parse_window
from keyworks.errors import OperatorError
from keyworks.x509.certificate import Certificate
from keyworks.x509.tbs import NO_EXPIRY
from tests.unit.enroll.small_pki import certify

_INSTANTS = st.one_of(st.integers(1_700_000_000, 2_000_000_000), st.integers(0, NO_EXPIRY))
_LIVES = st.one_of(st.integers(0, 40 * 86400), st.integers(0, 400 * 365 * 86400))
_DRAWS = st.floats(0, 1, exclude_max=True)
_WINDOWS = st.builds(
    Window,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439),
    st.integers(1, 1440),
)
_ZONES = st.one_of(
    st.just(UTC), st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
)
_TIMETABLES = st.builds(Timetable, st.lists(_WINDOWS, max_size=3).map(tuple), _ZONES)


@cache
def _any() -> Certificate:
    return Certificate.parse(certify("device").der)


_CERTIFICATES = st.builds(
    lambda begin, life: replace(_any(), not_before=begin, not_after=min(begin + life, NO_EXPIRY - 1)),
    _INSTANTS,
    _LIVES,
)


@given(_CERTIFICATES, _INSTANTS, _DRAWS, _TIMETABLES)
def test_a_renewal_is_never_too_early_never_in_the_past_and_in_time(
    certificate: Certificate, earliest: int, draw: float, timetable: Timetable
) -> None:
    plan = next_renewal(certificate, earliest, draw, timetable)
    assert plan.at is not None
    assert plan.at >= earliest
    assert plan.at >= certificate.renewal_due
    spread = (certificate.not_after - certificate.renewal_due) // 5
    if plan.why is Why.WINDOW:
        assert timetable.is_open(plan.at)
        assert plan.at <= max(earliest, certificate.not_after)
    else:
        assert plan.at <= max(earliest, certificate.renewal_due + spread)


@given(_CERTIFICATES, _INSTANTS, _DRAWS, _TIMETABLES, st.floats(0, 1))
def test_waiting_does_not_move_a_renewal(
    certificate: Certificate, earliest: int, draw: float, timetable: Timetable, part: float
) -> None:
    """So whoever looks again and again renews at the instant that was planned first."""
    plan = next_renewal(certificate, earliest, draw, timetable)
    assert plan.at is not None
    later = earliest + int((plan.at - earliest) * part)
    assert next_renewal(certificate, later, draw, timetable).at == plan.at


@given(_CERTIFICATES, _INSTANTS, _DRAWS, _TIMETABLES)
def test_an_announcement_is_in_a_window_or_the_former_certificate_could_not_wait(
    former: Certificate, earliest: int, draw: float, timetable: Timetable
) -> None:
    plan = next_announcement(former, earliest, draw, timetable)
    assert plan.at is not None
    assert plan.at == earliest or (timetable.is_open(plan.at) and earliest < plan.at < former.not_after)


@given(
    st.one_of(st.none(), _CERTIFICATES),
    _INSTANTS,
    st.integers(1, 10**9),
    st.one_of(st.none(), st.integers(1, 7 * 86400)),
    _DRAWS,
)
def test_a_wait_is_bounded_on_both_sides(
    certificate: Certificate | None, now: int, failures: int, asked: int | None, draw: float
) -> None:
    again = after_failure(certificate, now, failures, timedelta(seconds=asked) if asked else None, draw)
    left = certificate.not_after - now if certificate else 0
    assert min(30, max(5, left // 4) if left > 0 else 30) <= again - now <= max(3600, asked or 0)
    if certificate and now < certificate.not_after - 4000:
        assert again < certificate.not_after


@given(st.one_of(st.text(max_size=40), st.from_regex(r"[A-Za-z,-]{3,9} [0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}")))
def test_every_text_is_a_window_or_refused(text: str) -> None:
    try:
        window = parse_window(text)
    except OperatorError:
        return
    assert window.days
    assert 0 <= window.start_minute < 1440
    assert 1 <= window.minutes <= 1440
