"""The rules that Grafana publishes for boards, each by its name: kept, or left out for a reason that still holds.

They are those of grafana/dashboard-linter, which itself isn't here; its rules on Loki's queries have nothing to judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from test_boards import BOARDS, UNITS, panels

Board = dict[str, Any]
EXCLUDED = {
    "template-job-rule": "one engine at a time: two, while one is rebuilt beside the other, must never be added up",
    "template-instance-rule": "figures are the cluster's, whichever instance speaks for it; ownership moves",
    "target-instance-rule": "as template-instance-rule",
    "target-job-rule": "ALERTS are Prometheus's own, by severity; they have no job in rules that aggregate it away",
    "target-counter-agg-rule": "how many slice values found no name of their own so far, not how many do in a second",
}
SELECTOR = re.compile(r"\b([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}")
COUNTER = re.compile(r"[a-z_]+_total\{[^}]*\}(\[\$__rate_interval\])?")


def variables(board: Board) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in board["templating"]["list"]}


def expressions(board: Board) -> list[str]:
    return [target["expr"] for panel in panels(board) for target in panel["targets"]]


def template_datasource(board: Board) -> Iterator[str]:
    found = variables(board).get("datasource", {})
    if (found.get("type"), found.get("query")) != ("datasource", "prometheus"):
        yield "no variable for the data source"


def template_job(board: Board) -> Iterator[str]:
    found = variables(board).get("job", {})
    if not (found.get("multi") and found.get("includeAll") and found.get("allValue") == ".+"):
        yield "not every job, and several, may be chosen"


def template_instance(board: Board) -> Iterator[str]:
    if "instance" not in variables(board):
        yield "no variable for the instance"


def template_label_promql(board: Board) -> Iterator[str]:
    for name, variable in variables(board).items():
        if variable["type"] == "query" and not re.fullmatch(
            r"label_values\([a-z_]+(\{[^}]*\})?, [a-z]+\)", variable["query"]
        ):
            yield f"{name}: {variable['query']}"


def template_on_time_change_reload(board: Board) -> Iterator[str]:
    for name, variable in variables(board).items():
        if variable["type"] == "query" and variable["refresh"] != 2:
            yield name


def panel_datasource(board: Board) -> Iterator[str]:
    for panel in panels(board):
        if panel["datasource"]["uid"] not in ("$datasource", "${datasource}"):
            yield panel["title"]


def panel_title_description(board: Board) -> Iterator[str]:
    for panel in panels(board, with_query=False):
        if not panel["title"] or not panel["description"]:
            yield str(panel["id"])


def panel_units(board: Board) -> Iterator[str]:
    for panel in panels(board):
        unit = panel["fieldConfig"]["defaults"]["unit"]
        if unit not in UNITS and not unit.startswith("suffix:"):
            yield f"{panel['title']}: {unit}"


def panel_no_targets(board: Board) -> Iterator[str]:
    for panel in panels(board):
        if not panel["targets"]:
            yield panel["title"]


def target_rate_interval(board: Board) -> Iterator[str]:
    for expr in expressions(board):
        if any(span != "$__rate_interval" for span in re.findall(r"\[(.*?)\]", expr)):
            yield expr


def target_job(board: Board) -> Iterator[str]:
    for expr in expressions(board):
        for metric, matchers in SELECTOR.findall(expr):
            if not re.search(r'job=~?"\$job"', matchers):
                yield f"{metric} in {expr}"


def target_instance(board: Board) -> Iterator[str]:
    for expr in expressions(board):
        if SELECTOR.search(expr) and "$instance" not in expr:
            yield expr


def target_counter_aggregation(board: Board) -> Iterator[str]:
    for expr in expressions(board):
        for found in COUNTER.finditer(expr):
            before = expr[: found.start()]
            if not found[1] or not before.endswith(("rate(", "increase(", "irate(")):
                yield expr


def uneditable(board: Board) -> Iterator[str]:
    if board["editable"]:
        yield "may be edited in the browser"


RULES: dict[str, Callable[[Board], Iterator[str]]] = {
    "template-datasource-rule": template_datasource,
    "template-job-rule": template_job,
    "template-instance-rule": template_instance,
    "template-label-promql-rule": template_label_promql,
    "template-on-time-change-reload-rule": template_on_time_change_reload,
    "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_title_description,
    "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_no_targets,
    "target-rate-interval-rule": target_rate_interval,
    "target-job-rule": target_job,
    "target-instance-rule": target_instance,
    "target-counter-agg-rule": target_counter_aggregation,
    "uneditable-dashboard": uneditable,
}
"""Queries are valid (target-promql-rule) because a live Prometheus answers each: `tests/live/test_live_boards.py`."""


@pytest.mark.parametrize("rule", RULES)
def test_boards_keep_the_published_rules(rule: str) -> None:
    """Every board keeps a rule, or none needs to; what is left out without need comes back."""
    found = {name: list(RULES[rule](board)) for name, board in BOARDS.items() if variables(board)}
    broken = {name: each for name, each in found.items() if each}
    if rule in EXCLUDED:
        assert broken, f"{rule} is kept by now: leave it out no more"
    else:
        assert broken == {}
