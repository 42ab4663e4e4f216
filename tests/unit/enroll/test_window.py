"""Maintenance windows, by the clock on the wall."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from keyworks.enroll.window import Timetable, Window, parse_window, parse_windows
from keyworks.errors import OperatorError


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock goes as in Central Europe, by POSIX rules that need no files."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0/2,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


def _at(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("Sat 02:00-05:00", Window(frozenset({5}), 120, 180)),
        (" sat,SUN  00:00 - 24:00 ", Window(frozenset({5, 6}), 0, 1440)),
        ("Mon-Fri 22:00-04:00", Window(frozenset(range(5)), 1320, 360)),
        ("Fri-Mon 12:00-12:30", Window(frozenset({4, 5, 6, 0}), 720, 30)),
        ("Daily 23:59-00:00", Window(frozenset(range(7)), 1439, 1)),
    ],
)
def test_a_window_is_days_and_hours(text: str, window: Window) -> None:
    assert parse_window(text) == window


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no window"),
        ("Sat", "is no window"),
        ("02:00-05:00", "is no window"),
        ("Sat 2-5", "is no window"),
        ("Sat ٠٢:00-05:00", "is no window"),
        ("Samstag 02:00-05:00", "'Samstag' in the window .* is no day"),
        ("Sat, 02:00-05:00", "'' in the window .* is no day"),
        ("Mon-Wed-Fri 02:00-05:00", "no range of days"),
        ("Sat 02:00-25:00", "25:00 in the window .* is no time of day"),
        ("Sat 02:60-05:00", "02:60 in the window"),
        ("Sat 02:00-02:00", "has no length"),
        ("Sat 24:00-05:00", "has no length"),
    ],
)
def test_what_is_no_window_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(OperatorError, match=says):
        parse_window(text)


@pytest.mark.parametrize(
    ("earliest", "draw", "place"),
    [
        ("2026-11-25T09:00:00", 0.0, "2026-11-28T02:00:00"),
        ("2026-11-25T09:00:00", 0.5, "2026-11-28T02:45:00"),
        ("2026-11-28T02:30:00", 0.5, "2026-11-28T02:45:00"),
        ("2026-11-28T03:00:00", 0.5, "2026-11-28T03:00:00"),
        ("2026-11-28T04:59:59", 0.5, "2026-11-28T04:59:59"),
        ("2026-11-28T05:00:00", 0.5, "2026-12-05T02:45:00"),
    ],
)
def test_chance_gives_a_place_in_the_first_half_of_a_window(earliest: str, draw: float, place: str) -> None:
    timetable = parse_windows(["Sat 02:00-05:00"], UTC)
    assert timetable.place(_at(earliest), draw) == _at(place)


def test_of_several_windows_the_next_counts_and_past_midnight_it_is_still_yesterday_s() -> None:
    timetable = parse_windows(["Sat 02:00-05:00", "Tue-Wed 22:00-04:00"], UTC)
    assert timetable.place(_at("2026-11-26T03:00:00"), 0.0) == _at("2026-11-26T03:00:00")
    assert timetable.place(_at("2026-11-26T04:00:00"), 0.0) == _at("2026-11-28T02:00:00")
    assert timetable.is_open(_at("2026-11-25T22:00:00"))
    assert not timetable.is_open(_at("2026-11-26T04:00:00"))


@pytest.mark.usefixtures("berlin")
def test_windows_are_in_the_machine_s_local_time() -> None:
    timetable = parse_windows(["Sat 02:00-05:00"])
    assert timetable.place(_at("2026-11-25T00:00:00"), 0.0) == _at("2026-11-28T01:00:00")
    assert timetable.place(_at("2026-07-01T00:00:00"), 0.0) == _at("2026-07-04T00:00:00")


@pytest.mark.usefixtures("berlin")
def test_a_window_that_the_clocks_skip_is_left_out_and_one_that_they_repeat_is_longer() -> None:
    """In 2026 clocks go forward on 29 March, and back on 25 October, both Sundays."""
    timetable = parse_windows(["Sun 02:00-03:00"])
    assert timetable.place(_at("2026-03-28T00:00:00"), 0.0) == _at("2026-04-05T00:00:00")
    assert timetable.is_open(_at("2026-10-25T00:00:00"))
    assert timetable.is_open(_at("2026-10-25T01:59:59"))
    assert not timetable.is_open(_at("2026-10-25T02:00:00"))


def test_without_windows_any_time_will_do_and_at_the_end_of_calendars_none_is_left() -> None:
    assert Timetable().is_open(0)
    assert Timetable().place(7, 0.5) == 7
    end = _at("9999-12-31T23:00:00")
    assert parse_windows(["daily 00:00-24:00"], UTC).place(end, 0.5) == end


def test_a_day_s_window_is_as_long_as_it_says() -> None:
    timetable = parse_windows(["Wed 06:00-06:15"], UTC)
    start = datetime(2026, 11, 25, 6, tzinfo=UTC)
    opened = [timetable.is_open(int((start + timedelta(minutes=one)).timestamp())) for one in (-1, 0, 14, 15)]
    assert opened == [False, True, True, False]
