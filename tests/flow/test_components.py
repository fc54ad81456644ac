"""The law of components: sums of partitions add up to the sums of the whole. Found by their declaration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest
from agreement import lines, meaning
from kpi_oracle.clock import instant_ms
from kpi_oracle.logs import generate

from metrics.components import COMPONENTS, Component, Unit
from metrics.frame import Cell
from streams import meaning as meaning_of_state
from streams.meaning import components_digest
from streams.merge import Admission, merge
from streams.partition import PartitionState

NOW_MS = instant_ms("2026-06-15T13:37:20.250Z")
Log = list[dict[str, Any]]
Measured = Mapping[tuple[Cell, str, str | None], int]
"""Sums by (cell, window, label)."""


@cache
def logs() -> tuple[tuple[Log, Log], ...]:
    """Pairs of logs of different customers, and one that is empty."""
    pairs: list[tuple[Log, Log]] = []
    for seed in range(3):
        whole = generate(seed, customers=40)
        left = [event for event in whole if hash_of(event) % 2]
        right = [event for event in whole if not hash_of(event) % 2]
        pairs += [(left, right), (whole, [])]
    return tuple(pairs)


def hash_of(event: dict[str, Any]) -> int:
    """A number that one person's events, and one channel's spends, share."""
    return sum(map(ord, str(event.get("customer_id", event.get("channel")))))


@cache
def measured(seed: int, side: int) -> dict[str, Measured]:
    """Every component's sums in a log: the left one, the right one, or both (2) as one partition would hold them."""
    left, right = logs()[seed]
    state = PartitionState(meaning())
    state.arrive(lines((left, right, left + right)[side]), [0] * (len(left) + len(right)))
    state.advance(NOW_MS)
    found: dict[str, dict[tuple[Cell, str, str | None], int]] = {component.name: {} for component in COMPONENTS}
    for cell, windows in merge([state.report()], [plan.name for plan in state.fold.time.plans], Admission()).items():
        for window, sums in windows.items():
            for name, amount in sums.values.items():
                found[name][cell, window, None] = amount
            for name, labels in sums.labelled.items():
                found[name].update({(cell, window, label): amount for label, amount in labels.items()})
    return dict(found)


def adds_up(whole: Measured, left: Measured, right: Measured) -> bool:
    """The law: what is measured in the whole is what is measured in its parts, added up."""
    parts = Counter(dict(left))
    parts.update(dict(right))
    return {key: n for key, n in whole.items() if n} == {key: n for key, n in parts.items() if n}


@pytest.mark.parametrize("name", [component.name for component in COMPONENTS])
def test_every_component_adds_up_over_partitions(name: str) -> None:
    """In every window, slice and label, for persons dealt to two partitions."""
    for seed in range(len(logs())):
        whole, left, right = (measured(seed, side)[name] for side in (2, 0, 1))
        assert adds_up(whole, left, right), name


@pytest.mark.parametrize("name", [component.name for component in COMPONENTS])
def test_every_component_is_met_by_the_logs(name: str) -> None:
    """A law that is only tried on zeros says nothing: whoever declares a component makes the logs reach it."""
    assert any(any(measured(seed, 2)[name].values()) for seed in range(len(logs())))


BROKEN: dict[str, Callable[[Log], int]] = {
    "largest_order_minor": lambda log: max((amount(event) for event in log), default=0),
    "channels": lambda log: len({event["channel"] for event in log if event.get("channel")}),
    "mean_order_minor": lambda log: sum(map(amount, log)) // max(1, sum(event["type"] == "purchase" for event in log)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_law_rejects_what_does_not_add_up(name: str) -> None:
    """A maximum, a distinct count over persons, a mean: each passes for an integer, none is a component."""
    left, right = logs()[0]
    whole, *parts = ({(None, "lifetime", None): BROKEN[name](log)} for log in (left + right, left, right))
    assert not adds_up(whole, parts[0], parts[1])


def amount(event: dict[str, Any]) -> int:
    """A purchase's total in minor units."""
    return round(float(event["total"]["amount"]) * 100) if event["type"] == "purchase" else 0


def test_times_are_carried_so_that_a_million_customers_fit() -> None:
    """Milliseconds since 1970 of five million customers leave 64 bits; days and milliseconds of the day don't."""
    state = PartitionState(meaning())
    for component in COMPONENTS:
        if component.unit is Unit.MS:
            column = state.fold.columns.number(component.name)
            assert state.fold.columns.names[column + 1] == (component.name, "ms_of_day")


def test_a_program_that_counts_other_components_does_not_read_this_ones_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint numbers its columns: one more component, and every number after it means another."""
    ours = meaning().describe()["components"]
    components_digest.cache_clear()
    monkeypatch.setattr(
        meaning_of_state, "COMPONENTS", (*COMPONENTS[:3], Component("new", Unit.COUNT, "", ""), *COMPONENTS[3:])
    )
    assert meaning().describe()["components"] != ours
    monkeypatch.undo()
    components_digest.cache_clear()
    assert meaning().describe()["components"] == ours
