"""An alert goes on until it is over, whoever watches: with a base that melts away, and on another worker."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.false_alarms import Shop, year
from metrics import names
from metrics.alerting import BY_ID, QUARTER
from streams.alert_windows import DAY_STEPS, WEEK_STEPS, Budget, judge, learned, series_of
from streams.alerts import Alerts
from streams.incidents import Incidents
from streams.replay import replay
from streams.settings import Settings
from streams.track import COLUMNS, STEP_MS, Track

CHURN = BY_ID["churn"]
DAYS = 4


@pytest.fixture(scope="module")
def melting() -> Track:
    """A shop of 8,000, of whom more than half leave within four days; then nobody does."""
    end = 12 * WEEK_STEPS
    track = year(Shop(8_000), 12, np.random.default_rng(3), burst=(end - (DAYS + 1) * DAY_STEPS, DAYS * DAY_STEPS, 200))
    track.counts[COLUMNS.index("opened"), -(DAYS + 1) * DAY_STEPS :] = 0
    track.counts[COLUMNS.index("closed"), -DAY_STEPS:] = 0
    return track


def moments(track: Track) -> range:
    """Every half day from before it began until after it was over."""
    return range(track.end - (DAYS + 1) * DAY_STEPS, track.end + 1, DAY_STEPS // 2)


def six_hours(alerts: Alerts) -> dict[str, object]:
    """What is said of six hours of churn."""
    return alerts.document({})["churn"]["windows"]["6h"]


def test_a_tier_that_fires_stays_on_however_few_customers_it_leaves(melting):
    """By the base alone it would be switched off in the middle, and the page would say that it is over."""
    series = series_of(melting, CHURN, "UTC")
    by_base = {
        end: judge(CHURN, series, learned(CHURN, series, end - end % DAY_STEPS), end, Budget())[1].on
        for end in moments(melting)
    }
    alerts = Alerts(Settings())
    said = {}
    for end in moments(melting):
        alerts.take(melting, end * STEP_MS, {})
        said[end] = six_hours(alerts)
    begin, *during = list(moments(melting))[: 2 * DAYS + 1]
    assert by_base[begin]
    assert not all(by_base[end] for end in during)
    assert not said[begin]["firing"]
    assert all(said[end]["firing"] and said[end]["on"] for end in during)
    assert said[during[-1]]["why"] == "it stays on until its incident is over"
    assert len({said[end]["since"] for end in during}) == 1
    assert not said[melting.end]["firing"]
    alerts.take(melting, melting.end * STEP_MS, {})
    over = six_hours(alerts)
    assert not over["on"]
    assert over["since"] is None
    assert "too few customers" in over["why"]


def test_another_worker_goes_on_with_the_incident(melting):
    """It has judged nothing before, and says the same: on, firing, and since when."""
    end = melting.end - DAY_STEPS
    alerts = Alerts(Settings())
    alerts.take(melting, end * STEP_MS, {})
    said = six_hours(alerts)
    assert said["on"]
    assert said["firing"]
    (episode,) = (one for one in replay(melting, "UTC", Budget(), [CHURN]).episodes if one.tier == "6h")
    began_ms = (end - DAYS * DAY_STEPS) * STEP_MS
    assert began_ms < episode.begin_ms < began_ms + 6 * 3_600_000
    since = f'{names.ALERT_SINCE}{{alert="churn",tier="6h"}} {episode.begin_ms / 1000!r}'
    assert since in alerts.exposition({}).decode().splitlines()


def test_a_pause_shorter_than_the_hold_belongs_to_it():
    """Two losses an hour apart are one incident; three hours later it is another one."""
    incidents = Incidents()
    hour_ms = 3_600_000
    told = []
    for hour, firing in enumerate([True, False, True, False, False, False, True]):
        incidents.observe("churn", QUARTER, hour * hour_ms, firing=firing)
        told.append(incidents.since_ms("churn", "6h"))
    assert told == [0, 0, 0, 0, 0, None, 6 * hour_ms]
    incidents.observe("churn", QUARTER, 30 * hour_ms, firing=True)  # nobody looked in between: news before and after
    assert incidents.since_ms("churn", "6h") == 6 * hour_ms
    assert incidents.held("churn") == {"6h"}
    assert incidents.held("lapses") == set()
