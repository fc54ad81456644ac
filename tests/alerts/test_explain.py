"""A change is split into slices, rates and mix, and nothing is left over."""

from __future__ import annotations

import json
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from metrics.explain import explain
from streams.cli.app import app

counts = st.tuples(st.integers(0, 50), st.integers(0, 5_000), st.integers(0, 300), st.integers(0, 5_000))


def document(slices: dict[str, tuple[int, int, int, int]]) -> dict:
    """KPIs of slices by channel: lost and base of a day, lost and base of a month."""

    def kpis(lost: int, base: int) -> dict:
        return {"lost_customers": lost, "active_customers": base + 5, "net_customer_growth": 5}

    return {
        "slices": {
            "channel": {
                value: {"24h": kpis(lost, base), "30d": kpis(lost_0, base_0)}
                for value, (lost, base, lost_0, base_0) in slices.items()
            }
        }
    }


@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), counts, min_size=1))
def test_what_slices_add_is_the_whole_change(slices):
    """In fractions, so exactly."""
    found = explain(document(slices), "channel", "24h", "30d")
    if found is not None:
        assert sum(part.by_rate + part.by_mix for part in found.parts) == found.rate - found.usual


def test_a_rate_that_moved_is_told_from_a_mix_that_moved():
    """One channel loses three times as many; then the same rates with more customers where more are lost."""
    found = explain(document({"app": (30, 3_000, 300, 3_000), "web": (10, 3_000, 300, 3_000)}), "channel", "24h", "30d")
    assert found is not None
    assert [(part.value, part.by_mix) for part in found.parts] == [("app", 0), ("web", 0)]
    assert found.parts[0].by_rate == found.rate - found.usual == Fraction(1, 10)
    found = explain(document({"app": (80, 4_000, 300, 1_000), "web": (0, 1_000, 0, 4_000)}), "channel", "24h", "30d")
    assert found is not None
    assert sum(part.by_mix for part in found.parts) == Fraction(18, 100)


def test_the_command_explains_a_file(tmp_path):
    """Reasons, and a table for each attribute; a KPI that no alert counts is refused."""
    events = [
        {
            "type": kind,
            "event_id": f"{kind}{number}",
            "customer_id": f"c{number}",
            "occurred_at": f"2026-{day}T00:00:00Z",
        }
        for number in range(4)
        for kind, day in (("customer-acquired", "01-01"), ("cancellation", f"03-0{number + 1}"))
    ]
    (tmp_path / "events.ndjson").write_text("\n".join(map(json.dumps, events)))
    shown = CliRunner().invoke(app, ["explain", "churn_rate", str(tmp_path / "events.ndjson")])
    assert shown.exit_code == 0, shown.output
    assert "unattributed" in shown.output
    assert "reasons within 24h: unknown 1" in shown.output
    refused = CliRunner().invoke(app, ["explain", "clv"])
    assert refused.exit_code == 2
