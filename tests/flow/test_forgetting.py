"""A forgotten person leaves no id behind, whatever crashes when; every figure is as if two persons had been there."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
import zstandard
from agreement import differences, kpis, meaning
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kpi_oracle import oracle
from kpi_oracle.clock import instant_ms
from kpi_oracle.logs import generate

from streams import checkpoint as checkpoints
from streams import deltas, ids
from streams.checkpoint import Checkpointer, restore
from streams.forgetting import Order, home_of, new_order, read_order, write_order
from streams.forgotten import OutdatedWorkerError, Watch
from streams.manifest import Epoch, entry_key, is_manifest, manifest_key, newest
from streams.partition import Misplaced, PartitionState, Refused

NOW_MS = instant_ms("2026-06-15T13:37:20.250Z")
DAY = 86_400_000
TOPICS = ("crm-events", "customer-events")
SECRET = "secret-"

Event = dict[str, Any]


class Partition:
    """A partition of two topics, its changelog, and whoever owns it."""

    def __init__(self, topics: dict[str, list[bytes]]) -> None:
        self.topics = topics
        self.stored: dict[bytes, bytes] = {}
        self.generation = 0
        self.take_over()

    def take_over(self) -> None:
        self.generation += 1
        self.state = PartitionState(meaning(), 0, 1, horizon_ms=10**15)
        self.state.forgetting.sources = frozenset(self.topics)
        plan = newest(self.stored, 0)
        loaded = restore(self.state, plan, self.stored) if plan is not None else None
        needed = plan.keys(0) | {manifest_key(0, Epoch(*plan.epoch))} if plan else set()
        orphans = self.stored.keys() - needed
        self.writer = Checkpointer(0, Epoch(0, self.generation), plan, loaded, orphans, self.stored)
        self.positions = dict(plan.offsets) if plan else dict.fromkeys(self.topics, 0)

    def read(self, topic: str, count: int) -> list[Refused | Misplaced]:
        begin = self.positions[topic]
        values = self.topics[topic][begin : begin + count]
        self.positions[topic] += len(values)
        return self.state.arrive(values, range(begin * 1000, (begin + len(values)) * 1000, 1000), topic)

    def save(self, crash_after: int | None = None) -> bool:
        draft = self.writer.draft(self.state, self.positions).pack()
        for number, (key, value) in enumerate([*draft.entries, draft.manifest]):
            if number == crash_after:
                return False
            self.stored[key] = value
        superseded = self.writer.settle(draft)
        for key in superseded:
            self.stored.pop(key, None)
        self.writer.deleted(superseded)
        return True

    @property
    def is_read(self) -> bool:
        return all(self.positions[topic] == len(log) for topic, log in self.topics.items())

    def held(self) -> bytes:
        """All that the changelog holds, readable."""
        plan = newest(self.stored, 0)
        assert plan is not None
        held = [value for key, value in self.stored.items() if is_manifest(key)]
        named = set()
        for part, piece in plan.entries():
            keys = [entry_key(0, part, piece, index) for index in range(piece.pieces)]
            named.update(keys)
            held.append(zstandard.ZstdDecompressor().decompress(b"".join(self.stored[key] for key in keys)))
        assert {key for key in self.stored if not is_manifest(key)} == named
        return b"\n".join(held)


def in_secret(event: Event, name: str) -> Event:
    """An event of somebody whose every id can be looked for."""
    hidden = {key: f"{SECRET}{event[key]}" for key in ("event_id", "order_id", "lead_id") if event.get(key)}
    return {**event, **hidden, "customer_id": name}


def lives(events: Iterable[Event], cuts: dict[str, tuple[int, Order]]) -> tuple[list[bytes], list[Event]]:
    """A topic with an order after so many of each person's events, and its events with another name for each life."""
    seen: dict[str, int] = {}
    records, told = [], []
    for event in events:
        customer = event.get("customer_id", "")
        if customer in cuts:
            cut, order = cuts[customer]
            if seen.get(customer, 0) == cut:
                records.append(write_order(order))
            life = 1 if seen.get(customer, 0) < cut else 2
            seen[customer] = seen.get(customer, 0) + 1
            told.append({**event, "customer_id": f"{customer} in life {life}"})
        else:
            told.append(event)
        records.append(json.dumps(event).encode())
    for customer, (cut, order) in cuts.items():
        if seen.get(customer, 0) <= cut:
            records.append(write_order(order))
    return records, told


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000), st.booleans())
def test_crashes_at_any_message_forget_once_and_bring_nobody_back(seed: int, comes_back: bool) -> None:
    """Two topics in any interleaving, checkpoints cut off anywhere: figures of two lives, no id in the changelog."""
    chance = random.Random(seed)
    log = [
        event
        for event in generate(seed, customers=8, days=450, duplicates=0)
        if instant_ms(event["occurred_at"]) <= NOW_MS
    ]
    named = sorted({event["customer_id"] for event in log if "customer_id" in event})
    customers = {customer: f"{SECRET}{number}." for number, customer in enumerate(named[:3])}
    log = [in_secret(event, name) if (name := customers.get(event.get("customer_id", ""))) else event for event in log]
    split: dict[str, list[Event]] = {topic: [] for topic in TOPICS}
    for event in log:
        split[chance.choice(TOPICS)].append(event)
    orders = {name: new_order(name, TOPICS) for name in customers.values()}
    told: list[Event] = []
    topics: dict[str, list[bytes]] = {}
    for topic, events in split.items():
        cuts = {name: (chance.randrange(12) if comes_back else len(log), order) for name, order in orders.items()}
        topics[topic], of_topic = lives(events, cuts)
        told += of_topic
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "BLOCK_ROWS", 4)
        patch.setattr(ids, "MERGED_SEGMENTS", 3)
        patch.setattr(deltas, "JOINED", 3)
        partition = Partition(topics)
        tick = NOW_MS - 60 * DAY
        while not partition.is_read:
            assert partition.read(chance.choice(TOPICS), chance.randrange(1, 40)) == []
            tick = min(tick + chance.randrange(10 * DAY), NOW_MS)
            partition.state.advance(tick)
            written = partition.save(chance.choice([None, None, 0, 1, 2, 3, 5, 8]))
            if not written or chance.random() < 0.2:
                partition.take_over()
        partition.state.advance(NOW_MS)
        assert partition.state.forgetting.leaving == []
        assert partition.save()
        came_back = {name for name in orders if any(event.get("customer_id") == f"{name} in life 2" for event in told)}
        assert came_back == set(partition.state.fold.persons.ids) & orders.keys()
        for name in set(orders) - came_back:
            assert name.encode() not in partition.held()
        assert (SECRET.encode() in partition.held()) == bool(came_back)
        partition.take_over()
    expected = oracle.compute(told, NOW_MS)
    figures = kpis([partition.state])
    assert not differences(figures["windows"], expected["windows"])
    assert not differences(figures["slices"], expected["slices"])


def event(kind: str, customer: str, number: int, **fields: Any) -> bytes:
    at = f"2026-01-{1 + number:02}T12:00:00Z"
    return json.dumps(
        {"type": kind, "event_id": f"e-{number}", "customer_id": customer, "occurred_at": at, **fields}
    ).encode()


def bought(customer: str, number: int) -> bytes:
    return event("purchase", customer, number, order_id=f"o-{number}", total={"amount": "1.00", "currency": "EUR"})


def test_what_only_looks_like_an_order_is_a_bad_event() -> None:
    """It is refused, counted and put among the dead letters, like anything that isn't an event."""
    state = PartitionState(meaning())
    order = msgspec.to_builtins(new_order("c-1", TOPICS))
    for broken in (
        {"customer_id": ""},
        {"customer_id": "x" * 129},
        {"order": "c-1"},
        {"topics": None},
        {"customer_id": "e\u0301"},
    ):
        (outcome,) = state.arrive([json.dumps({**order, **broken}, ensure_ascii=False).encode()], [0])
        assert isinstance(outcome, Refused), broken
    assert sum(state.counts.rejected.values()) == 5
    assert state.forgetting.heard == []
    with pytest.raises(ValueError, match="no customer id"):
        new_order("a\nb", TOPICS)
    assert read_order(write_order(new_order("e\u0301", TOPICS))).customer_id == "\u00e9"  # type: ignore[union-attr]


def test_an_order_in_the_wrong_partition_is_sent_on() -> None:
    """As an event is: whoever writes orders with another partitioner reaches the person all the same."""
    order = new_order("c-1", TOPICS)
    home = home_of(order, 4)
    elsewhere = PartitionState(meaning(), (home + 1) % 4, 4)
    assert elsewhere.arrive([write_order(order)], [0]) == [Misplaced(0, "c-1", home)]
    at_home = PartitionState(meaning(), home, 4)
    assert at_home.arrive([write_order(order)], [0]) == []
    assert at_home.forgetting.heard == [order.order]


def test_a_retried_event_from_before_the_order_brings_nobody_back() -> None:
    """Its identity is a hash that stays for the deduplication horizon."""
    state = PartitionState(meaning(), horizon_ms=DAY)
    state.arrive([bought("c-1", 1), write_order(new_order("c-1", [""])), bought("c-1", 1)], [0, 1, 2])
    assert "c-1" not in state.fold.persons.ids
    assert state.counts.duplicates == 1
    state.arrive([bought("c-1", 2)], [3])
    state.advance(NOW_MS)
    assert "c-1" in state.fold.persons.ids
    assert len(state.fold.persons) == 2


def test_an_order_that_comes_again_begins_no_loop_and_breaks_no_row() -> None:
    """A mirrored topic may hold it twice: ids of rows stay different, and sums are what they were."""
    state = PartitionState(meaning(), horizon_ms=DAY)
    order = write_order(new_order("c-1", [""]))
    for number, record in enumerate([bought("c-1", 1), order, bought("c-1", 2), order, order]):
        state.arrive([record], [number])
        state.advance(NOW_MS)
    persons = state.fold.persons
    assert len({persons.ids[row] for row in range(len(persons))}) == len(persons) == 2
    assert kpis([state])["windows"]["365d"]["orders"] == 2
    assert "c-1" not in persons.ids


def test_who_waits_for_an_order_hears_what_is_left_until_nothing_is() -> None:
    """Message by message of the changelog; done is said once nothing superseded lies there, and not before."""
    partition = Partition({"customer-events": [bought("c-1", 1), write_order(order := new_order("c-1", TOPICS))]})
    partition.read("customer-events", 1)
    partition.state.advance(NOW_MS)
    assert partition.save()
    watch = Watch(0, order, {"customer-events": 1})
    assert "no checkpoint" in watch.left()
    for message in partition.stored.items():
        watch.read(*message)
    assert "no checkpoint" in watch.left()

    partition.state.forgetting.serves_profiles = True
    partition.read("customer-events", 1)
    partition.state.advance(NOW_MS)

    def told() -> list[str]:
        draft = partition.writer.draft(partition.state, partition.positions).pack()
        said = []
        for message in [*draft.entries, draft.manifest]:
            watch.read(*message)
            said.append(watch.left())
        for key in partition.writer.settle(draft):
            watch.read(key, None)
            said.append(watch.left())
        return said

    said = told()
    assert "no checkpoint" in said[0]
    assert len(said) == 3
    assert all("the profile isn't deleted" in each for each in said[-2:])
    partition.state.forgetting.profile_gone("c-1")
    watch.read(b"0/00000000.0000000001/0000000001/delta/0", b"what couldn't be deleted yet")
    partition.stored[b"0/00000000.0000000001/0000000001/delta/0"] = b""
    assert "1 superseded entries" in told()[0]
    watch.read(b"0/00000000.0000000001/0000000001/delta/0", None)
    watch.read(b"0/00000000.0000000001/0000000009/delta/0", b"of a checkpoint under way")
    assert watch.left() == ""
    assert partition.state.forgetting.leaving == partition.state.forgetting.profiles == []


def test_an_order_that_an_older_worker_took_for_a_bad_event_is_said_to_be_lost() -> None:
    """Its checkpoint goes past the order and hasn't heard it: nobody is told that the person is forgotten."""
    partition = Partition({"customer-events": [bought("c-1", 1), b"{}"]})
    partition.read("customer-events", 2)
    partition.state.advance(NOW_MS)
    assert partition.save()
    watch = Watch(0, new_order("c-1", TOPICS), {"customer-events": 1})
    for message in partition.stored.items():
        watch.read(*message)
    with pytest.raises(OutdatedWorkerError, match="Upgrade all workers"):
        watch.left()


def test_an_event_that_waits_as_the_order_comes_finds_the_persons_lead() -> None:
    """The lead is known by its id until nothing of the person is to come, over a takeover as well: one, not two."""
    lead = [event("lead", "c-1", number, lead_id="l-1", stage=stage) for number, stage in ((1, "new"), (20, "won"))]
    partition = Partition({"customer-events": [*lead, write_order(new_order("c-1", ["customer-events"]))]})
    partition.read("customer-events", 1)
    partition.state.advance(instant_ms("2026-01-10T00:00:00Z"))
    partition.read("customer-events", 2)
    assert partition.save()
    assert b"l-1" in partition.held()
    assert b"c-1" not in partition.held()
    partition.take_over()
    partition.state.advance(NOW_MS)
    assert kpis([partition.state])["windows"]["365d"]["leads"] == 1
    assert partition.save()
    assert b"l-1" not in partition.held()
