"""Contributions spread over cells are the ones that loops find, on either way of adding them up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams import spread as module
from streams.panes import DAY_MS, HOUR_MS, MINUTE_MS
from streams.parts import place, stock
from streams.slices import Slices
from streams.spread import Spread, spread
from streams.sums import sort

NOW_MS = 1_781_530_640_250
_SLICES = Slices(("channel", "plan"), 9)
SETS = [_SLICES.of_person(values) for values in (("web", "pro"), ("web", None), ("app", "basic"))]
SETS += [_SLICES.of_channel("app"), _SLICES.without_channel(SETS[0])]

CONTRIBUTIONS = st.lists(
    st.tuples(
        st.none() | st.sampled_from([0, 1, MINUTE_MS, HOUR_MS, DAY_MS, 400 * DAY_MS]) | st.integers(0, 3 * HOUR_MS),
        st.sampled_from(SETS),
        st.integers(0, 3) | st.just(700),
        st.integers(-3, 3),
    ),
    min_size=1,
    max_size=40,
)
Contributions = list[tuple[int | None, int, int, int]]


def spread_of(contributions: Contributions) -> Spread:
    keys = [
        (stock(cell_set) if ago is None else place(NOW_MS - ago, cell_set)) + column
        for ago, cell_set, column, _ in contributions
    ]
    amounts = [amount for *_, amount in contributions]
    return spread(np.array(keys, np.int64), np.array(amounts, np.int64), _SLICES.matrix())


def found(added: Spread) -> list[tuple[int, int, int, int]]:
    """Return (column, minute, cell, amount) in the order in which they lie."""
    columns, minutes = added.columns[added.rows].tolist(), added.minutes[added.rows].tolist()
    return list(zip(columns, minutes, added.cells.tolist(), added.amounts.tolist(), strict=True))


def looped(contributions: Contributions, pane: Callable[[int], int] = lambda minute: minute) -> list[tuple[int, ...]]:
    """Return the same by a loop over all contributions and their cells."""
    sums: Counter[tuple[int, int, int]] = Counter()
    for ago, cell_set, column, amount in contributions:
        minute = -1 if ago is None else (NOW_MS - ago) // MINUTE_MS
        for cell in (0, *_SLICES.sets[cell_set]):
            if cell >= 0:
                sums[column, pane(minute), cell] += amount
    return sorted((*key, amount) for key, amount in sums.items() if amount)


@pytest.mark.parametrize("sparse", [0, 10**6], ids=["sorted", "looked up"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contributions=CONTRIBUTIONS)
def test_each_column_minute_and_cell_is_there_once(
    sparse: int, contributions: Contributions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sorted, without those that come to nothing, and without what counts in no cell."""
    monkeypatch.setattr(module, "_SPARSE", sparse)
    assert found(spread_of(contributions)) == looped(contributions)


@pytest.mark.parametrize("sparse", [0, 10**6], ids=["sorted", "looked up"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contributions=CONTRIBUTIONS)
def test_minutes_of_a_pane_become_one(
    sparse: int, contributions: Contributions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of an hour cancel each other, too."""
    monkeypatch.setattr(module, "_SPARSE", sparse)
    added = spread_of(contributions).since(0)
    timed = [one for one in contributions if one[0] is not None]
    assert found(added.of_panes(added.minutes - added.minutes % 60)) == looped(timed, lambda at: at - at % 60)


@given(CONTRIBUTIONS, st.sampled_from([-1, 0, NOW_MS // MINUTE_MS - 60, NOW_MS // MINUTE_MS, NOW_MS // MINUTE_MS + 1]))
def test_what_came_before_a_minute_is_left_out(contributions: Contributions, minute: int) -> None:
    """What has no instant came before all of them."""
    assert found(spread_of(contributions).since(minute)) == [one for one in looped(contributions) if one[1] >= minute]


def test_few_contributions_to_many_cells_take_no_room_for_all_of_them() -> None:
    """A block of a recovery: each person of another day, any of hundreds of values."""
    slices = Slices(("channel", "plan"), 1_000)
    sets = np.array([slices.of_person((f"channel {one}", f"plan {one}")) for one in range(900)], np.int64)
    keys = np.array([place(NOW_MS - one * DAY_MS, int(cell_set)) for one, cell_set in enumerate(sets)], np.int64)
    sizes: list[int] = []

    def zeros(size: int, *_: object) -> None:
        sizes.append(size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "zeros", zeros)
        added = spread(keys, np.ones(len(keys), np.int64), slices.matrix())
    assert len(added) == 3 * len(keys)
    assert sizes == []


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5), max_size=30))
def test_sorting_says_where_each_was(numbers: list[int]) -> None:
    """However far apart they lie: with room for places behind them, and without."""
    keys = np.array(numbers, np.int64)
    in_order, order = sort(keys)
    assert in_order.tolist() == sorted(numbers)
    assert keys[order].tolist() == in_order.tolist()
    assert sorted(order.tolist()) == list(range(len(numbers)))
