"""A learned rhythm: what was regular is missed soon, what is sparse never, and a batch only once it is due."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.rhythm import Rhythm
from streams.watermarks import HOUR_MS, WEEK_HOURS, Mark, Watermarks

MONDAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000)
DAY = 24
ALPHA = 1e-6
WEEKS = range(9 * WEEK_HOURS)


def mark_of(hours: Iterable[int]) -> Mark:
    """Arrivals by hour since that Monday."""
    marks = Watermarks()
    for hour in hours:
        marks.note_all("shop", "purchase", np.array([MONDAY]), np.array([MONDAY + hour * HOUR_MS]))
    return marks.marks["shop", "purchase"]


def missed_after(hours: Iterable[int], timezone: str = "UTC", alpha: float = ALPHA) -> float | None:
    """How many hours after the last arrival's it is missed."""
    mark = mark_of(hours)
    due_ms = Rhythm(timezone, alpha).due_ms(mark)
    return None if due_ms is None else due_ms / HOUR_MS - mark.newest_hour - 1


def test_a_stream_that_never_rests_is_missed_within_hours():
    """The longer it is known the sooner: a chance of 1 in 9 for each hour after eight weeks, of 1 in 3 after two."""
    assert missed_after(WEEKS) == 7
    assert missed_after(range(2 * WEEK_HOURS + 1)) == 13


def test_nothing_is_judged_before_two_whole_weeks():
    """What was only once can't be usual."""
    assert missed_after(range(2 * WEEK_HOURS)) is None
    assert missed_after([0]) is None


def test_a_nightly_batch_is_not_missed_in_the_afternoon():
    """Between its hours nothing is expected; after seven nights without it, it is missed, at its usual hour."""
    nights = [day * DAY + 2 for day in range(63)]
    assert missed_after(nights) == 7 * DAY


def test_weekends_and_nights_without_orders_do_not_count():
    """An office that closes on Friday at six is missed on Monday, after seven hours of opening."""
    office = [day * DAY + hour for day in range(61) if day % 7 < 5 for hour in range(9, 18)]
    assert max(office) % WEEK_HOURS == 4 * DAY + 17
    assert missed_after(office) == (2 * DAY + 15) + 7
    assert missed_after([hour for hour in office if hour < 58 * DAY + 12]) == 6 + 15 + 1  # a Wednesday noon


def test_hours_of_the_week_are_those_of_the_zone_across_a_change_of_the_clocks():
    """A batch at two in the morning, New York, is expected at two after the clocks went forward, too."""
    zone = "America/New_York"
    # In UTC: 07:00 until 8 March 2026, 06:00 from then on.
    change = (datetime(2026, 3, 8, 7, tzinfo=UTC).timestamp() * 1000 - MONDAY) / HOUR_MS
    nights = [day * DAY + 7 for day in range(62)]
    assert nights[-1] < change
    due = missed_after(nights, zone)
    assert due is not None
    assert (due + nights[-1] + 1) % DAY == 7  # the hour from six to seven, UTC, has passed without it


@pytest.mark.parametrize("per_week", [0.3, 1, 3, 10])
def test_a_trickle_is_never_called_silent(per_week: float):
    """Independent events at a low rate: of the gaps of six years, however long, each was to be expected."""
    draw = random.Random(17)
    for _ in range(6):
        hour, hours = 0.0, [0]
        mark = mark_of(hours)
        marks = Watermarks()
        marks.marks["shop", "purchase"] = mark
        rhythm = Rhythm("UTC", ALPHA)
        while hour < 52 * WEEK_HOURS:
            hour += draw.expovariate(per_week / WEEK_HOURS)
            due_ms = rhythm.due_ms(mark)
            arrives_ms = MONDAY + int(hour) * HOUR_MS
            assert due_ms is None or arrives_ms < due_ms, f"after {hour / WEEK_HOURS:.1f} weeks"
            marks.note_all("shop", "purchase", np.array([MONDAY]), np.array([arrives_ms]))


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 3 * WEEK_HOURS), min_size=3, max_size=200), st.sampled_from([1e-2, 1e-4]))
def test_a_smaller_alpha_never_misses_sooner(hours, alpha):
    """Who wants to be surer waits longer, or for ever."""
    bold, careful = missed_after(hours, alpha=alpha), missed_after(hours, alpha=alpha / 10)
    assert careful is None or (bold is not None and bold <= careful)
