"""Churn in one channel, plan, country: a ticket where there are customers enough, and one budget for all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.false_alarms import Shop, year
from benchmarks.false_slice_tickets import tickets
from metrics import names
from metrics.alerting import BY_SLICE, SLICE_WEEK
from metrics.economics import Economics
from metrics.evaluate import evaluate
from metrics.frame import LIFETIME, Cell, CellSums, Frame
from metrics.tails import least_surprising
from streams import slice_alerts
from streams.alerts import Alerts
from streams.panes import DAY_MS, HOUR_MS, ReportingTime
from streams.settings import Settings
from streams.slice_alerts import Facts, SliceAlerts, Usual, facts_of, judge, usual_rate
from streams.track import STEP_MS

TIME = ReportingTime()
NOW_MS = 1_781_530_640_250
FRAME = TIME.frame(NOW_MS)
HOURS = {"1h": 1, "24h": 24, "7d": 168, "30d": 720, "90d": 2_160, "365d": 8_760}
RATE = 0.02 / 730.485
USUAL = Usual(RATE, {60: 1.0, 1_440: 1.0, 10_080: 1.0}, 0.0)


def sums_of(lifetimes: list[tuple[int, int | None]], frame: Frame = FRAME) -> dict[str, CellSums]:
    """What the fold counts of lifetimes, (opened, closed)."""
    found = {}
    for window in frame.windows:
        opened = [begin for begin, _ in lifetimes if begin >= (window.start_ms or 0)]
        closed = [end for _, end in lifetimes if end is not None and end >= (window.start_ms or 0)]
        values = {"opened": len(opened), "opened_at": sum(opened), "closed": len(closed), "closed_at": sum(closed)}
        found[window.name] = CellSums(values)
    return found


def steady(customers: int, times_lately: float = 1.0) -> dict[str, CellSums]:
    """A slice of so many customers that has lost as usual, but so many times that within its last week."""
    found = {}
    for name, hours in HOURS.items():
        week = min(hours, 168) * times_lately + max(hours - 168, 0)
        lost = round(customers * RATE * week)
        at = (NOW_MS - hours * HOUR_MS // 2) * lost
        found[name] = CellSums({"opened": lost, "opened_at": at, "closed": lost, "closed_at": at})
    found[LIFETIME] = CellSums({"opened": customers + 10_000, "closed": 10_000})
    return found


def shop(**times: float) -> dict[Cell, dict[str, CellSums]]:
    """40,000 customers, 10,000 in each of four channels; some lose more than usual."""
    cells: dict[Cell, dict[str, CellSums]] = {
        ("channel", name): steady(10_000, times.get(name, 1.0)) for name in ("web", "app", "store", "phone")
    }
    return {None: steady(40_000, 1 + sum(factor - 1 for factor in times.values()) / 4), **cells}


def firing(alerts: SliceAlerts) -> set[tuple[str, str, str]]:
    """Which (slice, value, window) are tickets."""
    return {(one["slice"], one["value"], one["window"]) for one in alerts.document().get("firing", [])}


def test_customer_hours_are_those_of_each_customer_added_up():
    """Sums of instants give what loops give, whoever came or went within the window."""
    random = np.random.default_rng(4)
    lifetimes = []
    for begin in (NOW_MS - random.integers(0, 500 * DAY_MS, 300)).tolist():
        end = begin + int(random.exponential(120)) * DAY_MS
        lifetimes.append((begin, end if end <= NOW_MS else None))
    facts = facts_of(sums_of(lifetimes), FRAME)
    assert facts.base == sum(end is None for _, end in lifetimes)
    for window in FRAME.windows:
        if window.days is not None:
            start = window.start_ms
            there = sum(
                max(0, (NOW_MS if end is None else end) - max(begin, start))
                for begin, end in lifetimes
                if end is None or end >= start
            )
            assert facts.hours[window.name] == pytest.approx(there / HOUR_MS)
            assert facts.lost[window.name] == sum(end is not None and end >= start for _, end in lifetimes)


def test_a_channel_that_loses_twice_as_many_is_a_ticket_and_the_others_are_none():
    """With what it observed and expected; since when is kept while it lasts."""
    alerts = SliceAlerts(1, 10, 4.0)
    alerts.take(shop(app=2.0), FRAME, USUAL)
    assert firing(alerts) == {("channel", "app", "7d")}
    (one,) = alerts.document()["firing"]
    assert one["observed"] == pytest.approx(10_000 * RATE * 168 * 2, abs=1)
    assert one["expected"] == pytest.approx(10_000 * RATE * 168, rel=0.01)
    since = one["since"]
    later = TIME.frame(NOW_MS + DAY_MS)
    alerts.take(shop(app=2.0), later, USUAL)
    assert alerts.document()["firing"][0]["since"] == since
    alerts.take(shop(), TIME.frame(NOW_MS + 2 * DAY_MS), USUAL)
    assert firing(alerts) == set()


def test_what_is_usual_of_a_value_is_its_own():
    """A plan that always loses three times as many expects that; one without a loss on record leans on everybody."""
    hours = {"90d": 2_160.0 * 1_000, "7d": 168.0 * 1_000}
    whole = Facts({"90d": 2_200, "7d": 200}, {"90d": 2_160.0 * 50_000, "7d": 168.0 * 50_000}, 50_000)
    alike = 2_000 * 1_000 / 50_000
    rate, dispersion = usual_rate(Facts({"90d": 3 * 40 + 9, "7d": 9}, hours, 1_000), whole, USUAL)
    assert rate == pytest.approx(RATE * (120 + 4) / (alike + 4))
    assert dispersion == pytest.approx(1 / 124)
    rate, dispersion = usual_rate(Facts({"90d": 0, "7d": 0}, hours, 1_000), whole, USUAL)
    assert 0 < rate < RATE
    assert dispersion == pytest.approx(1 / 4)


def test_a_value_that_is_small_has_no_ticket_whatever_it_loses():
    """Three of thirty customers are no news."""
    sums = shop()
    sums["plan", "rare"] = steady(300, 6.0)
    alerts = SliceAlerts(2, 10, 4.0)
    alerts.take(sums, FRAME, USUAL)
    assert firing(alerts) == set()
    assert "plan" not in alerts.document()["watched"]["7d"]


def test_only_the_largest_values_are_watched_and_those_whose_incident_lasts():
    """A value that shrinks out of the largest isn't dropped in the middle."""
    sums = shop(app=2.5)
    sums["channel", "app"] = steady(10_001, 2.5)
    alerts = SliceAlerts(1, 1, 4.0)
    alerts.take(sums, FRAME, USUAL)
    assert firing(alerts) == {("channel", "app", "7d")}
    sums["channel", "web"] = steady(20_000)
    alerts.take(sums, FRAME, USUAL)
    assert firing(alerts) == {("channel", "app", "7d")}
    assert set(alerts.document()["watched"]["7d"]["channel"]) == {"app", "web"}
    fresh = SliceAlerts(1, 1, 4.0)
    fresh.take(sums, FRAME, USUAL)
    assert fresh.document()["watched"]["7d"]["channel"] == ["web"]


@pytest.mark.parametrize(
    ("alerts", "windows", "usual", "why"),
    [
        (
            SliceAlerts(4, 10, 0.0),
            ("1h", "24h", "7d"),
            USUAL,
            "switched off: `alerts.false_slice_tickets_per_year` is 0",
        ),
        (SliceAlerts(4, 10, 4.0), ("24h", "7d"), USUAL, "the windows 1h aren't kept: add them to `windows`"),
        (SliceAlerts(4, 10, 4.0), ("1h", "24h", "7d"), None, "what is usual of everybody isn't known yet"),
    ],
)
def test_where_nothing_is_judged_it_says_why(alerts, windows, usual, why):
    """And there are no gauges."""
    alerts.take(shop(app=5.0), ReportingTime(windows=windows).frame(NOW_MS), usual)
    assert alerts.document() == {"kpi": "churn_rate", "silent": why}
    assert list(alerts.samples()) == []


def test_gauges_of_slices_are_apart_from_everybodys():
    """Under an alert of their own, with the value's name escaped; none while the churn rate is unknown."""
    alerts = Alerts(Settings())
    track = year(Shop(40_000), 12, np.random.default_rng(3))
    now_ms = track.end * STEP_MS
    alerts.take(track, now_ms, {})
    sums = shop(app=3.0)
    sums["channel", 'in "app"'] = sums.pop(("channel", "app"))
    alerts.take_sums(sums, now_ms, full=True)
    families = text_string_to_metric_families(alerts.exposition({}).decode())
    found = {
        (one.name, one.labels["value"], one.labels.get("span", "")): one.value
        for family in families
        for one in family.samples
        if one.labels["alert"] == BY_SLICE.id and one.labels["tier"] == SLICE_WEEK.name
    }
    assert found[names.ALERT_OBSERVED, 'in "app"', "long"] > 1.5 * found[names.ALERT_EXPECTED, 'in "app"', "long"]
    assert found[names.ALERT_P_VALUE, 'in "app"', ""] < found[names.ALERT_ALPHA, 'in "app"', ""]
    assert found[names.ALERT_SINCE, 'in "app"', ""] > 0
    assert (names.ALERT_SINCE, "web", "") not in found
    unknown = {"churn_rate": "partition 3 has no owner"}
    assert BY_SLICE.id not in alerts.exposition(unknown).decode()
    assert alerts.document(unknown)[BY_SLICE.id] == {"kpi": "churn_rate", "unknown": "partition 3 has no owner"}


def test_a_page_says_what_adds_most_to_the_change():
    """The channel's own rate, the reason; the parts of one attribute add up to the whole change."""
    track = year(Shop(20_000), 12, np.random.default_rng(3), burst=(12 * 2_016 - 72, 72, 6.0))
    alerts = Alerts(Settings())
    now_ms = track.end * STEP_MS
    alerts.take(track, now_ms, {})
    sums = shop(app=9.0)
    for name, price in (("24h", 40), ("30d", 60)):
        whole = sums[None][name]
        sums[None][name] = CellSums(whole.values, {"closed_by_reason": {"price": price, "service": 10}})
    lately = {"under 30 days": (30, 1_000), "longer": (10, 39_000)}
    usually = {"under 30 days": (60, 1_000), "longer": (700, 39_000)}
    tenure = {
        "windows": {
            name: {
                "churned_by_tenure": {band: churned for band, (churned, _) in counted.items()},
                "at_risk_by_tenure": {band: at_risk for band, (_, at_risk) in counted.items()},
            }
            for name, counted in (("24h", lately), ("30d", usually))
        }
    }
    alerts.take_sums(sums, now_ms, full=True, tenure=tenure)
    parts = alerts.document({})["churn"]["windows"]["6h"]["parts"]
    by_channel = {(part["value"], part["by"]): part["share"] for part in parts if part["slice"] == "channel"}
    assert by_channel["app", "rate"] == pytest.approx(1.0, abs=0.05)
    reasons = {part["value"]: part["share"] for part in parts if part["slice"] == "reason"}
    assert reasons["price"] > 0.75
    assert sum(reasons.values()) == pytest.approx(1.0)
    by_tenure = {(part["value"], part["by"]): part["share"] for part in parts if part["slice"] == "tenure"}
    assert by_tenure["under 30 days", "rate"] > 0.9
    assert sum(by_tenure.values()) == pytest.approx(1.0)
    line = f'{names.ALERT_PART}{{alert="churn",tier="6h",slice="channel",value="app",by="rate"}}'
    assert line in alerts.exposition({}).decode()
    assert alerts.document({})["churn"]["windows"]["7d"]["parts"] == []


def test_nothing_is_added_to_what_the_windows_hold():
    """Slices and scores read the sums; the document's figures are those of the catalogue alone."""
    sums = shop(app=2.0)
    before = evaluate(FRAME, sums, Economics("EUR"))
    Alerts(Settings()).take_sums(sums, NOW_MS, full=True)
    assert evaluate(FRAME, sums, Economics("EUR")) == before


def test_a_simulated_year_of_two_hundred_values_keeps_to_the_budget():
    """Forty of them are watched: four attributes with ten each."""
    found = list(tickets(Shop(100_000), 10, 4.0, np.random.default_rng(5)))
    assert len(found) == 80
    assert sum(on for _, _, on in found) > 40
    assert sum(alarms for _, alarms, _ in found) < least_surprising(4.0, 1e-3)


def test_a_step_of_alerts_judges_one_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """And until the last of them the former judgement stands."""
    judged = 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal judged
        judged += 1
        return judge(*arguments, **named)

    monkeypatch.setattr(slice_alerts, "judge", counted)
    values = {("channel", f"v{number}"): steady(10_000) for number in range(20)}
    alerts = SliceAlerts(1, 20, 12.0)
    before, most = 0, 0
    for _ in alerts.steps({None: steady(200_000), **values}, FRAME, USUAL):
        most, before = max(most, judged - before), judged
        assert alerts.silent == "not judged yet"
    assert most == len(BY_SLICE.tiers)
    assert judged == 20 * len(BY_SLICE.tiers)
    assert alerts.judged
    assert not alerts.silent
