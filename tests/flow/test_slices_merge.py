"""Slice values are bounded in a partition and in the cluster, and what isn't kept apart is under `other`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from agreement import differences, kpis, lines, meaning
from kpi_oracle import oracle
from kpi_oracle.clock import instant_text

from events.identity import partition_of
from metrics.economics import Economics
from streams import slices as slices_module
from streams.compute import compute
from streams.merge import Admission, merge
from streams.partition import PartitionState
from streams.slices import ABSENT, EVERYBODY, OTHER, UNATTRIBUTED, Columns, Slices

NOW_MS = 1_781_530_640_250
HOUR = 3_600_000


def event(kind: str, number: int, customer: str | None, ago_ms: int = HOUR, **fields: Any) -> dict[str, Any]:
    """An event as JSON."""
    found = {"type": kind, "event_id": f"{kind}-{number}", "occurred_at": instant_text(NOW_MS - ago_ms), **fields}
    return found if customer is None else found | {"customer_id": customer}


def purchase(number: int, customer: str, ago_ms: int = HOUR) -> dict[str, Any]:
    """A purchase of 1 euro."""
    euro = {"amount": "1.00", "currency": "EUR"}
    return event("purchase", number, customer, ago_ms, order_id=f"o{number}", total=euro)


def cells_of(slices: Slices, cell_set: int) -> list[Any]:
    """The cells that a set counts in."""
    return [slices.cells[cell] for cell in slices.matrix()[cell_set].tolist() if cell != ABSENT]


def test_a_person_counts_in_everybody_and_in_one_value_of_each_attribute() -> None:
    """Without the attribute it is under `unattributed`."""
    slices = Slices(("channel", "plan"), 5)
    assert cells_of(slices, slices.of_person(("web", None))) == [None, ("channel", "web"), ("plan", UNATTRIBUTED)]
    assert slices.matrix()[:, 0].tolist() == [EVERYBODY] * len(slices.sets)


def test_a_spend_counts_in_its_channel_alone() -> None:
    """No plan has a share of it."""
    slices = Slices(("plan", "channel"), 5)
    assert cells_of(slices, slices.of_channel("web")) == [None, ("channel", "web")]
    assert cells_of(slices, slices.of_channel(None)) == [None, ("channel", UNATTRIBUTED)]


def test_a_lead_keeps_its_channel_and_takes_the_rest_from_its_person() -> None:
    """The channel is the lead's own, the plan is the person's."""
    slices = Slices(("channel", "plan"), 5)
    person = slices.of_person(("web", "pro"))
    assert cells_of(slices, slices.with_channel(person, "app")) == [None, ("channel", "app"), ("plan", "pro")]
    assert cells_of(slices, slices.without_channel(person)) == [None, ("plan", "pro")]


def test_without_a_channel_slice_channels_make_no_difference() -> None:
    """Where nobody slices by channel, leads and spends count as their persons do."""
    slices = Slices(("plan",), 5)
    person = slices.of_person(("pro",))
    assert slices.with_channel(person, "app") == slices.without_channel(person) == person
    assert cells_of(slices, slices.of_channel("app")) == [None]


def test_values_beyond_the_limit_go_under_other() -> None:
    """The first ones keep their cells; `unattributed` and `other` take no place."""
    slices = Slices(("plan",), 2)
    named = [cells_of(slices, slices.of_person((plan,)))[1][1] for plan in (None, "a", "b", "c", "d", "a", None)]
    assert named == [UNATTRIBUTED, "a", "b", OTHER, OTHER, "a", UNATTRIBUTED]
    assert slices.overflowed == 2


def test_ids_in_a_segment_fill_other_and_no_memory() -> None:
    """What a producer writes by mistake into an attribute is not remembered value by value."""
    slices = Slices(("channel", "segment"), 3)
    for number in range(1000):
        slices.of_person(("web", f"customer {number}"))
        slices.with_channel(slices.unattributed, f"campaign {number}")
        slices.of_channel(f"banner {number}")
    remembered = [value for value in vars(slices).values() if hasattr(value, "__len__")]
    assert max(map(len, remembered)) < 30


def test_cell_sets_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Combinations beyond the bound count under `other` in each attribute, and restore to the same numbers."""
    monkeypatch.setattr(slices_module, "MOST_SETS", 20)
    slices = Slices(("channel", "plan"), 50)
    numbers = {(a, b): slices.of_person((f"c{a}", f"p{b}")) for a in range(9) for b in range(9)}
    assert slices.overflowed == 81 - 19
    assert cells_of(slices, numbers[8, 8]) == [None, ("channel", OTHER), ("plan", OTHER)]
    assert cells_of(slices, slices.of_channel("c3")) == [None, ("channel", OTHER)]
    assert len(slices.sets) <= 20 + 2**2
    again = Slices(("channel", "plan"), 50)
    again.restore([cell for cell in slices.cells if cell is not None], slices.sets)
    assert again.sets == slices.sets
    assert {(a, b): again.of_person((f"c{a}", f"p{b}")) for a, b in numbers} == numbers
    assert np.array_equal(again.matrix(), slices.matrix())


def test_labels_are_bounded_and_alike_for_components_that_are_divided_by_each_other() -> None:
    """The satisfied answers of a touchpoint are kept apart if its answers are, and only then."""
    columns = Columns(2)
    for touchpoint in ("a", "b", "c"):
        columns.labelled("csat_responses_by_touchpoint", touchpoint)
    for touchpoint in ("c", "b", "a"):
        columns.labelled("csat_satisfied_by_touchpoint", touchpoint)
    labels = columns.labels()
    assert sorted(label for name, label in labels if name == "csat_responses_by_touchpoint") == ["a", "b", OTHER]
    assert sorted(label for name, label in labels if name == "csat_satisfied_by_touchpoint") == ["a", "b", OTHER]
    assert columns.overflowed == 2
    columns.labelled("closed_by_reason", "unknown")
    columns.labelled("csat_responses_by_touchpoint", "unspecified")  # ours, and no value of an event
    assert columns.overflowed == 2
    labels = columns.labels()
    again = Columns(2)
    again.restore(labels)
    assert again.names == columns.names


def test_admission_is_by_appearance_and_remembered() -> None:
    """Once admitted, always; refused values are counted once each."""
    admission = Admission(limit=2)
    asked = ("b", "a", "c", "a", UNATTRIBUTED, OTHER, "d", "c", "b")
    assert [admission.name("plan", value) for value in asked] == [
        "b",
        "a",
        OTHER,
        "a",
        UNATTRIBUTED,
        OTHER,
        OTHER,
        OTHER,
        "b",
    ]
    assert admission.admitted == {"plan": ["b", "a"]}
    assert admission.refused == {"plan": {"c", "d"}}
    assert admission.name("segment", "c") == "c"


def states_of(events: Sequence[dict[str, Any]], partitions: int) -> list[PartitionState]:
    """Partitions that have been dealt events and brought to now."""
    states = [PartitionState(meaning(), number, partitions) for number in range(partitions)]
    for item in events:
        key = item.get("customer_id") or item.get("channel") or ""
        assert states[partition_of(key, partitions)].arrive(lines([item]), [0]) == []
    for state in states:
        state.advance(NOW_MS)
    return states


def test_admission_is_for_the_whole_cluster() -> None:
    """Partitions that know different values show the same ones, and the slices sum to the whole."""
    events = []
    for number in range(80):
        customer, plan = f"c{number}", f"plan-{number % 16}"
        events += [event("customer-acquired", number, customer, 2 * HOUR, plan=plan), purchase(number, customer)]
    states = states_of(events, 3)
    windows = [plan.name for plan in states[0].fold.time.plans]
    admission = Admission(limit=4)
    sums = merge([state.report() for state in states], windows, admission)
    shown = {cell[1] for cell in sums if cell is not None and cell[0] == "plan"}
    assert shown == {*admission.admitted["plan"], OTHER}
    assert len(admission.admitted["plan"]) == 4
    for component in ("orders", "buyers", "acquired", "gross_minor"):
        by_plan = sum(of["24h"].values.get(component, 0) for cell, of in sums.items() if cell and cell[0] == "plan")
        assert by_plan == sums[None]["24h"].values[component]
    again = merge([state.report() for state in reversed(states)], windows, admission)
    assert {cell: of["lifetime"] for cell, of in again.items()} == {cell: of["lifetime"] for cell, of in sums.items()}


def test_nobody_at_all_gives_a_document() -> None:
    """Empty partitions: counts of 0, ratios of null, slices without values."""
    found = kpis([PartitionState(meaning(), number, 2) for number in range(2)])
    assert found["windows"]["30d"]["active_customers"] == 0
    assert found["windows"]["30d"]["churn_rate"] is None
    assert found["slices"] == {"channel": {}, "segment": {}, "country": {}, "plan": {}}


def many_values(count: int) -> list[dict[str, Any]]:
    """Customers of more plans, touchpoints and reasons than are shown, the frequent ones last."""
    events: list[dict[str, Any]] = []
    for number in range(count):
        customer, tag = f"c{number}", f"v{number * 7 % 83}"
        events.append(event("customer-acquired", number, customer, 50 * HOUR, plan=tag, channel=f"ch{number % 60}"))
        events.append(purchase(number, customer, 10 * HOUR))
        answers = {"survey": "csat", "scale": 5, "score": number % 5 + 1, "touchpoint": tag}
        events.append(event("survey-response", number, customer, 5 * HOUR, **answers))
        if number % 3 == 0:
            events.append(event("cancellation", number, customer, 2 * HOUR, reason=tag))
    return events


def test_more_values_than_are_shown_agree_with_the_oracle() -> None:
    """The first 50 plans, channels, touchpoints and reasons by appearance, the rest under `other`."""
    log = many_values(200)
    expected = oracle.compute(log, NOW_MS)
    got = compute(lines(log), meaning(), Economics("EUR"), now_ms=NOW_MS)
    assert not differences(got.snapshot["slices"], expected["slices"])
    assert not differences(got.snapshot["windows"], expected["windows"])
    assert len(got.snapshot["slices"]["plan"]) == 51
    assert OTHER in got.snapshot["windows"]["30d"]["csat_by_touchpoint"]
    assert OTHER in got.snapshot["windows"]["30d"]["churn_reasons"]


def test_a_share_by_touchpoint_is_never_divided_by_another_touchpoints_answers() -> None:
    """Touchpoints that only lately satisfied anybody: answers and satisfied ones are shown for the same."""
    log = []
    for number in range(120):
        answers = {"survey": "csat", "scale": 5, "score": 1 if number < 60 else 5, "touchpoint": f"t{number % 60}"}
        log.append(event("survey-response", number, f"c{number}", (200 - number) * 60_000, **answers))
    log[60:] = log[:59:-1]
    expected = oracle.compute(log, NOW_MS)["windows"]["24h"]["csat_by_touchpoint"]
    got = compute(lines(log), meaning(), Economics("EUR"), now_ms=NOW_MS).snapshot["windows"]["24h"]
    assert got["csat_by_touchpoint"] == expected
    assert set(got["csat_by_touchpoint"].values()) == {0.5}


def test_events_before_the_acquisition_move_to_its_slices_up_to_the_bound() -> None:
    """Sixteen move, the seventeenth stays and is counted; the buyer itself always moves."""
    events = [purchase(number, "c1", (40 - number) * HOUR) for number in range(17)]
    state = states_of([*events, event("customer-acquired", 1, "c1", 50 * HOUR, channel="web")], 1)[0]
    by_channel = kpis([state])["slices"]["channel"]
    assert {value: found["lifetime"]["orders"] for value, found in by_channel.items()} == {"web": 16, UNATTRIBUTED: 1}
    assert by_channel["web"]["lifetime"]["buyers"] == 1
    assert state.counts.unmoved == 1


def test_an_earlier_acquisition_that_arrives_later_moves_lifetimes_and_is_counted() -> None:
    """What was bought by then stays under the later one's channel; the customer and its lifetime move."""
    late = event("customer-acquired", 1, "c1", 50 * HOUR, channel="web")
    state = states_of([event("customer-acquired", 2, "c1", 10 * HOUR, channel="app"), purchase(1, "c1"), late], 1)[0]
    by_channel = kpis([state])["slices"]["channel"]
    assert by_channel["app"]["lifetime"]["orders"] == 1
    assert by_channel["web"]["lifetime"]["customers_ever"] == 1
    assert by_channel["app"]["lifetime"]["customers_ever"] == 0
    assert (state.counts.reattributed, state.counts.unmoved) == (1, 0)


def test_of_acquisitions_at_one_instant_a_file_takes_the_smallest_id_for_everything() -> None:
    """Their costs, too, count under the attributes that decide, whichever line comes first."""
    euro = {"amount": "1.00", "currency": "EUR"}
    two = [event("customer-acquired", number, "c1", HOUR, channel=f"ch{number}", cost=euro) for number in (1, 2)]
    for log in (two, two[::-1]):
        found = compute(lines(log), meaning(), Economics("EUR"), now_ms=NOW_MS).snapshot["slices"]["channel"]
        assert found["ch1"]["24h"]["acquisition_spend"] == 2.0
