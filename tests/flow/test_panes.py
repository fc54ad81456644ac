"""Days begin where the zone says, windows where the definition says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kpi_oracle import clock

from streams.panes import DAY_MS, HOUR_MS, MINUTE_MS, Days, ReportingTime, grain_of, window_ms

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ODD_ZONES = (
    "UTC",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "America/New_York",
    "Pacific/Apia",
    "America/St_Johns",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Chatham",
    "Africa/Casablanca",
)
_DAYS = {name: Days(name) for name in ODD_ZONES}


def ms(text: str) -> int:
    """Milliseconds since 1970 of an instant in UTC."""
    return clock.instant_ms(text)


def ordinal(text: str) -> int:
    """The number of a date."""
    return datetime.fromisoformat(text).toordinal()


@pytest.mark.parametrize(
    ("zone", "day", "begins", "hours"),
    [
        ("Asia/Tehran", "2021-03-22", "2021-03-21T20:30:00Z", 23),  # its local 01:00: midnight was skipped
        ("Asia/Tehran", "2021-09-21", "2021-09-20T19:30:00Z", 25),
        ("Asia/Kathmandu", "2026-06-15", "2026-06-14T18:15:00Z", 24),
        ("America/New_York", "2026-03-08", "2026-03-08T05:00:00Z", 23),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00:00Z", 25),
        ("America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z", 25),  # 00:01 goes back to 23:01 the day before
        ("America/St_Johns", "2010-03-14", "2010-03-14T03:30:00Z", 23),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z", 25),  # midnight comes twice: the first one counts
        ("America/Havana", "2026-03-08", "2026-03-08T05:00:00Z", 23),  # midnight is skipped
        ("Africa/Cairo", "2023-04-28", "2023-04-27T22:00:00Z", 23),
        ("Asia/Beirut", "2022-03-27", "2022-03-26T22:00:00Z", 23),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00Z", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30:00Z", 23.5),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", 23),
    ],
)
def test_a_day_begins_at_the_first_instant_of_its_local_date(zone: str, day: str, begins: str, hours: float) -> None:
    """Not always a midnight, and not always 24 h after the day before."""
    days, number = _DAYS[zone], ordinal(day)
    assert days.start(number) == ms(begins)
    assert days.start(number + 1) - days.start(number) == hours * HOUR_MS
    assert days.of(ms(begins)) == number
    assert days.of(ms(begins) - 1) == number - 1


def test_a_date_that_the_zone_skipped_is_empty() -> None:
    """Samoa went from the 29th to the 31st of December 2011: no instant falls on the 30th, and no lapse."""
    days, skipped = _DAYS["Pacific/Apia"], ordinal("2011-12-30")
    noon_before = ms("2011-12-29T22:00:00Z")
    assert days.start(skipped) == days.start(skipped + 1) == ms("2011-12-30T10:00:00Z")
    assert days.of(days.start(skipped)) == skipped + 1
    assert days.of(noon_before) == skipped - 1
    assert days.at_or_after(noon_before) == ms("2011-12-30T10:00:00Z")


def test_the_hour_that_a_zone_lives_again_across_midnight_belongs_to_the_new_date() -> None:
    """In St John's the clock once showed 00:00 of the 7th, then 23:01 of the 6th again: the 7th had begun."""
    days = _DAYS["America/St_Johns"]
    again = ms("2010-11-07T02:31:00Z")
    assert clock.local_date(again, "America/St_Johns").isoformat() == "2010-11-06"
    assert days.of(again) == ordinal("2010-11-07")


@given(st.sampled_from(ODD_ZONES), st.integers(0, 70 * 365 * DAY_MS))
def test_days_agree_with_asking_the_zone_instant_by_instant(zone: str, instant: int) -> None:
    """The table of day starts says what a slow reading of single instants says."""
    days, day = _DAYS[zone], clock.day_of(instant, zone)
    assert days.of(instant) == day.toordinal()
    assert days.start(day.toordinal()) == clock.first_instant(day, zone)
    assert days.at_or_after(instant) == clock.midnight_at_or_after(instant, zone)


@given(st.sampled_from(ODD_ZONES), st.integers(0, 200 * 365 * DAY_MS))
def test_every_instant_lies_in_its_day(zone: str, instant: int) -> None:
    """Days are half-open and leave no gap, as far ahead as events are accepted."""
    days = _DAYS[zone]
    day = days.of(instant)
    assert days.start(day) <= instant < days.start(day + 1)


def test_a_day_start_is_its_own_next_start() -> None:
    """A lapse at a midnight is at that midnight; a millisecond later it waits for the next."""
    days = _DAYS["Asia/Kathmandu"]
    midnight = ms("2026-06-14T18:15:00Z")
    assert days.at_or_after(midnight) == midnight
    assert days.at_or_after(midnight - 1) == midnight
    assert days.at_or_after(midnight + 1) == midnight + DAY_MS


def test_a_date_before_1970_is_refused() -> None:
    """Events begin in 1970, so nothing asks for earlier days but a mistake."""
    with pytest.raises(ValueError, match=r"1960-01-01.*1970-01-01"):
        _DAYS["UTC"].start(ordinal("1960-01-01"))


@pytest.mark.parametrize(
    ("calendar", "zone", "now", "month", "quarter", "year"),
    [
        ("gregorian", "UTC", "2026-06-15T13:37:20Z", "2026-06-01", "2026-04-01", "2026-01-01"),
        ("gregorian", "UTC", "2026-01-01T00:00:00Z", "2026-01-01", "2026-01-01", "2026-01-01"),
        ("gregorian", "UTC", "2025-12-31T23:59:59.999Z", "2025-12-01", "2025-10-01", "2025-01-01"),
        ("gregorian", "Asia/Kathmandu", "2026-06-30T18:15:00Z", "2026-07-01", "2026-07-01", "2026-01-01"),
        ("jalali", "Asia/Tehran", "2026-06-15T13:37:20Z", "2026-05-22", "2026-03-21", "2026-03-21"),
        ("jalali", "Asia/Tehran", "2021-03-20T20:29:59.999Z", "2021-02-19", "2020-12-21", "2020-03-20"),
        ("jalali", "Asia/Tehran", "2021-03-20T20:30:00Z", "2021-03-21", "2021-03-21", "2021-03-21"),
        ("jalali", "Asia/Tehran", "2025-03-20T20:29:59.999Z", "2025-02-19", "2024-12-21", "2024-03-20"),  # leap year
    ],
)
def test_calendar_windows_begin_with_the_current_period(
    calendar: str, zone: str, now: str, month: str, quarter: str, year: str
) -> None:
    """Months, quarters and years of the reporting calendar, at local day starts."""
    time = ReportingTime(zone, calendar)
    starts = {window.name: window.start_ms for window in time.frame(ms(now)).windows}
    expected = {"month": month, "quarter": quarter, "year": year}
    assert {name: starts[name] for name in expected} == {
        name: _DAYS[zone].start(ordinal(day)) for name, day in expected.items()
    }


@pytest.mark.parametrize(
    ("calendar", "start", "now", "quarter", "year"),
    [
        ("gregorian", 4, "2026-06-15", ("2026-04-01", "2026-06-30"), ("2026-04-01", "2027-03-31")),
        ("gregorian", 4, "2026-03-31", ("2026-01-01", "2026-03-31"), ("2025-04-01", "2026-03-31")),
        ("gregorian", 2, "2027-01-31", ("2026-11-01", "2027-01-31"), ("2026-02-01", "2027-01-31")),
        ("gregorian", 12, "2024-02-29", ("2023-12-01", "2024-02-29"), ("2023-12-01", "2024-11-30")),
        ("jalali", 7, "2026-06-15", ("2026-03-21", "2026-06-21"), ("2025-09-23", "2026-09-22")),
    ],
)
def test_a_fiscal_year_moves_quarters_and_years(
    calendar: str, start: int, now: str, quarter: tuple[str, str], year: tuple[str, str]
) -> None:
    """From April on, spring is the first quarter; months stay where they are."""
    time = ReportingTime("Asia/Tehran", calendar, fiscal_year_start=start)
    now_ms = _DAYS["Asia/Tehran"].start(ordinal(now)) + DAY_MS - 1
    days = {name: tuple(map(str, time.period_days(name, now_ms))) for name in ("quarter", "year")}
    assert days == {"quarter": quarter, "year": year}
    assert time.period_start("month", now_ms) == ReportingTime("Asia/Tehran", calendar).period_start("month", now_ms)


@given(st.sampled_from(("gregorian", "jalali")), st.integers(1, 12), st.integers(400, 30_000))
def test_a_period_is_all_days_that_begin_with_it(calendar: str, start: int, day: int) -> None:
    """Its first and last day have the same beginning, and the days beside them another, wherever a year begins."""
    time = ReportingTime("UTC", calendar, fiscal_year_start=start)
    for name in ("month", "quarter", "year"):
        first, last = (of.toordinal() - ordinal("1970-01-01") for of in time.period_days(name, day * DAY_MS))
        assert first <= day <= last
        begins = [time.period_start(name, at * DAY_MS) // DAY_MS for at in (first - 1, first, last, last + 1)]
        assert begins[0] < begins[1] == begins[2] == first
        assert begins[3] == last + 1


_TIMES = {
    (zone, calendar): ReportingTime(zone, calendar, ("1m", "45m", "1h", "24h", "25h", "30d", "31d", "90d", "365d"))
    for zone in ("UTC", "Asia/Tehran", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe")
    for calendar in ("gregorian", "jalali")
}


@given(st.sampled_from(sorted(_TIMES)), st.integers(400 * DAY_MS, 70 * 365 * DAY_MS))
def test_every_window_begins_where_the_definition_says(place: tuple[str, str], now_ms: int) -> None:
    """All kinds of windows, in zones with odd days, at any instant."""
    for window in _TIMES[place].frame(now_ms).windows:
        assert window.start_ms == clock.window_start(window.name, now_ms, *place), window.name


@pytest.mark.parametrize(
    ("name", "now", "start"),
    [
        ("1h", "2026-06-15T13:00:00Z", "2026-06-15T12:01:00Z"),  # a pane begins at its boundary: [12:01, 13:00]
        ("1h", "2026-06-15T12:59:59.999Z", "2026-06-15T12:00:00Z"),
        ("24h", "2026-06-15T13:00:00Z", "2026-06-14T13:01:00Z"),
        ("7d", "2026-06-15T13:00:00Z", "2026-06-08T14:00:00Z"),
        ("30d", "2026-06-15T12:59:59.999Z", "2026-05-16T13:00:00Z"),
        ("90d", "2026-06-15T00:00:00Z", "2026-03-18T00:00:00Z"),
        ("90d", "2026-06-14T23:59:59.999Z", "2026-03-17T00:00:00Z"),
    ],
)
def test_a_window_is_its_last_panes_with_the_partial_one_among_them(name: str, now: str, start: str) -> None:
    """At a boundary the pane that has just begun is the last of the window."""
    windows = {window.name: window for window in ReportingTime().frame(ms(now)).windows}
    assert windows[name].start_ms == ms(start)


def test_a_window_of_days_keeps_its_days_over_a_change_of_clocks() -> None:
    """90 local days in New York are an hour shorter in spring; the nominal length stays 90."""
    time = ReportingTime("America/New_York")
    window = next(w for w in time.frame(ms("2026-04-01T12:00:00Z")).windows if w.name == "90d")
    assert window.start_ms == ms("2026-01-02T05:00:00Z")
    assert window.days == 90.0


def test_windows_never_begin_before_the_day_that_holds_the_first_instant() -> None:
    """In the first days of time a long window holds what there is; west of Greenwich that day is of 1969."""
    assert all((window.start_ms or 0) >= -DAY_MS for window in ReportingTime().frame(5 * DAY_MS).windows)


def test_the_year_is_kept_though_not_configured() -> None:
    """An expected lifespan is taken from 365d; where nobody asked for it, it isn't published."""
    windows = {window.name: window for window in ReportingTime(windows=("1h",)).frame(10**12).windows}
    assert not windows["365d"].published
    assert windows["1h"].published


@pytest.mark.parametrize("name", ["", "h", "0h", "30", "30x", "1.5h", "-7d", "030d", " 7d", "7d ", "٧d", "999999d"])
def test_a_window_name_that_is_none_is_refused(name: str) -> None:
    """The error says what was got and what a name looks like."""
    with pytest.raises(ValueError, match=r"window '.*': expected a number and m, h or d, such as '24h'"):
        window_ms(name)


@pytest.mark.parametrize(("name", "pane"), [("1441m", "hour"), ("721h", "day"), ("43201m", "day")])
def test_a_window_that_cuts_a_pane_is_refused(name: str, pane: str) -> None:
    """25 h and a minute can't be made of hours."""
    with pytest.raises(ValueError, match=rf"window '{name}'.*whole number of {pane}s"):
        window_ms(name)


def test_grains_change_above_a_day_and_above_thirty() -> None:
    """Minutes up to 24h, hours up to 30d, days above."""
    assert [grain_of(length) for length in (MINUTE_MS, DAY_MS, DAY_MS + HOUR_MS, 30 * DAY_MS, 31 * DAY_MS)] == [
        "minute",
        "minute",
        "hour",
        "hour",
        "day",
    ]


def test_an_unknown_time_zone_is_refused() -> None:
    """A misspelt zone is an error at start, not UTC."""
    with pytest.raises(Exception, match="Europe/Teheran"):
        Days("Europe/Teheran")


def test_zones_are_read_at_instants_not_at_dates() -> None:
    """What the tests rely on: the zone database knows Tehran's last summer time."""
    assert (EPOCH + timedelta(milliseconds=ms("2021-03-21T20:30:00Z"))).astimezone(ZoneInfo("Asia/Tehran")).hour == 1


@given(st.sampled_from(ODD_ZONES), st.lists(st.integers(0, 4_100_000_000_000), max_size=5))
def test_many_instants_at_once_find_the_beginnings_that_each_finds(zone: str, instants: list[int]) -> None:
    """And those at which a day begins exactly, or a moment before and after."""
    days = _DAYS[zone]
    begins = [days.at_or_after(instant) for instant in instants]
    all_of_them = [*instants, *begins, *(begin + beside for begin in begins for beside in (-1, 1))]
    found = days.all_at_or_after(np.array(all_of_them, np.int64)).tolist()
    assert found == [days.at_or_after(instant) for instant in all_of_them]
