"""What Prometheus sees: the exact bytes, the same values read back, and nothing once the lease is over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from metrics.catalogue import BY_ID
from metrics.evaluate import CellSums, Economics, Frame, Snapshot, Window, evaluate
from metrics.exporter import Gauges, KpiExporter, places_of_everybody, places_of_slices, render, samples
from metrics.names import metric_name
from metrics.steps import at_once

SNAPSHOT: Snapshot = {
    "now": "2026-06-15T13:37:20.250Z",
    "windows": {
        "30d": {
            "active_customers": 17,
            "churn_rate": 0.0123,
            "churn_reasons": {'the "new" price': 2, "unknown": 1},
            "revenue": -18.45,
            "nps": None,
        },
        "lifetime": {"active_customers": 17, "churn_rate": None, "churn_reasons": {}, "revenue": 0.00001, "nps": None},
    },
    "slices": {"channel": {"back\\slash": {"30d": {"active_customers": 3, "churn_rate": 0.5}}}},
}

GOLDEN = r"""# HELP tapesh_active_customers_customers Active customers. Customers whose lifetime is open now.
# TYPE tapesh_active_customers_customers gauge
tapesh_active_customers_customers{window="30d",slice="all",value="all"} 17
tapesh_active_customers_customers{window="lifetime",slice="all",value="all"} 17
tapesh_active_customers_customers{window="30d",slice="channel",value="back\\slash"} 3
# HELP tapesh_churn_reasons_customers Churn reasons. Customers lost in the window, by the reason that they gave.
# TYPE tapesh_churn_reasons_customers gauge
tapesh_churn_reasons_customers{window="30d",slice="all",value="all",reason="the \"new\" price"} 2
tapesh_churn_reasons_customers{window="30d",slice="all",value="all",reason="unknown"} 1
# HELP tapesh_revenue_eur Revenue. Totals of purchases less refunds, each at its own time.
# TYPE tapesh_revenue_eur gauge
tapesh_revenue_eur{window="30d",slice="all",value="all"} -18.45
tapesh_revenue_eur{window="lifetime",slice="all",value="all"} 0.00001
# HELP tapesh_kpi_unknown 1 where a KPI can't be known now, and why; its gauges are absent meanwhile.
# TYPE tapesh_kpi_unknown gauge
tapesh_kpi_unknown{kpi="churn_rate",reason="partition 3 is silent"} 1
"""


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_exposition_is_byte_exact() -> None:
    """Undefined and unknown KPIs have no gauge, labels are escaped, families follow the catalogue."""
    assert render(SNAPSHOT, {"churn_rate": "partition 3 is silent"}, "EUR").decode() == GOLDEN


def test_nothing_unknown_leaves_no_trace() -> None:
    """An engine in good health exports no family of unknowns."""
    assert b"tapesh_kpi_unknown" not in render(SNAPSHOT, {}, "EUR")


def test_what_is_unknown_is_left_out_of_gauges_that_are_written_already() -> None:
    """A source may fall silent while a snapshot stands; and slices may be older than what is beside them."""
    everybody = at_once(samples(places_of_everybody(SNAPSHOT), "EUR"))
    older = SNAPSHOT | {"slices": {"channel": {"web": {"30d": {"nps": 7, "churn_rate": 0.25}}}}}
    gauges = Gauges(everybody, at_once(samples(places_of_slices(older), "EUR")))
    known = b"".join(gauges.exposition({}, "EUR")).decode()
    assert 'tapesh_nps_score{window="30d",slice="channel",value="web"} 7\n' in known
    assert 'tapesh_churn_rate_ratio{window="30d",slice="all",value="all"} 0.0123\n' in known
    assert known.count("# TYPE tapesh_churn_rate_ratio gauge") == 1
    later = b"".join(gauges.exposition({"churn_rate": "silent"}, "EUR")).decode()
    assert "tapesh_churn_rate_ratio" not in later
    assert "tapesh_nps_score" in later


@given(st.lists(st.one_of(st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False))))
def test_every_number_is_read_back_as_it_is(values: list[float]) -> None:
    """Written all at once, each stands at its own place, to the last bit."""
    windows = {f"w{number}": {"revenue": value} for number, value in enumerate(values)}
    text = b"".join(at_once(samples(places_of_everybody(SNAPSHOT | {"windows": windows}), "EUR")).values()).decode()
    found = [line.rsplit(" ", 1) for line in text.splitlines()]
    assert [float(value) for _, value in found] == [float(value) for value in values]
    assert all(f'window="w{number}"' in labels for number, (labels, _) in enumerate(found))


def test_what_is_read_back_is_what_was_evaluated() -> None:
    """Prometheus's own parser finds each defined value under its name and labels, and no other."""
    now = 1_781_530_640_250
    frame = Frame(
        now,
        (
            Window("30d", "rolling", now - 30 * 86_400_000, 30.0),
            Window("365d", "rolling", now - 365 * 86_400_000, 365.0),
            Window("lifetime", "lifetime", None, None),
        ),
    )
    part = CellSums(
        {"opened": 3, "acquired": 3, "orders": 7, "gross_minor": 12_345, "buyers": 2, "nps_promoters": 1},
        {"leads_by_stage": {"new": 2}, "closed_by_reason": {'a\nb"c\\d': 5}},
    )
    cell = {window.name: part for window in frame.windows}
    snapshot = evaluate(frame, {None: cell, ("country", "IR"): cell}, Economics("IRR"))
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(render(snapshot, {}, "IRR").decode())
        for sample in family.samples
    }
    places = [("all", "all", snapshot["windows"]), ("country", "IR", snapshot["slices"]["country"]["IR"])]
    found = {}
    for attribute, value, windows in places:
        for window, values in windows.items():
            labels = {"window": window, "slice": attribute, "value": value}
            for kpi_id, got in values.items():
                name = metric_name(BY_ID[kpi_id], "IRR")
                for label, piece in got.items() if isinstance(got, dict) else [(None, got)]:
                    split = {BY_ID[kpi_id].label or "": label} if label is not None else {}
                    if piece is not None:
                        found[(name, *sorted({**labels, **split}.items()))] = float(piece)
    assert samples == found


def test_a_payload_is_handed_out_until_its_lease_is_over() -> None:
    """A paused owner that wakes up exports nothing, before it has noticed anything."""
    clock = Clock()
    exporter = KpiExporter(clock=clock)
    assert exporter.exposition() == b""
    exporter.publish(b"tapesh_nps_score 25\n", lease_until=110.0)
    assert exporter.exposition() == b"tapesh_nps_score 25\n"
    clock.now = 110.0
    assert exporter.exposition() == b""
    assert list(exporter.collect()) == []
    exporter.publish(b"tapesh_nps_score 26\n", lease_until=120.0)
    assert exporter.exposition() == b"tapesh_nps_score 26\n"


def test_an_owner_that_lets_go_exports_nothing() -> None:
    """After a rebalance the old owner doesn't wait for its lease."""
    clock = Clock()
    exporter = KpiExporter(clock=clock)
    exporter.publish(b"tapesh_nps_score 25\n", lease_until=110.0)
    exporter.withdraw()
    assert exporter.exposition() == b""


def test_a_plain_registry_collects_the_same_samples() -> None:
    """Registered before there is a snapshot, it joins the engine's own metrics."""
    clock = Clock()
    registry = CollectorRegistry()
    exporter = KpiExporter(clock=clock)
    registry.register(exporter)
    exporter.publish(render(SNAPSHOT, {"churn_rate": "partition 3 is silent"}, "EUR"), lease_until=110.0)
    assert (
        registry.get_sample_value(
            "tapesh_active_customers_customers", {"window": "30d", "slice": "channel", "value": "back\\slash"}
        )
        == 3
    )
    assert b"# TYPE tapesh_revenue_eur gauge" in generate_latest(registry)
    clock.now = 200.0
    assert generate_latest(registry) == b""


def test_nothing_is_handed_out_once_another_may_own_the_kpis() -> None:
    """However fresh the payload: a process that was paused finds its membership over before it has learned of it."""
    now, until = 100.0, 101.0
    exporter = KpiExporter(lambda: until, clock=lambda: now)
    exporter.publish(b"tapesh_nps_score 25\n", lease_until=1_000.0)
    assert exporter.exposition() == b"tapesh_nps_score 25\n"
    now = 101.0
    assert exporter.exposition() == b""
    until = 110.0
    assert exporter.exposition() == b"tapesh_nps_score 25\n"
