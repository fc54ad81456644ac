"""A day of every KPI, bounded, with holes where nothing was known."""

from __future__ import annotations

import itertools

from metrics.history import COARSE_LENGTH, COARSE_MS, FINE_LENGTH, FINE_MS, History


def test_values_are_noted_every_ten_seconds_and_thinned_to_minutes() -> None:
    """The last hour is fine, what lies before it coarse, and older than a day nothing."""
    history = History()
    for step in range(2 * 8_640):
        history.add(step * FINE_MS, {"30d:nps": float(step)})
        history.add(step * FINE_MS + 500, {"30d:nps": -1.0})
    points = history.of("30d:nps")
    assert len(points) <= FINE_LENGTH + COARSE_LENGTH
    assert points[-1] == ((2 * 8_640 - 1) * FINE_MS, 2 * 8_640 - 1.0)
    gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(points)]
    assert set(gaps[-FINE_LENGTH + 1 :]) == {FINE_MS}
    assert set(gaps[: -FINE_LENGTH - 1]) == {COARSE_MS}
    assert points[-1][0] - points[0][0] >= 23 * 3_600_000


def test_what_is_unknown_is_a_hole() -> None:
    """And a KPI that appears later has none before."""
    history = History()
    history.add(0, {"a": 1.0})
    history.add(FINE_MS, {"b": 2.0})
    history.add(2 * FINE_MS, {"a": 3.0, "b": 4.0})
    assert history.of("a") == [(0, 1.0), (FINE_MS, None), (2 * FINE_MS, 3.0)]
    assert history.of("b") == [(0, None), (FINE_MS, 2.0), (2 * FINE_MS, 4.0)]
    assert history.of("c") == []


def test_a_clock_that_goes_back_begins_anew() -> None:
    """Two replays aren't one line."""
    history = History()
    history.add(10 * FINE_MS, {"a": 1.0})
    history.add(0, {"a": 2.0})
    assert history.of("a") == [(0, 2.0)]


def test_what_the_last_owner_left_comes_before() -> None:
    """As far as it lies before our own."""
    history = History()
    history.add(10 * FINE_MS, {"a": 10.0})
    history.add(11 * FINE_MS, {"a": 11.0, "b": 1.0})
    history.precede([(0, {"c": 7.0}), (5 * FINE_MS, {"a": 5.0}), (10 * FINE_MS, {"a": 99.0})])
    assert history.of("a") == [(0, None), (5 * FINE_MS, 5.0), (10 * FINE_MS, 10.0), (11 * FINE_MS, 11.0)]
    assert history.of("c")[0] == (0, 7.0)
    assert len(history) == 4
