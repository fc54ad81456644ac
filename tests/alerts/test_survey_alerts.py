"""Scores that are down: with answers enough, beyond chance, by something that matters."""

from __future__ import annotations

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.false_survey_tickets import tickets
from metrics import names
from metrics.economics import Target
from metrics.evaluate import Economics, evaluate
from metrics.frame import CellSums
from metrics.surveys import BY_ID, LEAST_Z, SURVEYS, Answers, z_for
from metrics.tails import least_surprising
from streams.alert_windows import Budget
from streams.alerts import Alerts
from streams.panes import ReportingTime
from streams.settings import Settings

NPS, CSAT = BY_ID["nps"], BY_ID["csat"]
NOW_MS = 1_781_530_640_250
KEPT = [plan.name for plan in ReportingTime().plans]


def answered(good: int, bad: int, all_: int, of: str = "csat") -> dict[str, int]:
    """Sums of a window with so many answers."""
    if of == "nps":
        return {"nps_promoters": good, "nps_detractors": bad, "nps_passives": all_ - good - bad}
    return {"csat_satisfied": good, "csat_responses": all_}


def alerts_of(sums: dict[str, dict[str, int]], **settings: object) -> Alerts:
    """What the KPI agent says of everybody's sums."""
    alerts = Alerts(Settings(**settings))
    alerts.take_sums({None: {name: CellSums(values) for name, values in sums.items()}}, NOW_MS, full=False)
    return alerts


def gauges(alerts: Alerts, unknown: dict[str, str] | None = None) -> dict[tuple[str, ...], float]:
    """By (name, alert, against, window)."""
    text = alerts.exposition(unknown or {}).decode()
    found = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {
        (one.name, one.labels["alert"], one.labels["against"], one.labels["window"]): one.value
        for one in found
        if one.name.startswith("tapesh_survey_")
    }


def test_the_variance_is_that_of_the_margin_that_the_catalogue_publishes():
    """One definition: the KPI `nps_margin` is 1.96 standard deviations of it."""
    values = answered(90, 40, 200, "nps")
    sums = {None: {name: CellSums(values) for name in KEPT}}
    (window,) = {evaluate(ReportingTime().frame(NOW_MS), sums, Economics("EUR"))["windows"]["30d"]["nps_margin"]}
    assert window == pytest.approx(LEAST_Z * NPS.variance(NPS.answers(CellSums(values))) ** 0.5, rel=1e-6)


def test_what_is_compared_lies_apart():
    """The last 30 days with the two months before them: a drop doesn't lower what it is compared with."""
    alerts = alerts_of({"30d": answered(210, 0, 300), "90d": answered(690, 0, 900)})
    found = gauges(alerts)
    key = ("csat", "usual", "30d")
    assert found[names.SURVEY_ANSWERS, *key] == 300
    assert found[names.SURVEY_SCORE, *key] == pytest.approx(0.7)
    assert found[names.SURVEY_REFERENCE, *key] == pytest.approx(0.8)
    assert 0.7 < found[names.SURVEY_UPPER, *key] < 0.8
    (told,) = alerts.document({})["csat"]["scores"]
    assert told["firing"] is True


@pytest.mark.parametrize(
    ("lately", "before", "is_news"),
    [
        (Answers(700, 0, 1_000), Answers(1_600, 0, 2_000), True),
        (Answers(780, 0, 1_000), Answers(1_600, 0, 2_000), False),  # chance
        (Answers(790_000, 0, 1_000_000), Answers(1_600_000, 0, 2_000_000), False),  # certain, and nothing
        (Answers(800, 0, 1_000), Answers(1_400, 0, 2_000), False),  # better
    ],
)
def test_a_drop_is_news_beyond_chance_and_where_it_matters(lately, before, is_news):
    """Each of the conditions alone holds it back."""
    heard = CSAT.judge(lately, before, z_for(lately.all, before.all, 30, 1.2))
    assert heard is not None
    assert heard.firing is is_news


def test_fewer_than_a_hundred_answers_say_nothing():
    """Lately or before; `/kpis` says so, and there is no gauge."""
    for lately, before in ((99, 500), (500, 99)):
        alerts = alerts_of({"30d": answered(0, 0, lately), "90d": answered(before, 0, lately + before)})
        assert gauges(alerts) == {}
        assert alerts.document({})["csat"]["silent"].startswith(f"too few answers: {lately} within 30d and {before}")


def test_a_target_is_compared_with_its_own_period():
    """From a hundred answers of the period on; the target is sure."""
    windows = {"month": answered(150, 100, 400, "nps"), "quarter": answered(60, 10, 99, "nps")}
    alerts = alerts_of(windows, targets={"nps": {"month": 30, "quarter": 90}})
    found = gauges(alerts)
    assert {key[1:] for key in found} == {("nps", "target", "month")}
    assert found[names.SURVEY_REFERENCE, "nps", "target", "month"] == 30
    assert found[names.SURVEY_SCORE, "nps", "target", "month"] == 12.5
    assert alerts.document({})["nps"]["scores"][0]["firing"] is True
    alerts.aim([Target("nps", "month", 13)])
    alerts.take_sums({None: {name: CellSums(values) for name, values in windows.items()}}, NOW_MS, full=False)
    assert alerts.document({})["nps"]["scores"][0]["firing"] is False


def test_an_unknown_score_has_no_gauge():
    """A survey tool that is silent isn't a drop."""
    alerts = alerts_of({"30d": answered(210, 0, 300), "90d": answered(690, 0, 900)})
    assert gauges(alerts, {"csat": "survey-response events of panel are missed"}) == {}
    said = alerts.document({"csat": "survey-response events of panel are missed"})["csat"]
    assert said == {"kpi": "csat", "unknown": "survey-response events of panel are missed"}


def test_without_the_window_it_says_which_one_to_add():
    """Windows are a setting."""
    alerts = alerts_of({}, windows=("24h", "90d"))
    assert alerts.document({})["nps"]["silent"] == "the window 30d isn't kept: add it to `windows`"


def test_the_interval_widens_with_the_looks_that_a_year_has():
    """More answers are more looks; a smaller budget asks for more; it is never below 95 %."""
    by_answers = [z_for(count, 2 * count, 30, 1.2) for count in (100, 1_000, 100_000)]
    assert by_answers == sorted(by_answers)
    by_budget = [z_for(1_000, 2_000, 30, budget) for budget in (10_000.0, 1.0, 0.01)]
    assert by_budget[0] == LEAST_Z < by_budget[1] < by_budget[2]


@pytest.mark.parametrize("survey", SURVEYS, ids=lambda survey: survey.id)
def test_simulated_years_keep_to_the_budget(survey):
    """Thirty years of a score that never changes, where false tickets are most frequent: few answers."""
    share = Budget().share("ticket")
    found = tickets(survey, 150, 30, share, np.random.default_rng(2)) * 30
    assert found < least_surprising(share * 30, 1e-3)
