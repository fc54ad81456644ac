"""A change is split into slices, rates and mix, and nothing is left over."""

from __future__ import annotations

import json
import re
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from metrics.breakdown import BANDS
from metrics.explain import explain, explain_tenure
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


def tenure(bands: list[tuple[int, int, int, int]]) -> dict:
    """The section of a document: by band the lost and the base of a day, and of a month."""

    def window(lost: int, base: int) -> dict:
        counts = {"churned_by_tenure": lost, "at_risk_by_tenure": base}
        return {name: {band.name: of[at] for band, of in zip(BANDS, bands, strict=True)} for name, at in counts.items()}

    return {"windows": {"24h": window(0, 1), "30d": window(2, 3)}}


@given(st.lists(counts, min_size=len(BANDS), max_size=len(BANDS)))
def test_what_bands_of_tenure_add_is_the_whole_change(bands):
    """As with slices: a band is one of them, and everybody is in one."""
    found = explain_tenure(tenure(bands), "24h", "30d")
    if found is not None:
        assert sum(part.by_rate + part.by_mix for part in found.parts) == found.rate - found.usual


def test_a_base_that_has_become_younger_is_told_from_newcomers_who_leave_faster():
    """The same rates with more newcomers; then as many, of whom three times as many leave."""
    others = [(0, 0, 0, 0)] * (len(BANDS) - 2)
    found = explain_tenure(tenure([(80, 4_000, 600, 1_000), *others, (0, 1_000, 0, 4_000)]), "24h", "30d")
    assert found is not None
    assert {part.value: part.by_rate for part in found.parts if part.by_rate} == {}
    assert found.rate - found.usual == sum(part.by_mix for part in found.parts) == Fraction(36, 100)
    found = explain_tenure(tenure([(30, 1_000, 300, 1_000), *others, (0, 1_000, 0, 1_000)]), "24h", "30d")
    assert found is not None
    assert (found.attribute, found.parts[0].value, found.parts[0].by_mix) == ("tenure", BANDS[0].name, 0)
    assert found.parts[0].by_rate == found.rate - found.usual


def test_the_command_explains_a_file(tmp_path):
    """Reasons, and a table for each attribute and for tenures; a KPI that no alert counts is refused."""
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
    assert "tenure: 100.00% over 30d, 3000.00% over 24h, a month" in shown.output
    assert "730d+" not in shown.output
    assert re.search(r"30-90d +│ +1 │ +1 │", shown.output)
    refused = CliRunner().invoke(app, ["explain", "clv"])
    assert refused.exit_code == 2
