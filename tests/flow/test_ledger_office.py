"""The ledger's office: whatever is interrupted where, every revision is written in the same words, and none twice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from agreement import lines
from fake_log import purchase
from kpi_oracle.clock import DAY_MS

from streams.day_sums import answer_days
from streams.ledger import instant
from streams.ledger_office import LedgerOffice
from streams.merge import Admission
from streams.messages import Tick, answer
from streams.partition import PartitionState
from streams.rounds import Round
from streams.settings import Settings

NOW_MS = 1_767_312_000_000  # 2026-01-02
LEDGER, MEMORY = "kpi-ledger", "memory"
SETTINGS = Settings(kafka={"partitions": 1}, ledger={"every": "1s"})


class ReplacedError(Exception):
    """The broker's word on a commit of an owner that was replaced."""


class FakeDesk:
    """Two compacted topics, every record of the ledger's, and a worker that may stop dead before any step."""

    def __init__(self) -> None:
        self.memory: dict[bytes, bytes] = {}
        self.ledger: dict[str, bytes] = {}
        self.written: list[tuple[str, bytes]] = []
        self.steps = 0
        self.dies_at: int | None = None
        self.replaced = False

    async def send(self, topic: str, key: bytes, value: bytes | None) -> None:
        await self._step()
        if topic == MEMORY:
            self.memory.pop(key, None)
            if value is not None:
                self.memory[key] = value
        else:
            assert value is not None
            self.ledger[key.decode()] = value
            self.written.append((key.decode(), value))

    async def confirm(self) -> None:
        await self._step()
        if self.replaced:
            raise ReplacedError

    async def _step(self) -> None:
        self.steps += 1
        await asyncio.sleep(0)
        if self.dies_at is not None and self.steps >= self.dies_at:
            await asyncio.Event().wait()


class Cluster:
    """One partition, and whoever owns the KPI agent."""

    def __init__(self) -> None:
        self.state = PartitionState(SETTINGS.meaning)
        self.desk = FakeDesk()
        self.generation = 0
        self.counted = {"day": 0, "month": 0}
        self.now_s = 0.0

    def office(self) -> LedgerOffice:
        """The next owner's."""
        self.generation += 1
        stored = dict(self.desk.memory)
        return LedgerOffice(SETTINGS, stored, self.generation, MEMORY, self.desk, self.counted)

    def buy(self, number: int, days_ago: float) -> None:
        at_ms = int(NOW_MS - days_ago * DAY_MS)
        event = json.loads(purchase(number))
        event["occurred_at"] = instant(at_ms)
        self.state.arrive(lines([event]), [at_ms])

    def look(self, office: LedgerOffice, unknown: tuple[str, ...] = ()) -> None:
        """A round that asks for past days, complete."""
        self.now_s += 5
        tick = Tick("owner", 1, NOW_MS, NOW_MS + int(self.now_s * 1000), True, "", days=office.asks(self.now_s))
        self.state.advance(NOW_MS)
        reply = answer(tick, "epoch", self.state.report(), {}, 0)
        if tick.days:
            reply.days_digest, reply.days = answer_days(self.state, NOW_MS, tick.days[0])
        office.look(Round(tick, {0: reply}), unknown, Admission(), self.now_s)

    def values(self, key: str) -> Any:
        return json.loads(self.desk.ledger[f"tapesh/{key}"])["values"]


def test_revisions_go_on_under_the_next_owner() -> None:
    """It finds what was published, publishes nothing anew, and restates from there."""

    async def run() -> None:
        cluster = Cluster()
        cluster.buy(1, 40)
        first = cluster.office()
        cluster.look(first)
        await first.idle()
        assert cluster.values("day/2025-11-23/0")["orders"] == 1
        published = len(cluster.desk.written)
        second = cluster.office()
        cluster.look(second)
        await second.idle()
        assert len(cluster.desk.written) == published
        cluster.buy(2, 40)
        cluster.look(second)
        await second.idle()
        assert sorted(key for key, _ in cluster.desk.written[published:]) == [
            "tapesh/day/2025-11-23/1",
            "tapesh/month/2025-11/1",
        ]
        assert cluster.values("day/2025-11-23/1")["orders"] == 2
        assert cluster.counted == {"day": 1, "month": 1}
        assert second.gauges["month", "orders"] == 1

    asyncio.run(run())


def test_nothing_is_published_while_a_restatable_kpi_is_unknown() -> None:
    """A day that lacks a source would look like a whole one; another KPI's trouble holds nothing up."""

    async def run() -> None:
        cluster = Cluster()
        cluster.buy(1, 40)
        office = cluster.office()
        cluster.look(office, unknown=("lost_customers",))
        await office.idle()
        assert cluster.desk.written == []
        cluster.look(office, unknown=("clv",))
        await office.idle()
        assert cluster.values("day/2025-11-23/0")["orders"] == 1

    asyncio.run(run())


async def dies_and_is_followed(at: int) -> tuple[Cluster, int]:
    """Publish and restate; the worker dies before step `at`, and more has come late when its successor looks."""
    cluster = Cluster()
    cluster.buy(1, 40)
    office = cluster.office()
    cluster.look(office)
    await office.idle()
    cluster.buy(2, 40)
    cluster.buy(3, 35)
    before = cluster.desk.steps
    cluster.desk.dies_at = before + at
    cluster.look(office)
    for _ in range(200):
        await asyncio.sleep(0)
    office.close()
    reached = cluster.desk.steps - before
    cluster.desk.dies_at = None
    cluster.buy(4, 40)
    successor = cluster.office()
    await successor.idle()
    cluster.look(successor)
    await successor.idle()
    return cluster, reached


def test_a_worker_that_dies_at_any_step_leaves_no_trace_or_the_whole_of_it() -> None:
    """No key is ever written with two contents, revisions have no gaps, and the last one is what is known now."""

    async def run() -> int:
        at = 0
        while True:
            at += 1
            cluster, reached = await dies_and_is_followed(at)
            said: dict[str, set[bytes]] = {}
            for key, value in cluster.desk.written:
                said.setdefault(key, set()).add(value)
            assert all(len(contents) == 1 for contents in said.values()), f"step {at}"
            for period, orders in (("day/2025-11-23", 3), ("day/2025-11-28", 1), ("month/2025-11", 4)):
                revisions = sorted(int(key.rpartition("/")[2]) for key in said if key.startswith(f"tapesh/{period}/"))
                assert revisions == list(range(len(revisions))), f"step {at}: {period}"
                assert cluster.values(f"{period}/{revisions[-1]}")["orders"] == orders, f"step {at}: {period}"
            if reached < at:
                return at

    assert asyncio.run(run()) > 5


def test_an_owner_that_was_replaced_adds_no_line() -> None:
    """Its memory lies under an older epoch, and before a line is sent the broker says that the office is another's."""

    async def run() -> None:
        cluster = Cluster()
        cluster.buy(1, 40)
        former = cluster.office()
        cluster.look(former)
        await former.idle()
        cluster.buy(2, 40)
        successor = cluster.office()
        cluster.look(successor)
        await successor.idle()
        held, said = dict(cluster.desk.memory), list(cluster.desk.written)
        cluster.buy(3, 40)
        cluster.desk.replaced = True
        cluster.look(former)
        for _ in range(100):
            await asyncio.sleep(0)
        former.close()
        assert cluster.desk.written == said
        cluster.desk.replaced = False
        third = cluster.office()
        cluster.look(third)
        await third.idle()
        assert cluster.values("day/2025-11-23/2")["orders"] == 3
        assert set(held) != set(cluster.desk.memory)

    asyncio.run(run())


def test_the_memory_of_a_month_goes_when_its_periods_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of a year that has passed by is one key, which says how far the past is forgotten."""

    async def run() -> None:
        cluster = Cluster()
        cluster.buy(1, 40)
        office = cluster.office()
        cluster.look(office)
        await office.idle()
        assert len(cluster.desk.memory) == 3
        monkeypatch.setattr("test_ledger_office.NOW_MS", NOW_MS + 500 * DAY_MS)
        cluster.buy(2, 3)
        cluster.look(office)
        await office.idle()
        kept = sorted(key.decode().partition("/")[0] for key in cluster.desk.memory)
        assert kept == ["ledger-2027-05"]

    asyncio.run(run())
