"""The KPI agent's office comes and goes in the middle of anything, whatever Redis or a broker keeps waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

from streams.app import Worker
from streams.messages import decode_tick
from streams.settings import Settings

PARTITIONS = 3
OFFICE = ("kpi-components", 0)


class Producer:
    """Takes messages at once, but for those to partitions without a leader, which wait for ever."""

    def __init__(self) -> None:
        self.leaderless: set[int] = set()
        self.ticks: list[tuple[int, int]] = []

    async def send(self, topic: str, _key: Any, value: bytes, partition: int, *_: Any) -> Awaitable[None]:
        if topic == "kpi-ticks":
            if partition in self.leaderless:
                await asyncio.Event().wait()
            self.ticks.append((partition, decode_tick(value).number))
        taken = asyncio.get_running_loop().create_future()
        taken.set_result(None)
        return taken


class Office:
    """A worker with the parts of Faust that its office speaks to."""

    def __init__(self) -> None:
        self.worker = worker = Worker(Settings(kafka={"partitions": PARTITIONS}, tick_interval="20ms"))
        self.producer = Producer()
        self.held: set[Any] = {worker._components}
        consumer = SimpleNamespace(held=self.held, heard_at_s=0.0)
        worker.app = SimpleNamespace(
            consumer=consumer, consumer_generation_id=1, should_stop=False, producer=self.producer
        )

    async def drive(self) -> asyncio.Task[None]:
        driving = asyncio.create_task(self.worker._drive())
        await asyncio.sleep(0)
        return driving

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(0.005)

    async def end(self, driving: asyncio.Task[None]) -> None:
        self.worker.app.should_stop = True
        await driving


class SlowRedis:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked, self.answers = asyncio.Event(), asyncio.Event()

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def past(self) -> list[tuple[int, dict[str, float]]]:
        self.asked.set()
        await self.answers.wait()
        return [(1_000, {"30d:nps": 25.0})]


def test_an_office_that_goes_while_redis_is_asked_ends_nothing() -> None:
    """Rebalances follow each other at a start: the office may be another's before Redis has said what there was."""

    async def scene() -> None:
        office = Office()
        redis = SlowRedis()
        office.worker.serving = redis  # type: ignore[assignment]
        driving = await office.drive()
        await redis.asked.wait()
        office.held.clear()
        office.worker._leave_office()
        redis.answers.set()
        await asyncio.sleep(0.1)
        assert not driving.done()
        assert office.worker.rounds is None
        await office.end(driving)

    asyncio.run(scene())


def test_ticks_dont_wait_for_redis_and_the_past_comes_when_it_comes() -> None:
    """A Redis that hangs would keep the KPIs unknown for as long as it is waited for."""

    async def scene() -> None:
        office = Office()
        redis = SlowRedis()
        office.worker.serving = redis  # type: ignore[assignment]
        driving = await office.drive()
        await office.until(lambda: len(office.producer.ticks) >= 3 * PARTITIONS)
        assert not len(office.worker.history)
        redis.answers.set()
        await office.until(lambda: office.worker.history.of("30d:nps") == [(1_000, 25.0)])
        await office.end(driving)

    asyncio.run(scene())


def test_a_partition_without_a_leader_keeps_no_other_from_its_ticks() -> None:
    """Without ticks they would neither fold nor save what comes in, for as long as the broker is away."""

    async def scene() -> None:
        office = Office()
        office.producer.leaderless = {1}
        driving = await office.drive()
        await office.until(lambda: len(office.producer.ticks) >= 6)
        assert {partition for partition, _ in office.producer.ticks} == {0, 2}
        await office.end(driving)

    asyncio.run(scene())
