"""A track is what happened, step by step: it slides, adds up and travels without losing anybody."""

from __future__ import annotations

import numpy as np
import pytest

from metrics.alerting import BY_ID, WATCHES
from metrics.components import BY_NAME
from streams.alert_windows import HOUR_STEPS, WEEK_STEPS, Budget, judge, learned, series_of, windows_end
from streams.meaning import FLOWS
from streams.track import COLUMNS, STEP_MS, Track, added_up, unpack

OPENED, CLOSED = COLUMNS.index("opened"), COLUMNS.index("closed")
HOUR_MS = 3_600_000


def filled(track: Track, *facts: tuple[int, int, int]) -> Track:
    """Add (column, minute, amount) to a track."""
    columns, minutes, amounts = (np.array(part, np.int64) for part in zip(*facts, strict=True))
    track.add(columns, minutes, amounts)
    return track


def test_what_is_watched_is_counted_and_needs_no_place_in_checkpoints():
    """Every column is a component that a recovery contributes anew, and every watch finds its own."""
    for name in COLUMNS:
        assert BY_NAME[name].label is None
        assert name not in FLOWS
    for watch in WATCHES:
        assert {watch.counted, *watch.exposed} <= set(COLUMNS)


def test_sliding_forgets_when_and_not_how_many():
    """Who came before the first step is in the stock still."""
    track = Track(kept=50)
    track.slide(100 * STEP_MS)
    filled(track, (OPENED, 0, 7), (OPENED, 60 * 5, 3), (CLOSED, 70 * 5 + 4, 2))
    assert track.stock("opened", "closed")[[0, 9, 10, 20]].tolist() == [7, 7, 10, 8]
    track.slide(115 * STEP_MS)
    assert track.first == 66
    assert track.stock("opened", "closed")[[0, 4, 5]].tolist() == [10, 10, 8]
    track.slide(10_000 * STEP_MS)
    assert track.stock("opened", "closed").tolist() == [8] * 50
    assert track.counts.shape == (len(COLUMNS), 50)


def test_a_late_event_and_one_taken_back_land_in_their_step():
    """As any contribution does."""
    track = Track(kept=50)
    track.slide(100 * STEP_MS)
    filled(track, (CLOSED, 80 * 5, 1), (CLOSED, 90 * 5, 1), (CLOSED, 80 * 5, -1))
    assert track.column("closed")[80 - track.first] == 0
    assert track.column("closed")[90 - track.first] == 1


def test_partitions_add_up_and_bytes_lose_nothing():
    """Also where one begins later than the other."""
    one, other = Track(kept=50), Track(kept=50)
    one.slide(100 * STEP_MS)
    other.slide(101 * STEP_MS)
    filled(one, (OPENED, 51 * 5, 4), (OPENED, 99 * 5, 1))
    filled(other, (OPENED, 2, 5), (CLOSED, 101 * 5, 1))
    total = added_up([unpack(one.pack()), unpack(other.pack())])
    assert (total.first, total.end) == (52, 102)
    assert total.stock("opened", "closed")[[0, -1]].tolist() == [9, 10]
    assert total.column("closed")[-1] == 1


@pytest.mark.parametrize("watch", WATCHES, ids=lambda watch: watch.id)
def test_nothing_is_judged_before_enough_is_known(watch):
    """An empty track, and one of a week."""
    track = Track()
    track.slide(WEEK_STEPS * STEP_MS)
    series = series_of(track, watch, "Asia/Tehran")
    assert learned(watch, series, series.end) is None


def test_a_season_is_learned_and_an_average_expected():
    """A shop that loses one customer an hour by day and none by night is expected to."""
    weeks = 10
    track = Track(0, weeks * WEEK_STEPS)
    hours = np.arange(weeks * 168)
    by_day = hours[(hours % 24 >= 8) & (hours % 24 < 20)]
    track.counts[CLOSED, by_day * HOUR_STEPS] = 1
    track.before[OPENED] = 100_000
    series = series_of(track, BY_ID["churn"], "UTC")
    baseline = learned(BY_ID["churn"], series, series.end)
    assert baseline is not None
    assert baseline.weeks == 8
    assert baseline.dispersion == 0
    expected = baseline.expected(series, series.end - 288, series.end)
    assert expected.sum() == pytest.approx(12, rel=0.01)
    assert expected[: 8 * HOUR_STEPS].sum() == pytest.approx(0, abs=0.05)
    for judged in judge(BY_ID["churn"], series, baseline, series.end, Budget()):
        assert judged.verdict is None or not judged.verdict.firing
        assert judged.base == pytest.approx(100_000, rel=0.05)
        assert judged.reason


def test_windows_end_where_all_sources_have_been_heard_of():
    """A CRM that delivers at night is judged up to last night; what nobody says anything of, up to now."""
    churn, conversion = BY_ID["churn"], BY_ID["conversion"]
    now_ms = 1_000 * STEP_MS + 1
    assert windows_end(churn, now_ms, {}) == 1_000
    assert windows_end(churn, now_ms, {"cancellation": 900 * STEP_MS + 7, "lead": 1}) == 900
    assert windows_end(conversion, now_ms, {"lead": 800 * STEP_MS, "customer-acquired": 2_000 * STEP_MS}) == 800
