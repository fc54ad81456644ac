"""A partition put together from a checkpoint is the partition that wrote it, wherever it is cut."""

from __future__ import annotations

import random
from typing import Any

import pytest
from agreement import differences, kpis, lines, meaning
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kpi_oracle import oracle
from kpi_oracle.clock import instant_ms
from kpi_oracle.logs import generate

from streams import checkpoint as checkpoints
from streams import deltas, entries, ids
from streams.checkpoint import Checkpointer, restore
from streams.manifest import Epoch, StateRefusedError, manifest_key, newest
from streams.partition import PartitionState

NOW_MS = instant_ms("2026-06-15T13:37:20.250Z")
DAY = 86_400_000


class Changelog:
    """What a broker would hold: a map that keeps the last value of each key, and deletes on request."""

    def __init__(self) -> None:
        self.stored: dict[bytes, bytes] = {}

    def write(
        self, writer: Checkpointer, state: PartitionState, offset: int, *, crash_after: int | None = None
    ) -> bool:
        """Write a checkpoint; stop after some messages if told to, and return whether it was completed."""
        draft = writer.draft(state, {"customer-events": offset}).pack()
        messages = [*draft.entries, draft.manifest]
        for index, (key, value) in enumerate(messages):
            if index == crash_after:
                return False
            self.stored[key] = value
        superseded = writer.settle(draft)
        for key in superseded:
            self.stored.pop(key, None)
        writer.deleted(superseded)
        assert (writer.live_bytes, writer.superseded_bytes) == (
            sum(len(key) + len(value) for key, value in self.stored.items()),
            0,
        )
        return True

    def load(self, epoch: Epoch, **settings_of_state: Any) -> tuple[PartitionState, Checkpointer, int]:
        """Return the state that a new owner finds, and from which offset it reads on."""
        state = PartitionState(meaning(**settings_of_state), 0, 1, horizon_ms=30 * DAY)
        plan = newest(self.stored, 0)
        loaded = restore(state, plan, self.stored) if plan is not None else None
        needed = plan.keys(0) | {manifest_key(0, Epoch(*plan.epoch))} if plan else set()
        writer = Checkpointer(0, epoch, plan, loaded, self.stored.keys() - needed, self.stored)
        return state, writer, plan.offsets["customer-events"] if plan else 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_crashes_at_any_message_of_any_checkpoint_lose_and_double_nothing(seed: int, chance: random.Random) -> None:
    """Events flow, checkpoints are cut off anywhere, owners follow one another: the figures are the oracle's."""
    log = generate(seed, customers=8, days=450, duplicates=0.1)
    messages = lines(log)
    changelog = Changelog()
    generation = 1
    state, writer, position = changelog.load(Epoch(0, generation))
    tick = NOW_MS - 60 * DAY
    while position < len(messages):
        step = chance.randrange(1, 60)
        state.arrive(messages[position : position + step], range(position * 1000, (position + step) * 1000, 1000))
        position = min(position + step, len(messages))
        tick = min(tick + chance.randrange(10 * DAY), NOW_MS)
        state.advance(tick)
        crash = chance.choice([None, None, 0, 1, 2, 3, 5, 8])
        written = changelog.write(writer, state, position, crash_after=crash)
        if not written or chance.random() < 0.2:
            generation += 1
            state, writer, position = changelog.load(Epoch(0, generation))
            assert newest(changelog.stored, 0) is None or state.now_ms >= 0
    state.advance(NOW_MS)
    expected = oracle.compute(log, NOW_MS)
    assert not differences(kpis([state])["windows"], expected["windows"])
    assert not differences(kpis([state])["slices"], expected["slices"])


def test_a_restored_partition_equals_the_one_that_wrote_it_in_every_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small blocks and many checkpoints: rows come back through blocks, deltas and both."""
    monkeypatch.setattr(checkpoints, "BLOCK_ROWS", 4)
    monkeypatch.setattr(ids, "MERGED_SEGMENTS", 3)
    monkeypatch.setattr(deltas, "JOINED", 3)
    monkeypatch.setattr(entries, "LARGEST_MESSAGE", 300)
    log = lines(generate(5, customers=30, days=400))
    changelog = Changelog()
    state, writer, _ = changelog.load(Epoch(0, 1))
    for start in range(0, len(log), 20):
        state.arrive(log[start : start + 20], range(start, start + 20))
        state.advance(NOW_MS - 100 * DAY + start * DAY // 10)
        assert changelog.write(writer, state, start + 20)
        again, _, offset = changelog.load(Epoch(0, 2))
        assert offset == start + 20
        assert kpis([again]) == kpis([state])
        assert again.track.pack() == state.track.pack()
        assert len(again.dedupe) == len(state.dedupe)
        assert [item.raw for item in again.waiting] == [item.raw for item in state.waiting]


def test_what_no_manifest_needs_is_named_for_deletion() -> None:
    """After many checkpoints of a steady state the changelog doesn't grow."""
    log = lines(generate(6, customers=30, days=400))
    changelog = Changelog()
    state, writer, _ = changelog.load(Epoch(0, 1))
    sizes = []
    for round_ in range(150):
        state.arrive(log[round_ * 2 : round_ * 2 + 2], [round_, round_])
        state.advance(NOW_MS + round_ * 1000)
        assert changelog.write(writer, state, round_)
        sizes.append(len(changelog.stored))
    assert max(sizes[60:]) <= max(sizes[:60]) + 40


def test_what_a_crash_cut_off_is_deleted_by_the_next_owner() -> None:
    """Entries that no manifest ever named don't stay in the changelog for good."""
    log = lines(generate(6, customers=30, days=400))
    changelog = Changelog()
    for generation in range(1, 30):
        state, writer, position = changelog.load(Epoch(0, generation))
        state.arrive(log[position : position + 10], range(position, position + 10))
        state.advance(NOW_MS + position)
        if generation % 2:
            assert changelog.write(writer, state, position + 10)
            needed = writer.last.keys(0) if writer.last else set()
            assert changelog.stored.keys() == needed | {manifest_key(0, writer.epoch)}
        else:
            changelog.write(writer, state, position + 10, crash_after=1)


def test_the_highest_epoch_wins_over_a_late_writer() -> None:
    """An owner that lost its partition writes on: its successor's checkpoint stays the one that counts."""
    log = lines(generate(7, customers=10, days=300))
    changelog = Changelog()
    old_state, zombie, _ = changelog.load(Epoch(0, 1))
    old_state.arrive(log[:50], range(50))
    old_state.advance(NOW_MS)
    assert changelog.write(zombie, old_state, 50)
    new_state, successor, position = changelog.load(Epoch(0, 2))
    new_state.arrive(log[position:], range(position, len(log)))
    new_state.advance(NOW_MS)
    assert changelog.write(successor, new_state, len(log))
    old_state.arrive(log[50:70], range(50, 70))
    old_state.advance(NOW_MS)
    draft = zombie.draft(old_state, {"customer-events": 70}).pack()
    changelog.stored.update([*draft.entries, draft.manifest])
    state, _, offset = changelog.load(Epoch(0, 3))
    assert offset == len(log)
    assert kpis([state]) == kpis([new_state])


def test_an_epoch_rises_even_when_the_groups_generation_falls_back() -> None:
    """A group that was forgotten starts at generation 1 again; its owner still comes after the last."""
    last = Epoch(0, 17)
    assert Epoch(1, 1) == last.after(1) > last
    assert Epoch(0, 18) == last.after(18) > last
    assert str(last) < str(last.after(1)) < str(last.after(1).after(2))


def test_state_kept_under_other_settings_is_refused_with_the_setting_named() -> None:
    """Another time zone would cut the days otherwise: the partition isn't loaded, and the remedy is named."""
    changelog = Changelog()
    state, writer, _ = changelog.load(Epoch(0, 1))
    state.arrive(lines(generate(8, customers=5)), range(100_000))
    state.advance(NOW_MS)
    changelog.write(writer, state, 1)
    with pytest.raises(StateRefusedError, match=r"timezone was 'UTC' and is now 'Asia/Tehran'.*tapesh rebuild"):
        changelog.load(Epoch(0, 2), timezone="Asia/Tehran")


def test_a_checkpoint_with_a_missing_entry_is_refused() -> None:
    """An entry that the manifest names and nobody holds means that state was lost: never go on without it."""
    changelog = Changelog()
    state, writer, _ = changelog.load(Epoch(0, 1))
    state.arrive(lines(generate(9, customers=5)), range(100_000))
    state.advance(NOW_MS)
    changelog.write(writer, state, 1)
    del changelog.stored[next(key for key in changelog.stored if b"block-0" in key)]
    with pytest.raises(StateRefusedError, match="block-0"):
        changelog.load(Epoch(0, 2))
