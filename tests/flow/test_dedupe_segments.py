"""Ids in segments are judged as a dict would judge them, in a fraction of its memory."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from agreement import meaning
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import dedupe as deduplication
from streams import ids
from streams.checkpoint import Checkpointer, restore
from streams.dedupe import Deduplicator, Verdict
from streams.manifest import Epoch, newest
from streams.partition import PartitionState
from streams.segments import Halves, Segment

HORIZON_MS = 1000
WHEN = "2026-06-01T12:00:00Z"


def refund(number: int, minor: int = 1) -> bytes:
    """A refund with an id of its own."""
    return (
        f'{{"type":"refund","event_id":"r{number}","customer_id":"c1","occurred_at":"{WHEN}","order_id":"o",'
        f'"total":{{"amount":"0.{minor:02}","currency":"EUR"}}}}'
    ).encode()


class Naive:
    """What deduplication is, in three lines of dict."""

    def __init__(self) -> None:
        self.seen: dict[int, tuple[int, int]] = {}

    def judge(self, number: int, minor: int, at_ms: int) -> Verdict:
        known = self.seen.get(number)
        if known is not None and abs(at_ms - known[0]) <= HORIZON_MS:
            return Verdict.DUPLICATE if known[1] == minor else Verdict.DIFFERENT
        self.seen[number] = (at_ms, minor)
        return Verdict.NEW


STEPS = st.lists(
    st.tuples(st.sampled_from(["chunk", "chunk", "cut", "restart", "pause"]), st.integers(1, 12)),
    min_size=1,
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.randoms(use_true_random=False))
def test_verdicts_are_a_dicts_across_cuts_merges_restarts_and_forgetting(
    steps: list[tuple[str, int]], chance: random.Random
) -> None:
    """Whatever a chunk repeats, of itself, of recent chunks, of segments merged or loaded, or of what is over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids, "MERGED_SEGMENTS", 3)
        patch.setattr(ids, "_FEWEST", 2)
        patch.setattr(deduplication, "RECENT_IDS", 5)
        _compare(steps, chance)


def _compare(steps: list[tuple[str, int]], chance: random.Random) -> None:
    stored: dict[bytes, bytes] = {}
    naive, clock, generation = Naive(), 0, 1
    state = PartitionState(meaning(), horizon_ms=HORIZON_MS)
    writer = Checkpointer(0, Epoch(0, 1))
    for step, size in steps:
        if step == "pause":
            clock += size * 150
        elif step == "chunk":
            drawn = [(chance.randrange(30), chance.choice((1, 1, 2)), clock + 10 * n) for n in range(size)]
            clock += 10 * size
            expected = [naive.judge(*each) for each in drawn]
            before = (state.counts.duplicates, state.counts.different)
            state.arrive([refund(number, minor) for number, minor, _ in drawn], [at_ms for _, _, at_ms in drawn])
            after = (state.counts.duplicates, state.counts.different)
            assert after[0] - before[0] == sum(verdict is not Verdict.NEW for verdict in expected)
            assert after[1] - before[1] == sum(verdict is Verdict.DIFFERENT for verdict in expected)
        else:
            draft = writer.draft(state, {"customer-events": clock}).pack()
            stored.update([*draft.entries, draft.manifest])
            gone = writer.settle(draft)
            writer.deleted(gone)
            for key in gone:
                del stored[key]
        if step == "restart":
            plan = newest(stored, 0)
            assert plan is not None
            generation += 1
            state = PartitionState(meaning(), horizon_ms=HORIZON_MS)
            loaded = restore(state, plan, stored)
            writer = Checkpointer(0, Epoch(0, generation), plan, loaded, (), stored)


def an_id(chance: np.random.Generator, count: int) -> Any:
    return chance.integers(0, 2**64, count, dtype=np.uint64)


def test_two_ids_alike_in_one_half_are_told_apart() -> None:
    """Among thousands of millions it happens; each keeps what is known of it, whichever comes first."""
    high = np.array([7, 7, 7, 9], np.uint64)
    low = np.array([3, 1, 2, 1], np.uint64)
    segment = Segment.sorted(high, low, np.array([30, 10, 20, 90]), np.array([3, 1, 2, 9], np.uint32))
    asked = Halves.of(
        b"".join(
            int(h).to_bytes(8, "big") + int(n).to_bytes(8, "big") for h, n in [(7, 2), (7, 4), (7, 3), (9, 1), (9, 2)]
        )
    )
    places, rows = segment.find(asked)
    assert {int(place): segment.known(int(row)).record_ms for place, row in zip(places, rows, strict=True)} == {
        0: 20,
        2: 30,
        3: 90,
    }


def test_of_an_id_that_came_twice_the_later_one_counts() -> None:
    """It was seen anew after the horizon, and both segments are merged: what came later is known."""
    one = Segment.sorted(
        np.array([5], np.uint64), np.array([6], np.uint64), np.array([9_000]), np.array([1], np.uint32)
    )
    two = Segment.sorted(np.array([5], np.uint64), np.array([6], np.uint64), np.array([100]), np.array([2], np.uint32))
    merged = Segment.concatenate([one, two])
    assert len(merged) == 1
    assert merged.known(0) == (100, 2)


def test_a_filter_lets_hardly_any_new_id_through() -> None:
    """What isn't there costs one look; what is there is always found."""
    chance = np.random.default_rng(3)
    high, low = an_id(chance, 50_000), an_id(chance, 50_000)
    segment = Segment.sorted(high, low, np.arange(50_000), np.zeros(50_000, np.uint32))
    there = Halves.of(np.stack([high, low], axis=1).astype(">u8").tobytes())
    assert len(segment.find(there)[0]) == 50_000
    elsewhere = Halves.of(an_id(chance, 100_000).tobytes())
    assert len(segment.find(elsewhere)[0]) == 0
    word = segment.filter[elsewhere.low >> np.uint64(segment.shift)]
    assert (word & elsewhere.bits == elsewhere.bits).mean() < 0.01


def test_an_id_takes_less_than_50_bytes() -> None:
    """Hundreds of thousands of them, through checkpoints and between; the figure is what the arrays take."""
    dedupe = Deduplicator(10**9)
    for first in range(0, 300_000, 1_000):
        keys = [number.to_bytes(8, "big") * 2 for number in range(first, first + 1_000)]
        assert dedupe.judge_keys(keys, [1] * len(keys), np.arange(first, first + len(keys))) == {}
        dedupe.tidy()
        if first % 50_000 == 49_000:
            dedupe.cut()
    assert len(dedupe) == 300_000
    assert dedupe.size_bytes / len(dedupe) < 35


def test_segments_are_few_and_span_little_more_than_the_horizon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merged again and again while ids come and go, there are dozens; what is over goes an eighth later at most."""
    monkeypatch.setattr(ids, "MERGED_SEGMENTS", 4)
    state, writer = PartitionState(meaning(), horizon_ms=HORIZON_MS), Checkpointer(0, Epoch(0, 1))
    most = 0
    for number in range(600):
        state.arrive([refund(number)], [number * 10])
        draft = writer.draft(state, {"customer-events": number}).pack()
        writer.deleted(writer.settle(draft))
        assert writer.last is not None
        most = max(most, len(writer.last.ids))
    assert most < 40
    assert HORIZON_MS // 10 <= len(state.dedupe) <= HORIZON_MS // 10 * 9 // 8 + 10
