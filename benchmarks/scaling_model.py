"""What a deployment needs, reckoned from what was measured: workers, partitions, memory, network, recovery.

A model of straight lines: an event costs so much processor time, a customer and an id so much memory, an answer to a
tick so much of the KPI agent. Each constant is read from a benchmark's results. Where a line was measured it is right
by measurement; beyond, it says what would be, if nothing else got in the way, and `limits` says what would.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import figures
from benchmarks.figures import Kept
from streams.rounds import FULL_SHARE

DAY_S = 86_400
MIB, GIB = 2**20, 2**30


@dataclass(frozen=True, slots=True)
class Line:
    """A cost that grows with something: `fixed + each * so many`."""

    fixed: float
    each: float

    def at(self, many: float) -> float:
        """Return the cost of so many."""
        return self.fixed + self.each * many

    @classmethod
    def through(cls, points: Sequence[tuple[float, float]]) -> Line:
        """Return the straight line that fits points best; neither part is less than 0."""
        mean_x, mean_y = (sum(each) / len(points) for each in zip(*points, strict=True))
        spread = sum((x - mean_x) ** 2 for x, _ in points)
        each = max(0.0, sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0)
        return cls(max(0.0, mean_y - each * mean_x), each)


@dataclass(frozen=True, slots=True)
class Measured:
    """What things cost, as measured.

    Attributes:
        event_us: an event, of a worker's processor time, everything included.
        event_bytes: of a message's value.
        customer_bytes, id_bytes: of memory, for an acquired customer and for an id of deduplication.
        empty_mib: of a worker that has no customers.
        checkpoint_share: bytes of checkpoints for each byte of events.
        load_us: of processor time, to load a customer with the ids that come with it.
        state_bytes: that a checkpoint holds of such a customer.
        message_us: a message through Faust, one by one: a tick, an answer.
        answer_bytes, full_bytes: of an answer to a tick, without and with slices.
        answer_ms, full_answer_ms: of the partition's worker, to make it.
        round_ms, full_round_ms: of the KPI agent, by partitions, without and with slices.
    """

    event_us: float
    event_bytes: float
    customer_bytes: float
    id_bytes: float
    empty_mib: float
    checkpoint_share: float
    load_us: float
    state_bytes: float
    message_us: float
    answer_bytes: float
    full_bytes: float
    answer_ms: float
    full_answer_ms: float
    round_ms: Line
    full_round_ms: Line

    @classmethod
    def of(cls, kept: Kept, values: int = 50) -> Measured:
        """Read the constants from what is kept, for so many values of each slice attribute (0 or 50).

        Raises:
            KeyError: a benchmark hasn't been run.
        """
        throughput, stalls, scaling = (kept[name]["measured"] for name in ("throughput", "stalls", "scaling"))
        million = figures.at_size(kept, 1_000_000)
        faust = figures.rates(kept, "faust-count")
        if million is None or faust is None:
            raise KeyError("customers at 1,000,000, or faust-count in side-by-side")
        answers = {each["full"]: each for each in scaling["answers"] if each["values"] == values}
        rounds = [each for each in scaling["rounds"] if each["values"] == values]
        state_mib = (
            throughput["persons"] * million["bytes_a_customer"] + throughput["messages"] * stalls["id_bytes"]
        ) / MIB
        return cls(
            event_us=1e6 * throughput["cpu_s"] / throughput["events"],
            event_bytes=throughput["input_bytes"] / throughput["messages"],
            customer_bytes=million["bytes_a_customer"],
            id_bytes=stalls["id_bytes"],
            empty_mib=max(0.0, throughput["resident_mib"] - state_mib),
            checkpoint_share=throughput["checkpoint_bytes"] / throughput["input_bytes"],
            load_us=1e6 * stalls["recovery_cpu_s"] / stalls["persons"],
            state_bytes=stalls["live_bytes"] / stalls["persons"],
            message_us=1e6 / faust.median,
            answer_bytes=answers[False]["bytes"],
            full_bytes=answers[True]["bytes"],
            answer_ms=answers[False]["tick_ms"],
            full_answer_ms=answers[True]["tick_ms"],
            round_ms=_line(rounds, full=False),
            full_round_ms=_line(rounds, full=True),
        )


def _line(rounds: Sequence[Mapping[str, Any]], *, full: bool) -> Line:
    return Line.through([(each["partitions"], each["round_ms"]) for each in rounds if each["full"] is full])


@dataclass(frozen=True, slots=True)
class Shop:
    """What is asked of a deployment.

    Attributes:
        events_s: events a second, on average over a day.
        customers: ever acquired.
        peak: how many times that average the busiest minutes have.
        horizon_s: of deduplication.
        tick_s: between two ticks.
        busy: share of a worker's core that is planned for at the peak; the rest is for catching up.
        most_gib: memory that a worker of one core may take.
        replication: copies of each message.
        most_in_partition: customers of a partition: more make its recovery longer.
        session_s: after which a dead worker is missed.
    """

    events_s: float
    customers: float
    peak: float = 3.0
    horizon_s: float = DAY_S
    tick_s: float = 0.5
    busy: float = 0.6
    most_gib: float = 16.0
    replication: int = 3
    most_in_partition: float = 1_000_000
    session_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Needs:
    """What it takes.

    Attributes:
        workers: of a core each.
        bound_by: what asks for so many, `processor` or `memory`.
        partitions: of each event topic.
        customers_gib, ids_gib, worker_gib: memory of all customers, of all ids, and of each worker.
        into_brokers_mb_s, out_of_brokers_mb_s: events, checkpoints and their copies; what is read.
        stored_gib_a_day: of events, one copy.
        checkpoints_mb_s: of that, what checkpoints write.
        changelog_gib: one copy of the state.
        partition_load_s: of processor time, to load one partition.
        takeover_s: from a worker's death until its partitions have caught up, if the others share them evenly.
        agent_share: of the KPI agent's core, for ticks, answers and rounds.
        slices_every_s: how often slices are brought up to date.
        answers_mb_s: that the KPI agent reads.
    """

    workers: int
    bound_by: str
    partitions: int
    customers_gib: float
    ids_gib: float
    worker_gib: float
    into_brokers_mb_s: float
    out_of_brokers_mb_s: float
    stored_gib_a_day: float
    checkpoints_mb_s: float
    changelog_gib: float
    partition_load_s: float
    takeover_s: float
    agent_share: float
    slices_every_s: float
    answers_mb_s: float


def reckon(cost: Measured, shop: Shop) -> Needs:
    """Return what a shop needs."""
    customers_gib = shop.customers * cost.customer_bytes / GIB
    ids_gib = shop.events_s * shop.horizon_s * cost.id_bytes / GIB
    for_memory = math.ceil((customers_gib + ids_gib) / (shop.most_gib - cost.empty_mib * MIB / GIB))
    partitions = max(1, math.ceil(shop.customers / shop.most_in_partition))
    workers = for_processor = 1
    for _ in range(8):  # partitions follow from workers, and what ticks cost the workers from partitions
        wanted = shop.events_s * shop.peak * cost.event_us / 1e6 + partitions * _tick_share(cost, shop)
        for_processor = max(1, math.ceil(wanted / shop.busy))
        workers = max(for_processor, for_memory)
        partitions = max(partitions, 2 * workers)
    events_mb_s = shop.events_s * shop.peak * cost.event_bytes / 1e6
    checkpoints_mb_s = events_mb_s * cost.checkpoint_share
    every_s = max(shop.tick_s, full_round_s(cost, partitions) / FULL_SHARE)
    answers_mb_s = partitions * (cost.answer_bytes / shop.tick_s + cost.full_bytes / every_s) / 1e6
    load_s = shop.customers / partitions * cost.load_us / 1e6
    heirs = max(1, workers - 1)
    gone_s = shop.session_s + load_s * math.ceil(partitions / workers / heirs)
    return Needs(
        workers=workers,
        bound_by="memory" if for_memory > for_processor else "processor",
        partitions=partitions,
        customers_gib=customers_gib,
        ids_gib=ids_gib,
        worker_gib=cost.empty_mib * MIB / GIB + (customers_gib + ids_gib) / workers,
        into_brokers_mb_s=shop.replication * (events_mb_s + checkpoints_mb_s + answers_mb_s),
        out_of_brokers_mb_s=events_mb_s + answers_mb_s,
        stored_gib_a_day=shop.events_s * cost.event_bytes * DAY_S / GIB,
        checkpoints_mb_s=checkpoints_mb_s,
        changelog_gib=shop.customers * cost.state_bytes / GIB,
        partition_load_s=load_s,
        takeover_s=gone_s / (1 - shop.busy) if shop.busy < 1 else math.inf,
        agent_share=agent_share(cost, shop, partitions),
        slices_every_s=every_s,
        answers_mb_s=answers_mb_s,
    )


def agent_share(cost: Measured, shop: Shop, partitions: float) -> float:
    """Return the share of a core that plain rounds take, and full ones beside them: those are bounded."""
    plain_s = cost.round_ms.at(partitions) / 1000 + 2 * partitions * cost.message_us / 1e6
    return plain_s / shop.tick_s + FULL_SHARE


def full_round_s(cost: Measured, partitions: float) -> float:
    """Return for how long a round with slices holds the KPI agent."""
    return cost.full_round_ms.at(partitions) / 1000


def _tick_share(cost: Measured, shop: Shop) -> float:
    """Return the share of a worker's core that the ticks of one partition take."""
    return (2 * cost.message_us / 1e6 + cost.answer_ms / 1000) / shop.tick_s


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that gives way as a deployment grows.

    Attributes:
        what: gives way.
        partitions: from so many on.
    """

    what: str
    partitions: float


def limits(cost: Measured, shop: Shop, *, full_s: float = 1.0) -> Iterator[Limit]:
    """Yield what gives way as partitions are added, each alone.

    Args:
        cost: what things cost.
        shop: whose ticks they are.
        full_s: for how long a round with slices may hold the KPI agent.
    """
    yield Limit("rounds at every tick fill the KPI agent's core", _largest(lambda n: agent_share(cost, shop, n) <= 1))
    yield Limit(
        f"a round with slices holds the KPI agent for {full_s:g} s", _largest(lambda n: full_round_s(cost, n) <= full_s)
    )


_FAR = 1e9


def _largest(holds: Callable[[float], bool]) -> float:
    """Return the largest number, up to a thousand million, for which it holds; it holds for all that are smaller."""
    low, high = 0.0, 1.0
    while holds(high):
        low, high = high, high * 2
        if high > _FAR:
            return _FAR
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
