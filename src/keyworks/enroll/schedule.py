"""When the next thing is to be done about a certificate. Pure: the clock and chance are given.

1. A certificate is due after two thirds of its life (``Certificate.renewal_due``). From there chance takes it
   up to a fifth of what remains later, so that a fleet that was commissioned together does not come together.
2. Where there are maintenance windows, it waits for the next one, and takes a place within it by chance.
3. But no window is waited for that comes when the certificate has ended or is about to: in the last tenth of
   what remains. Then it is renewed at once. A machine that stands still is worse than one that is touched.
4. After a failure waits grow, from a minute to an hour, half of them by chance; none is longer than a quarter
   of what is left. Where a server says when to come back, it is not asked before; but while there is time, no
   wait goes past the start of the last tenth.

Chance is a number from 0 up to but not including 1, made of the certificate (``draw_of``): it stays the same
through restarts, and two certificates have two.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from keyworks.enroll.renewal import Need, judge
from keyworks.enroll.window import Timetable
from keyworks.x509.certificate import Certificate

SPREAD: Final = (1, 5)
"""Share of the time between due and end over which renewals are spread."""

LAST_PART: Final = (1, 10)
"""Share of the same time, at its end, in which windows count no more."""

FIRST_RETRY: Final = timedelta(minutes=1)
LONGEST_RETRY: Final = timedelta(hours=1)
_SHORTEST_RETRY: Final = 5
"""Seconds."""

_TRIES_LEFT: Final = 4
"""A wait is at most this part of what is left, so that a short life ends with more than one try."""

_DRAW_OCTETS: Final = 6


class Why(StrEnum):
    """Why then."""

    NO_CERTIFICATE = "there is no certificate yet"
    ENDED = "the certificate has ended"
    NO_END = "the certificate never ends"
    DUE = "two thirds of its life are over then"
    WINDOW = "in a maintenance window"
    NO_WINDOW = "no maintenance window comes before the certificate ends"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is next.

    Args:
        at: Epoch seconds; ``None`` for never.
        why: Why then.
    """

    at: int | None
    why: Why


def draw_of(certificate: Certificate | None) -> float:
    """Return a certificate's own number from 0 up to but not including 1."""
    octets = certificate.fingerprint[:_DRAW_OCTETS] if certificate else bytes(_DRAW_OCTETS)
    return int.from_bytes(octets) / 256**_DRAW_OCTETS


def next_renewal(certificate: Certificate | None, earliest: int, draw: float, timetable: Timetable) -> Plan:
    """Return when a certificate is renewed.

    Args:
        certificate: The one in use; ``None`` before the first.
        earliest: Not before: the present instant, or after a failure the end of its wait. Epoch seconds.
        draw: Chance.
        timetable: The maintenance windows.
    """
    verdict = judge(certificate, earliest)
    if certificate is None:
        return Plan(earliest, Why.NO_CERTIFICATE)
    if verdict.renew_at is None:
        return Plan(None, Why.NO_END)
    if verdict.need is Need.NEW_ENROLLMENT:
        return Plan(earliest, Why.ENDED)
    parts, whole = SPREAD
    later = int(draw * (certificate.not_after - verdict.renew_at) * parts / whole)
    return _in_window(certificate, max(earliest, verdict.renew_at + later), draw, timetable)


def next_announcement(former: Certificate | None, earliest: int, draw: float, timetable: Timetable) -> Plan:
    """Return when to tell others of a certificate that they were not told of when it came.

    Until then they may use the former one: after the windows, its end counts.

    Args:
        former: The certificate before; ``None`` where there was none, so that nobody has anything yet.
        earliest: Not before; epoch seconds.
        draw: Chance.
        timetable: The maintenance windows.
    """
    if former is None:
        return Plan(earliest, Why.NO_CERTIFICATE)
    if earliest > former.not_after:
        return Plan(earliest, Why.ENDED)
    return _in_window(former, earliest, draw, timetable)


def _in_window(certificate: Certificate, wanted: int, draw: float, timetable: Timetable) -> Plan:
    if not timetable.windows:
        return Plan(wanted, Why.DUE)
    last = _last_part_of(certificate)
    # One that begins its last part now will have ended before any other window: no need to look for it.
    place = timetable.place(wanted, draw) if wanted < last else wanted
    if timetable.is_open(place) and (place < last or place == wanted):
        return Plan(place, Why.WINDOW)
    return Plan(wanted, Why.NO_WINDOW)


def _last_part_of(certificate: Certificate) -> int:
    parts, whole = LAST_PART
    return certificate.not_after - (certificate.not_after - certificate.renewal_due) * parts // whole


def after_failure(
    certificate: Certificate | None, now: int, failures: int, asked: timedelta | None, draw: float
) -> int:
    """Return before which instant it is not tried again, in epoch seconds.

    Args:
        certificate: The one in use, if there is one.
        now: When it failed; epoch seconds.
        failures: How many there were in a row, this one included.
        asked: How long the server says to wait, if it does.
        draw: Chance; another one each time.
    """
    longest = min(FIRST_RETRY * 2 ** min(failures - 1, 16), LONGEST_RETRY)
    grown = int(longest.total_seconds() * (1 + draw) / 2)
    wished = int(asked.total_seconds()) if asked else 0
    if certificate is not None:
        left = certificate.not_after - now
        grown = min(grown, max(left // _TRIES_LEFT, _SHORTEST_RETRY)) if left > 0 else grown
        least = int(LONGEST_RETRY.total_seconds())
        least = min(least, max(left // _TRIES_LEFT, _SHORTEST_RETRY)) if left > 0 else least
        wished = min(wished, max(least, _last_part_of(certificate) - now))
    return now + max(grown, wished)
