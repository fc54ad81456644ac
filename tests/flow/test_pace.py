"""Checkpoints come when a crash would cost much, and not when they would cost more than they save."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import meaning
from fake_log import TOPIC

from streams import checkpoint as checkpoints
from streams import deltas
from streams.checkpoint import Checkpointer, restore
from streams.deltas import Delta, join
from streams.holds import BOUNDS_S, STEPS, Holds
from streams.manifest import Epoch, newest
from streams.pace import Pace, Since
from streams.partition import PartitionState
from streams.settings.schema import Checkpoint

PACE = Checkpoint().pace
NOW_MS = 1_780_000_000_000


@pytest.mark.parametrize(
    ("since", "due"),
    [
        (Since(9.9, 10, 3_000, 0), False),
        (Since(10, 10, 3_000, 0), True),
        (Since(1, 200_000, 60_000_000, 0), True),
        (Since(1, 10, 64_000_000, 0), True),
        (Since(10, 10, 3_000, 5_000_000), False),
        (Since(299, 10, 3_000, 50_000_000), False),
        (Since(300, 10, 3_000, 50_000_000), True),
        (Since(10, 100_000, 30_000_000, 15_000_000), True),
    ],
)
def test_due_by_time_or_volume_if_it_is_worth_it_and_at_last_in_any_case(since: Since, due: bool) -> None:
    """The interval, the events or the bytes; unless the last one wrote more than has come in since."""
    assert PACE.is_due(since) is due


def test_an_interval_beyond_the_longest_wait_holds() -> None:
    """Who asks for an hour gets an hour."""
    pace = Pace(3600, 10**9, 10**9, 0.5, 300)
    assert not pace.is_due(Since(3599, 1, 1, 0))
    assert pace.is_due(Since(3600, 1, 1, 10**9))


def acquired(number: int) -> bytes:
    return (
        f'{{"type":"customer-acquired","event_id":"a{number}","customer_id":"c{number}",'
        f'"occurred_at":"2026-01-01T00:00:00Z"}}'
    ).encode()


def purchase(number: int, who: int) -> bytes:
    return (
        f'{{"type":"purchase","event_id":"p{number}","customer_id":"c{who}","occurred_at":"2026-01-02T00:00:00Z",'
        f'"order_id":"o{number}","total":{{"amount":"1.00","currency":"EUR"}}}}'
    ).encode()


def test_a_large_state_with_few_changes_writes_little_and_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three persons of two thousand change at a time: each checkpoint writes about them; the changelog stays."""
    monkeypatch.setattr(checkpoints, "BLOCK_ROWS", 64)
    state, writer, stored = PartitionState(meaning(), horizon_ms=1), Checkpointer(0, Epoch(0, 1)), dict[bytes, bytes]()
    state.advance(NOW_MS)
    state.arrive([acquired(number) for number in range(2000)], range(2000))
    written, most = [], 0
    for round_ in range(300):
        state.arrive([purchase(3 * round_ + n, (3 * round_ + n) * 37 % 2000) for n in range(3)], [10_000 + round_] * 3)
        state.advance(NOW_MS + round_)
        draft = writer.draft(state, {TOPIC: round_}).pack()
        stored.update([*draft.entries, draft.manifest])
        gone = writer.settle(draft)
        writer.deleted(gone)
        for key in gone:
            del stored[key]
        written.append(sum(len(value) for _, value in draft.entries))
        most = max(most, writer.live_bytes)
        assert len(draft.plan.deltas) < 30
    assert sum(written[1:]) / 299 < written[0] / 20
    assert most < 2.5 * written[0]
    again = PartitionState(meaning(), horizon_ms=1)
    plan = newest(stored, 0)
    assert plan is not None
    restore(again, plan, stored)
    again.advance(state.now_ms)
    assert again.report().sums.sum() == state.report().sums.sum()
    assert list(again.fold.persons.latest_ms) == list(state.fold.persons.latest_ms)


def test_holds_are_counted_as_prometheus_counts_them() -> None:
    """Each bucket holds all that was no longer; the longest is kept."""
    holds = Holds()
    for held_s in (0.001, 0.2, 0.25, 3.0):
        holds.note("draft", held_s)
    buckets = dict(holds.buckets("draft"))
    assert (buckets["0.005"], buckets["0.1"], buckets["0.25"], buckets["+Inf"]) == (1, 1, 3, 4)
    assert holds.longest_s == {**dict.fromkeys(STEPS, 0.0), "draft": 3.0}
    assert len(buckets) == len(BOUNDS_S) + 1


def test_large_deltas_are_not_joined_and_small_ones_after_them_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture of a joined delta would hold the loop for long; the small ones that follow don't pile up for it."""
    monkeypatch.setattr(deltas, "MOST_ROWS", 100)
    nothing = np.empty(0, np.int64)
    known: list[Delta] = []
    largest = 0
    for version in range(200):
        rows = np.arange(90 if version < 20 else 3, dtype=np.int64)
        joined, rest = join(Delta(version, 0, rows, nothing, nothing, 0, nothing, nothing), known)
        known = [*rest, joined]
        largest = max(largest, len(joined.rows))
        assert [delta.version for delta in known] == sorted({delta.version for delta in known})
    assert largest <= 100
    assert len(known) < 20 + 25
