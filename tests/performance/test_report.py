"""docs/performance.md and docs/scaling.md say what was measured, no more and no less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import figures, performance_page, report, results, scaling_report
from benchmarks.environments import REQUIREMENTS, WANTED
from benchmarks.goals import GOALS
from benchmarks.peer import PEERS


def beside(*rounds: dict[str, float]) -> dict[str, Any]:
    """What is kept of rounds: by name, microseconds of processor time an event."""
    runs = [
        {name: {"events": 1_000_000, "cpu_s": us, "wall_s": 2 * us} for name, us in round_.items()} for round_ in rounds
    ]
    return {"side-by-side": {"measured": {"rounds": [{"runs": each} for each in runs]}}}


def test_the_page_is_what_the_results_say():
    assert performance_page.page(results.kept()) == report.PAGE.read_text(), "run: python -m benchmarks report"


def test_the_tables_of_scaling_are_what_the_results_say():
    written = scaling_report.PAGE.read_text()
    assert scaling_report.page(results.kept(), written) == written, "run: python -m benchmarks report"


def test_charts_are_drawn_from_the_results():
    """Each carries the mark of its figures; drawing them needs an environment of its own, looking doesn't."""
    for chart in report.charts(results.kept()):
        drawn = Path(chart["path"]).read_text()
        assert f"<!-- of {report.fingerprint(chart)} -->" in drawn, f"{chart['path']}: run: python -m benchmarks report"


def test_a_chart_is_legible_on_light_and_on_dark():
    """Nothing is filled behind it, and no text is black or white."""
    for chart in report.charts(results.kept()):
        drawn = Path(chart["path"]).read_text()
        assert "#000000" not in drawn
        assert "fill: #ffffff" not in drawn


def test_a_ratio_is_taken_within_a_round():
    """A round in which everybody was slow changes no ratio."""
    kept = beside({"tapesh": 10, "x": 40}, {"tapesh": 30, "x": 120}, {"tapesh": 10, "x": 50})
    assert figures.ratio(kept, "x") == figures.Spread(4.0, 4.0, 5.0)
    assert figures.rates(kept, "tapesh") == figures.Spread(100_000, pytest.approx(33_333.33), 100_000)


def test_a_peer_that_is_missing_in_a_round_leaves_the_others():
    kept = beside({"tapesh": 10, "x": 40}, {"tapesh": 10})
    assert figures.ratio(kept, "x") == figures.Spread(4.0, 4.0, 4.0)
    assert figures.ratio(kept, "y") is None


def test_goals_judge_by_their_bounds():
    """Just within is met, just beyond is missed, and nothing measured is neither."""
    goals = {goal.command: goal for goal in GOALS}
    offered = {"p50_s": 0.6, "p99_s": 1.2, "rate": 20_000}
    text, met = goals["offered"].read({"offered": {"measured": offered}}) or ("", None)
    assert (text, met) == ("p50 0.60 s, p99 1.20 s at 20,000 events/s", True)
    assert (goals["offered"].read({"offered": {"measured": offered | {"p99_s": 1.21}}}) or ("", None))[1] is False
    assert all(goal.read({}) is None for goal in GOALS)


def test_every_goal_is_measured():
    assert [goal.figure for goal in GOALS if goal.read(results.kept()) is None] == []


def test_every_peer_is_pinned_with_hashes_and_names_no_host():
    """What a peer is measured with is in the repository."""
    assert {peer.environment for peer in PEERS} <= set(WANTED)
    for name in WANTED:
        pinned = (REQUIREMENTS / f"{name}.txt").read_text()
        assert "==" in pinned
        assert "--hash=sha256:" in pinned
        assert "://" not in pinned
