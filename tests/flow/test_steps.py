"""A tick's work is done in bounded steps: records arrive and checkpoints are taken between them, and nothing shows."""

from __future__ import annotations

import itertools
import random

import pytest
from agreement import kpis, lines, meaning
from kpi_oracle.clock import instant_ms
from kpi_oracle.logs import generate
from test_slices_merge import HOUR, event, purchase

from streams import fold, partition
from streams.checkpoint import Checkpointer, restore
from streams.manifest import Epoch, newest
from streams.partition import PartitionState

NOW_MS = instant_ms("2026-06-15T13:37:20.250Z")
DAY = 86_400_000


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition, "STEP", 3)
    monkeypatch.setattr(partition, "_MUCH", 20)
    monkeypatch.setattr(fold, "_LAPSES_A_STEP", 1)


def test_what_waits_is_folded_step_by_step() -> None:
    """A bounded number of events each; the sums are the tick's only after the last."""
    log = lines(generate(3, customers=5))
    state = PartitionState(meaning(), horizon_ms=10**12)
    state.arrive(log, range(len(log)))
    waiting = len(state.waiting)
    counts = [len(state.waiting_raw()) for _ in state.steps(NOW_MS)]
    assert counts[0] == waiting - 3
    assert max(before - after for before, after in itertools.pairwise(counts)) <= 3


@pytest.mark.parametrize("seed", range(12))
def test_arrivals_and_takeovers_between_steps_do_not_show(seed: int) -> None:
    """Ticks are left half done, states are saved and loaded in the middle: the figures are those of one go."""
    chance = random.Random(seed)
    log = lines(generate(seed, customers=6, days=420, duplicates=0.1))
    whole = PartitionState(meaning(), horizon_ms=10**12)
    whole.arrive(log, range(len(log)))
    whole.advance(NOW_MS)
    state, writer, generation = PartitionState(meaning(), horizon_ms=10**12), Checkpointer(0, Epoch(0, 1)), 1
    stored: dict[bytes, bytes] = {}
    position, tick = 0, NOW_MS - 300 * DAY
    while position < len(log) or tick < NOW_MS:
        for _ in state.steps(tick):
            step = chance.randrange(4)
            state.arrive(log[position : position + step], range(position, min(position + step, len(log))))
            position = min(position + step, len(log))
            if chance.random() < 0.02:
                break  # another tick goes on
            if chance.random() < 0.05:
                state.settle()
                draft = writer.draft(state, {"customer-events": position}).pack()
                stored.update([*draft.entries, draft.manifest])
                for key in writer.settle(draft):
                    stored.pop(key, None)
                plan = newest(stored, 0)
                assert plan is not None
                generation += 1
                state = PartitionState(meaning(), horizon_ms=10**12)
                writer = Checkpointer(0, Epoch(0, generation), plan, restore(state, plan, stored), (), stored)
                break
        else:
            tick = min(tick + chance.randrange(1, 20 * DAY), NOW_MS)
            state.arrive(log[position : position + 5], range(position, min(position + 5, len(log))))
            position = min(position + 5, len(log))
    state.advance(NOW_MS)
    assert kpis([state])["windows"] == kpis([whole])["windows"]


def test_what_arrives_between_steps_does_not_overtake_an_acquisition_that_waits() -> None:
    """All wait for the first tick, acquisitions too: orders that come meanwhile would stay a stranger's."""
    crowd = [f"c{number}" for number in range(40)]
    acquired = [event("customer-acquired", number, one, 50 * HOUR, channel="web") for number, one in enumerate(crowd)]
    orders = [purchase(number, crowd[-1], (40 - number) * HOUR) for number in range(30)]
    state = PartitionState(meaning())
    state.arrive(lines(acquired), [NOW_MS] * len(acquired))
    left = list(orders)
    for _ in state.steps(NOW_MS):
        batch, left = left[:7], left[7:]
        state.arrive(lines(batch), [NOW_MS] * len(batch))
    assert not left
    state.advance(NOW_MS)
    found = kpis([state])["slices"]["channel"]
    assert {value: of["lifetime"]["orders"] for value, of in found.items()} == {"web": len(orders)}
    assert state.counts.unmoved == 0
