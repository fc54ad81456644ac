"""Where a target stands: read off the KPI document, said for sums alone, and never for what is unknown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from metrics.catalogue import CATALOGUE
from metrics.economics import Target
from metrics.kpi_rules import ADDING_UP
from metrics.pace import Period
from metrics.standing import adds_up, render_targets, standing_of

DOCS = Path(__file__).resolve().parents[2] / "docs/targets.md"
JUNE = (date(2026, 6, 1), date(2026, 6, 30))


def weeks(today: date) -> dict[date, float]:
    """Eight weeks: 10 on a working day and 30 on the others, 8 more and 8 fewer in turns."""
    days = [today - timedelta(n) for n in range(1, 57)]
    return {day: (30 if day.weekday() >= 5 else 10) + (8 if (today - day).days % 14 < 7 else -8) for day in days}


def document(today: date, values: Mapping[str, object], kpi: str = "orders", goal: str = "500", **options) -> dict:
    target = Target(kpi, "month", Decimal(goal))
    return standing_of(target, "settings", Period(*JUNE, today, 0.0), values, weeks(today), **options).document()


def test_the_example_in_the_docs_is_what_the_engine_says() -> None:
    """Who reads the page may count on each of its figures."""
    said = document(date(2026, 6, 16), {"orders": 240})
    shown = dict(re.findall(r"^\| (\w+) \| ([\d.]+) \|", DOCS.read_text(), re.MULTILINE))
    assert set(shown) == {"expected", "pace", "needed_per_day", "forecast", "chance"}
    assert {name: round(said[name], 2) for name in shown} == {name: float(figure) for name, figure in shown.items()}


def test_on_a_saturday_morning_the_weekend_is_still_to_come() -> None:
    """The page says how far a straight line would be off."""
    said = document(date(2026, 6, 13), {"orders": 170})
    assert f"its own week says {said['expected']:.0f}" in DOCS.read_text().replace("\n", " ")


def test_sums_have_a_pace_and_rates_do_not() -> None:
    """What alerts call adding up does; averages, shares, stocks and what is split don't."""
    assert {kpi.id for kpi in CATALOGUE if adds_up(kpi.id)} == {
        *ADDING_UP,
        *("lost_customers", "net_customer_growth", "nps_responses"),
        *("acquisition_spend", "lead_spend", "retention_spend"),
    }
    said = document(date(2026, 6, 16), {"churn_rate": 0.03, "target_attainment": {"churn_rate": 0.66}}, "churn_rate")
    assert (said["value"], said["attainment"], said["adds_up"]) == (0.03, 0.66, False)
    assert {said[name] for name in ("expected", "pace", "forecast", "needed_per_day", "chance")} == {None}


def test_of_what_is_unknown_only_the_target_is_said() -> None:
    """A figure that can't be trusted isn't behind its plan."""
    values = {"orders": 240, "target_attainment": {"orders": 0.48}}
    said = document(date(2026, 6, 16), values, unknown="no source")
    assert (said["target"], said["unknown"], said["value"], said["attainment"]) == (500.0, "no source", None, None)
    assert {said[name] for name in ("expected", "pace", "forecast", "needed_per_day", "chance")} == {None}


def test_where_less_is_better_few_are_a_good_chance() -> None:
    """Half of the customers that may be lost, where twice as many usually are, is no reason to worry."""
    said = document(date(2026, 6, 16), {"lost_customers": 100}, "lost_customers")
    assert said["pace"] < 1
    assert said["chance"] > 0.99


def test_gauges_are_of_what_can_be_said() -> None:
    """A sum has all, a rate the elapsed share alone, an unknown KPI none."""
    today = date(2026, 6, 16)
    standings = [
        standing_of(Target(kpi, "month", Decimal(goal)), "set", Period(*JUNE, today, 0.5), values, weeks(today), why)
        for kpi, goal, values, why in (
            ("orders", "500", {"orders": 240}, None),
            ("churn_rate", "0.02", {"churn_rate": 0.01}, None),
            ("revenue", "9000", {"revenue": 1.0}, "no source"),
        )
    ]
    samples = {
        (sample.name, sample.labels["kpi"]): sample.value
        for family in text_string_to_metric_families(render_targets(standings).decode())
        for sample in family.samples
    }
    assert {kpi for _, kpi in samples} == {"orders", "churn_rate"}
    assert [name for name, kpi in samples if kpi == "churn_rate"] == ["tapesh_target_elapsed_ratio"]
    assert len(samples) == 7
    assert samples["tapesh_target_elapsed_ratio", "orders"] == pytest.approx(15.5 / 30)
