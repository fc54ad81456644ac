"""A customer id that thousands of events share (a test account, a guest) costs no more than others, and stays exact."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from agreement import differences, kpis, lines, meaning
from kpi_oracle import oracle
from kpi_oracle.clock import instant_ms
from kpi_oracle.logs import generate

from streams import fold, persons
from streams.checkpoint import Checkpointer, restore
from streams.manifest import Epoch, newest
from streams.partition import PartitionState

NOW_MS = instant_ms("2026-06-15T13:37:20.250Z")
EVENTS = 6_000


@pytest.mark.parametrize("seed", range(6))
def test_persons_kept_unpacked_give_the_oracles_figures(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody is hot, few at a time; ticks, checkpoints and takeovers in between; in any order."""
    monkeypatch.setattr(persons, "HOT_BYTES", 1)
    monkeypatch.setattr(persons, "MOST_HOT", 2)
    monkeypatch.setattr(fold, "_MANY", 0)
    chance = random.Random(seed)
    log = generate(seed, customers=5, days=450, duplicates=0.1)
    messages = lines(log)
    stored: dict[bytes, bytes] = {}
    state, writer = PartitionState(meaning(), horizon_ms=10**15), Checkpointer(0, Epoch(0, 1))
    tick, position = NOW_MS - 100 * 86_400_000, 0
    while position < len(messages):
        size = chance.randrange(1, 40)
        state.arrive(messages[position : position + size], range(position, position + size))
        position += size
        tick = min(NOW_MS, tick + chance.randrange(10**9))
        state.advance(tick)
        if chance.random() < 0.3:
            draft = writer.draft(state, {"customer-events": position}).pack()
            stored.update([*draft.entries, draft.manifest])
            writer.settle(draft)
        if stored and chance.random() < 0.1:
            draft = writer.draft(state, {"customer-events": position}).pack()
            stored.update([*draft.entries, draft.manifest])
            plan = newest(stored, 0)
            assert plan is not None
            state = PartitionState(meaning(), horizon_ms=10**15)
            writer = Checkpointer(0, Epoch(*plan.epoch).after(plan.epoch[1] + 1), plan, restore(state, plan, stored))
    state.advance(NOW_MS)
    expected = oracle.compute(log, NOW_MS)
    assert not differences(kpis([state])["windows"], expected["windows"])


def lead(number: int) -> dict[str, Any]:
    return {"type": "lead", "lead_id": f"l{number}", "stage": "qualified"}


def one_lead(number: int) -> dict[str, Any]:
    return {"type": "lead", "lead_id": "l", "cost": {"amount": f"{number % 9}.00", "currency": "EUR"}}


def transition(number: int) -> dict[str, Any]:
    return {"type": "cancellation"} if number % 2 else {"type": "customer-acquired", "channel": "web"}


def membership(number: int) -> dict[str, Any]:
    return {"type": "loyalty-activity", "action": "left" if number % 2 else "enrolled"}


def processor_s(kind: Any, customer: Callable[[int], str]) -> float:
    """Processor time that thousands of events of a kind take, each of the customer who goes by its number."""
    log = [
        {
            **kind(number),
            "event_id": f"e{number}",
            "customer_id": customer(number),
            "occurred_at": f"2026-0{number // 2000 + 1}-{number // 100 % 20 + 1:02}"
            f"T{number % 100 // 5:02}:{number % 5}0:00Z",
        }
        for number in range(EVENTS)
    ]
    state = PartitionState(meaning(), horizon_ms=10**12)
    state.advance(NOW_MS)
    began = time.process_time()
    for start in range(0, EVENTS, 500):
        state.arrive([json.dumps(event).encode() for event in log[start : start + 500]], range(start, start + 500))
        state.advance(NOW_MS + start)
    return time.process_time() - began


@pytest.mark.parametrize("kind", [lead, one_lead, transition, membership])
def test_thousands_of_events_of_one_person_cost_about_what_those_of_many_cost(kind: Any) -> None:
    """Each would take back and contribute thousands of lifetimes or leads: hours for what takes a second."""
    of_many = processor_s(kind, lambda number: f"customer-{number}")
    assert processor_s(kind, lambda _number: "one") < 10 * of_many
