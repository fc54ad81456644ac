"""Targets' pace: worked by hand, and held to what chances mean."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.pace import Period, pace_of

JUNE = Period(date(2026, 6, 1), date(2026, 6, 30), date(2026, 6, 16), 0.0)


def history(of: Period, amount, weeks: int = 8) -> dict[date, float]:
    days = [of.today - timedelta(n) for n in range(1, 7 * weeks + 1)]
    return {day: float(amount(day)) for day in days}


def test_every_day_alike_goes_straight() -> None:
    """Half of June is over: half of the target is expected, and the rest is divided by the days that are left."""
    pace = pace_of(JUNE, 180.0, 300.0, history(JUNE, lambda day: 10), more_is_better=True)
    assert pace.expected == pytest.approx(150.0)
    assert pace.pace == pytest.approx(1.2)
    assert pace.needed_per_day == pytest.approx(8.0)
    assert pace.forecast == pytest.approx(330.0)
    assert pace.chance == 1.0


def test_a_shop_that_lives_on_its_weekends_is_expected_to() -> None:
    """June 2026 begins on a Monday: up to Tuesday the 16th it has four of its eight weekend days behind it."""
    weekend = history(JUNE, lambda day: 30 if day.weekday() >= 5 else 0)
    pace = pace_of(JUNE, 120.0, 240.0, weekend, more_is_better=True)
    assert pace.expected == pytest.approx(240.0 * 4 / 8)
    assert pace.pace == pytest.approx(1.0)
    assert pace.forecast == pytest.approx(240.0)


def test_of_today_its_elapsed_share_counts() -> None:
    """At noon half of what the day brings is expected."""
    noon = Period(JUNE.first, JUNE.last, JUNE.today, 0.5)
    pace = pace_of(noon, 0.0, 300.0, history(JUNE, lambda day: 10), more_is_better=True)
    assert pace.expected == pytest.approx(155.0)
    assert pace.needed_per_day == pytest.approx(300.0 / 14.5)


def test_less_than_two_weeks_say_nothing_of_chances() -> None:
    """Days count alike, and there is no forecast."""
    pace = pace_of(JUNE, 180.0, 300.0, history(JUNE, lambda day: day.day, weeks=1), more_is_better=True)
    assert (pace.expected, pace.forecast, pace.chance) == (pytest.approx(150.0), None, None)


def test_at_the_end_a_target_is_met_or_not() -> None:
    """Nothing is needed any more, and chances are certainties."""
    over = Period(JUNE.first, JUNE.last, JUNE.last, 1.0)
    days = history(over, lambda day: day.day % 5)
    met = pace_of(over, 300.0, 300.0, days, more_is_better=True)
    assert (met.expected, met.pace, met.needed_per_day, met.chance) == (300.0, 1.0, None, 1.0)
    assert pace_of(over, 299.0, 300.0, days, more_is_better=True).chance == 0.0
    assert pace_of(over, 299.0, 300.0, days, more_is_better=False).chance == 1.0


@given(
    value=st.floats(0, 1e6),
    target=st.floats(1, 1e6),
    amounts=st.lists(st.integers(0, 1000), min_size=56, max_size=56),
    more=st.booleans(),
)
def test_more_in_hand_never_makes_a_target_less_likely(value, target, amounts, more) -> None:
    """And where less is better, never more likely."""
    days = dict(zip(sorted(history(JUNE, lambda day: 0)), map(float, amounts), strict=True))
    here = pace_of(JUNE, value, target, days, more_is_better=more).chance
    further = pace_of(JUNE, value + 10, target, days, more_is_better=more).chance
    assert here is not None
    assert further is not None
    assert 0 <= here <= 1
    assert further >= here - 1e-12 if more else further <= here + 1e-12


def test_chances_come_true_as_often_as_they_say() -> None:
    """Of months that are given a chance of some tenths, about as many tenths reach their target."""
    chance = random.Random(7)
    given_chances, reached = [], []
    for _ in range(2_000):
        days = {JUNE.today - timedelta(n): chance.gauss(100 + 20 * (n % 7), 30) for n in range(1, 57)}
        rest = sum(chance.gauss(100 + 20 * (-n % 7), 30) for n in range(15))
        target = 2_400.0 + chance.gauss(0, 120)
        given_chances.append(pace_of(JUNE, 0.0, target, days, more_is_better=True).chance)
        reached.append(rest >= target)
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        chosen = [hit for given, hit in zip(given_chances, reached, strict=True) if low <= given < low + 0.2]
        assert len(chosen) > 30
        assert sum(chosen) / len(chosen) == pytest.approx(low + 0.1, abs=0.12)


@pytest.mark.parametrize("day", [date(2026, 5, 31), date(2026, 7, 1)])
def test_a_day_outside_the_period_is_refused(day: date) -> None:
    """The caller has mixed two periods."""
    with pytest.raises(ValueError, match="isn't in"):
        Period(JUNE.first, JUNE.last, day, 0.0)
