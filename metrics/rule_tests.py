"""Tests for promtool, written from a back-test: the rules fire on what really happened, and on nothing beside it.

The back-test judges in Python, the rules in PromQL. Each alert that it found becomes a test in which the gauges say
what they said then: at first nothing out of the ordinary, then what was counted, and in the end nothing at all: the
KPI has become unknown, and when its hold is over the alert ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import yaml

from metrics import names
from metrics.alerting import BY_ID, Seen

_EVERY_MIN = 5
"""How often rules are evaluated: a hold of a day is long enough to test."""
_BEFORE_MIN, _AFTER_MIN = 20, 30
_QUIET = 0.5
"""A p-value like any other day's."""


class Found(Protocol):
    """An alert of a back-test."""

    @property
    def watch(self) -> str: ...  # noqa: D102
    @property
    def tier(self) -> str: ...  # noqa: D102
    @property
    def long(self) -> Seen: ...  # noqa: D102
    @property
    def short(self) -> Seen: ...  # noqa: D102
    @property
    def p_value(self) -> float: ...  # noqa: D102
    @property
    def alpha(self) -> float: ...  # noqa: D102


def rule_tests(found: Iterable[Found], rules: str = "rules/tapesh.yml", most: int = 20) -> str:
    """Return a file for `promtool test rules`, of at most so many alerts.

    Args:
        found: by a back-test.
        rules: the rules' file, as seen from where the tests will be.
        most: tests; the first ones.
    """
    tests = [_test(one) for one in list(found)[:most]]
    document = {"rule_files": [rules], "evaluation_interval": f"{_EVERY_MIN}m", "tests": tests}
    return "# Written by `tapesh backtest --rules`.\n" + yaml.safe_dump(document, sort_keys=False)


def _test(one: Found) -> dict[str, Any]:
    watch = BY_ID[one.watch]
    tier = next(tier for tier in watch.tiers if tier.name == one.tier)
    labels = f'job="tapesh", instance="a", {names.ALERT}="{watch.id}", {names.TIER}="{tier.name}"'
    series: list[dict[str, str]] = []

    def gauge(name: str, before: float, after: float, span: str = "") -> None:
        place = f'{labels}, {names.SPAN}="{span}"' if span else labels
        values = f"{before!r}x{_BEFORE_MIN} {after!r}x{_AFTER_MIN} stale"
        series.append({"series": f"{name}{{{place}}}", "values": values})

    for span, seen in (("long", one.long), ("short", one.short)):
        usual = round(seen.expected)
        gauge(names.ALERT_OBSERVED, usual, seen.observed, span)
        gauge(names.ALERT_EXPECTED, seen.expected, seen.expected, span)
    gauge(names.ALERT_P_VALUE, _QUIET, one.p_value)
    gauge(names.ALERT_ALPHA, one.alpha, one.alpha)
    wanted = {"job": "tapesh", "severity": tier.severity, "layer": "kpi", "kpi": watch.kpi}
    labels_wanted = wanted | {names.ALERT: watch.id, names.TIER: tier.name}
    expr = f'ALERTS{{alertname="{watch.titles[tier.severity]}", alertstate="firing", tier="{tier.name}"}}'
    fires = {**labels_wanted, "alertname": watch.titles[tier.severity], "alertstate": "firing"}
    told = ", ".join(f'{key}="{value}"' for key, value in sorted(fires.items()))
    return {
        "name": f"{watch.id} over {tier.name}: {one.long.observed} of {one.long.expected:.1f} expected",
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [
            {"expr": expr, "eval_time": f"{_BEFORE_MIN}m", "exp_samples": []},
            {
                "expr": expr,
                "eval_time": f"{_BEFORE_MIN + 4 * _EVERY_MIN}m",
                "exp_samples": [{"labels": f"ALERTS{{{told}}}", "value": 1}],
            },
            {
                "expr": expr,
                "eval_time": f"{_BEFORE_MIN + _AFTER_MIN + tier.holds_min + 3 * _EVERY_MIN}m",
                "exp_samples": [],
            },
        ],
    }
