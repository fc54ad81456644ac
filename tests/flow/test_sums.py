"""Sliding sums are the sums of what lies in the windows; taking back is exact; nothing wraps."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from agreement import meaning
from hypothesis import given
from hypothesis import strategies as st

from streams.acceptance import FAR_FUTURE_MS
from streams.pane_log import SLOT_BITS, PaneLog
from streams.panes import DAY_MS, HOUR_MS, MINUTE_MS, ReportingTime
from streams.partition import PartitionState
from streams.parts import place, stock
from streams.settings.schema import Settings
from streams.slices import MOST_SETS, OTHER, UNATTRIBUTED, Columns, Slices
from streams.sums import COLUMN_BITS, MINUTE_SHIFT, SET_BITS, RangeError, add_up, as_arrays
from streams.window_sums import WindowSums

NOW_MS = 1_781_530_640_250
ZONES = ("UTC", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe")
_TIMES = {zone: ReportingTime(zone, windows=("1m", "1h", "24h", "7d", "30d", "31d", "90d")) for zone in ZONES}
_SLICES = Slices(("channel", "plan"), 5)
SETS = [_SLICES.of_person(values) for values in (("web", "pro"), ("web", None), (None, None), ("app", "pro"))]
SETS.append(_SLICES.of_channel("app"))

AGOS = st.one_of(
    st.integers(0, 3 * MINUTE_MS),
    st.integers(0, 3 * HOUR_MS),
    st.integers(0, 2 * DAY_MS),
    st.integers(0, 120 * DAY_MS),
    st.sampled_from([day * DAY_MS for day in (1, 7, 30, 31, 90)]),
)
JUMPS = st.one_of(
    st.just(0),
    st.integers(0, 2 * MINUTE_MS),
    st.integers(0, 2 * HOUR_MS),
    st.integers(0, 3 * DAY_MS),
    st.integers(0, 400 * DAY_MS),
)
ROUNDS = st.lists(
    st.tuples(
        JUMPS,
        st.lists(
            st.tuples(st.none() | AGOS, st.sampled_from(SETS), st.integers(0, 2), st.integers(-1000, 1000)), max_size=6
        ),
    ),
    min_size=1,
    max_size=8,
)


@given(st.sampled_from(ZONES), ROUNDS)
def test_windows_that_slide_hold_what_lies_in_them(
    zone: str, rounds: list[tuple[int, list[tuple[int | None, int, int, int]]]]
) -> None:
    """Whenever contributions come and however the clock jumps, every window is the sum from its start on."""
    time = _TIMES[zone]
    sums, now_ms = WindowSums(time), NOW_MS
    everything: list[tuple[int | None, int, int, int]] = []
    for jump, contributions in rounds:
        now_ms += jump
        sums.slide(time.frame(now_ms))
        deltas: dict[int, int] = defaultdict(int)
        for ago, cell_set, column, amount in contributions:
            at_ms = None if ago is None else now_ms - ago
            everything.append((at_ms, cell_set, column, amount))
            deltas[(stock(cell_set) if at_ms is None else place(at_ms, cell_set)) + column] += amount
        sums.add_gathered(*as_arrays(deltas), _SLICES.matrix())
        assert held(sums) == naive(time, now_ms, everything)


def held(sums: WindowSums) -> dict[tuple[str, int, int], int]:
    """The sums that aren't 0, by window, cell and column."""
    assert sums.frame is not None
    return {
        (window.name, int(sums.slot_cells[slot]), int(sums.slot_columns[slot])): int(sums.values[row, slot])
        for row, window in enumerate(sums.frame.windows)
        for slot in np.flatnonzero(sums.values[row])
    }


def naive(
    time: ReportingTime, now_ms: int, everything: list[tuple[int | None, int, int, int]]
) -> dict[tuple[str, int, int], int]:
    """The same by going through all contributions."""
    found: dict[tuple[str, int, int], int] = defaultdict(int)
    for window in time.frame(now_ms).windows:
        for at_ms, cell_set, column, amount in everything:
            if window.start_ms is not None and (at_ms is None or at_ms < window.start_ms):
                continue
            for cell in _SLICES.matrix()[cell_set].tolist():
                if cell >= 0:
                    found[window.name, cell, column] += amount
    return {key: amount for key, amount in found.items() if amount}


@given(ROUNDS, st.integers(0, 400 * DAY_MS))
def test_what_is_taken_back_leaves_no_trace(
    rounds: list[tuple[int, list[tuple[int | None, int, int, int]]]], later: int
) -> None:
    """Contributions and their opposites, days apart: every window is empty again."""
    time = _TIMES["UTC"]
    sums = WindowSums(time)
    sums.slide(time.frame(NOW_MS))
    deltas: dict[int, int] = defaultdict(int)
    for _, contributions in rounds:
        for ago, cell_set, column, amount in contributions:
            deltas[(stock(cell_set) if ago is None else place(NOW_MS - ago, cell_set)) + column] += amount
    sums.add_gathered(*as_arrays(deltas), _SLICES.matrix())
    sums.slide(time.frame(NOW_MS + later))
    sums.add_gathered(*as_arrays({key: -amount for key, amount in deltas.items()}), _SLICES.matrix())
    assert not held(sums)
    sums.slide(time.frame(NOW_MS + 2 * later))
    assert not held(sums)


def test_panes_that_every_window_has_left_are_forgotten() -> None:
    """Memory follows the windows, not the time that the program runs."""
    time = ReportingTime(windows=("1h", "7d"))
    sums, sets = WindowSums(time), _SLICES.matrix()
    for day in range(3 * 365):
        sums.slide(time.frame(NOW_MS + day * DAY_MS))
        sums.add_gathered(*as_arrays({place(NOW_MS + day * DAY_MS, SETS[2]): 1}), sets)
    assert {grain: len(sums.panes(grain)[0]) for grain in ("minute", "hour", "day")} == {
        "minute": 3,  # everybody, and nobody's channel and plan
        "hour": 3 * 7,
        "day": 3 * 365,  # the year is kept for the lifespan
    }


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 3)), max_size=30))
def test_adding_up_keeps_each_key_once_and_no_zero(pairs: list[tuple[int, int]]) -> None:
    """Sorted keys, exact sums."""
    expected: dict[int, int] = defaultdict(int)
    for key, amount in pairs:
        expected[key] += amount
    keys, amounts = add_up(
        np.array([key for key, _ in pairs], np.int64), np.array([amount for _, amount in pairs], np.int64)
    )
    assert list(zip(keys.tolist(), amounts.tolist(), strict=True)) == sorted(
        (key, amount) for key, amount in expected.items() if amount
    )


@pytest.mark.parametrize(
    "amounts",
    [
        [2**62],
        [2**63],  # leaves 64 bits on its own
        [2**60] * 3,
        [2**62] * 4,  # wraps to 0: what a look at the sums alone wouldn't see
        [-(2**62)],
    ],
)
def test_a_sum_that_could_wrap_is_refused(amounts: list[int]) -> None:
    """Better no number than a wrong one."""
    time = _TIMES["UTC"]
    sums = WindowSums(time)
    sums.slide(time.frame(NOW_MS))
    deltas = {place(NOW_MS - number * MINUTE_MS, SETS[0]): amount for number, amount in enumerate(amounts)}

    def add() -> None:
        sums.add_gathered(*as_arrays(deltas), _SLICES.matrix())
        sums.check_range()

    with pytest.raises(RangeError, match="64-bit"):
        add()


def test_a_sum_that_grows_too_large_bit_by_bit_is_refused() -> None:
    """Each settled tick is small; their sum isn't."""
    time = _TIMES["UTC"]
    sums = WindowSums(time)
    sums.slide(time.frame(NOW_MS))

    def grow() -> None:
        for _ in range(20):
            sums.add_gathered(*as_arrays({place(NOW_MS, SETS[0]): 2**58}), _SLICES.matrix())
            sums.check_range()

    with pytest.raises(RangeError, match="64-bit"):
        grow()


def test_keys_have_room_for_every_column_set_and_minute() -> None:
    """No field of a key runs into the next: columns, cell sets, minutes up to the year 2200."""
    state = PartitionState(meaning())
    columns = Columns(state.meaning.raw_values)
    for component in ("closed_by_reason", "csat_responses_by_touchpoint", "csat_satisfied_by_touchpoint"):
        for number in range(2 * state.meaning.raw_values):
            columns.labelled(component, f"label {number}")
    assert len(columns.names) < 1 << COLUMN_BITS
    assert MOST_SETS + (1 << 10) < 1 << SET_BITS
    assert place(FAR_FUTURE_MS + 100 * 366 * DAY_MS, 0) < 1 << 62
    assert place(5 * MINUTE_MS, 3) + 7 == 6 << MINUTE_SHIFT | 3 << COLUMN_BITS | 7


def test_keys_of_panes_have_room_for_every_slot() -> None:
    """Every value of every attribute in every column, however many values are kept."""
    most = next(each.le for each in Settings.model_fields["max_slice_values"].metadata if hasattr(each, "le"))
    slices = Slices(PartitionState(meaning()).meaning.slices, most)
    cells = 1 + len(slices.attributes) * (most + len((UNATTRIBUTED, OTHER)))
    assert cells << COLUMN_BITS <= 1 << SLOT_BITS
    assert FAR_FUTURE_MS // MINUTE_MS << SLOT_BITS < 1 << 62


def test_a_partition_that_counts_too_much_says_so_at_every_tick() -> None:
    """The amounts are refused again and again, and none of the tries reaches a checkpoint."""
    state = PartitionState(meaning())
    state.advance(NOW_MS)
    column = state.fold.columns.number("gross_minor")
    state.fold.flows[place(NOW_MS, state.fold.slices.unattributed) + column] += 2**70
    for later in range(3):
        with pytest.raises(RangeError, match="64-bit"):
            state.advance(NOW_MS + later)
    assert state.unsaved_flows == []


def test_amounts_in_bulk_that_are_too_large_are_refused_at_every_tick() -> None:
    """Steps before a tick leave the refusal to it, so it must come again there."""
    state = PartitionState(meaning())
    state.advance(NOW_MS)
    key = place(NOW_MS, state.fold.slices.unattributed) + state.fold.columns.number("gross_minor")
    state.bulk.flows.add(np.full(4, key, np.int64), 2**60)
    for later in range(3):
        with pytest.raises(RangeError, match="64-bit"):
            state.advance(NOW_MS + later)
    assert state.unsaved_flows == []


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3), st.integers(-2, 2)), max_size=20), max_size=8),
    st.integers(0, 13),
)
def test_a_log_of_panes_holds_what_was_added_whenever_it_was_merged(added, end) -> None:
    """Entries that meet are added up, those that come to nothing go, and the rest stays sorted."""
    log, expected = PaneLog(), Counter()
    for number, entries in enumerate(added):
        for pane, slot, amount in entries:
            expected[pane, slot] += amount
        panes, slots, amounts = (np.array([entry[at] for entry in entries], np.int64) for at in range(3))
        log.append(panes, slots, amounts)
        if number % 2:
            log.merge()
    slots, amounts = log.between(0, end)
    inside = np.zeros(4, np.int64)
    np.add.at(inside, slots, amounts)
    assert inside.tolist() == [
        sum(amount for (pane, at), amount in expected.items() if at == slot and pane < end) for slot in range(4)
    ]
    panes, slots, amounts = log.panes()
    found = list(zip(panes.tolist(), slots.tolist(), amounts.tolist(), strict=True))
    assert found == sorted((pane, slot, amount) for (pane, slot), amount in expected.items() if amount)
