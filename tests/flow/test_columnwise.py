"""A recovery contributes everybody at once, from columns: key by key what the fold contributes one by one."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from agreement import lines, meaning
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kpi_oracle.clock import instant_ms
from kpi_oracle.logs import generate
from kpi_oracle.small_logs import event_logs

from streams import columnwise, persons
from streams.panes import DAY_MS
from streams.partition import PartitionState
from streams.sums import RangeError

NOW = "2026-06-15T13:37:20.250Z"
NOW_MS = instant_ms(NOW)
PLACES = [
    ("UTC", "gregorian"),
    ("Asia/Tehran", "jalali"),
    ("Asia/Kathmandu", "gregorian"),
    ("America/New_York", "gregorian"),
]


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnwise, "_ROWS_A_STEP", 3)


def one_by_one(state: PartitionState) -> dict[int, int]:
    """What everybody contributes, as the fold does it for whoever has changed."""
    fold = state.fold
    fold.derived.clear()
    for row in range(len(fold.persons)):
        history = fold.persons.history(row)
        fold._contributions.lifecycle(row, history, 1)
        fold._contributions.buying(row, history, 1)
    return {key: amount for key, amount in fold.derived.items() if amount}


def at_once(state: PartitionState) -> dict[int, int]:
    """What a recovery makes of the same state."""
    fold, total = state.fold, dict[int, int]()
    fold.derived.clear()
    for keys, amounts in fold.contribute_all():
        for key, amount in zip(keys.tolist(), amounts.tolist(), strict=True):
            total[key] = total.get(key, 0) + amount
    for key, amount in fold.derived.items():
        total[key] = total.get(key, 0) + amount
    return {key: amount for key, amount in total.items() if amount}


def state_of(log: list[dict[str, Any]], now_ms: int = NOW_MS, **settings_of_state: Any) -> PartitionState:
    """A partition that has taken in a log."""
    state = PartitionState(meaning(**settings_of_state), horizon_ms=10**15)
    messages = lines(log)
    state.arrive(messages, range(len(messages)))
    state.advance(now_ms)
    return state


@pytest.mark.parametrize(("timezone", "calendar"), PLACES)
@pytest.mark.parametrize("seed", range(5))
def test_everybody_at_once_contributes_what_each_does_alone(seed: int, timezone: str, calendar: str) -> None:
    """Logs of all event types, read at several instants, so that some lapses have come and others haven't."""
    chance = random.Random(seed)
    log = generate(seed, customers=25, days=450, timezone=timezone, calendar=calendar, varying_attributes=seed % 2 == 1)
    for now_ms in (NOW_MS, NOW_MS - chance.randrange(300 * DAY_MS)):
        state = state_of(log, now_ms, timezone=timezone, calendar=calendar, lapse_after_days=chance.choice([1, 30, 90]))
        expected = one_by_one(state)
        assert expected
        assert at_once(state) == expected


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_coincidences_contribute_alike(data: st.DataObject) -> None:
    """Ties, window starts, lapse midnights, persons known by leads alone; with and without a channel to slice by."""
    timezone, calendar = data.draw(st.sampled_from(PLACES))
    log = data.draw(event_logs(timezone=timezone, calendar=calendar, customers=4, varying_attributes=True))
    slices = data.draw(st.sampled_from([("channel", "segment", "country", "plan"), ("segment",), ()]))
    state = state_of(log, timezone=timezone, calendar=calendar, slices=slices)
    assert at_once(state) == one_by_one(state)


def test_long_histories_contribute_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Persons that are kept unpacked count as those whose histories are packed."""
    monkeypatch.setattr(persons, "HOT_BYTES", 1)
    monkeypatch.setattr(persons, "MOST_HOT", 4)
    state = state_of(generate(7, customers=20, days=450))
    assert at_once(state) == one_by_one(state)


def test_a_sum_that_64_bits_cannot_hold_is_refused() -> None:
    """Added up in arrays it would wrap without a word."""
    state = state_of(generate(1, customers=4, days=30))
    keys = np.full(3, 1 << 40, np.int64)
    with pytest.raises(RangeError):
        state.sums.add_gathered(keys, np.full(3, 2**62, np.int64), state.fold.slices.matrix())
