"""A flood in one partition holds back that partition, and its neighbours read on."""

from __future__ import annotations

import asyncio
from typing import Any

from fake_log import TOPIC, FakeLog, chunk, purchase
from faust.types import TP

from events.identity import partition_of
from streams.back_pressure import BackPressure
from streams.engine import Engine
from streams.settings import Settings

FLOOD = [b"nonsense"] * 600


class Reader:
    """Notes which partitions it is to leave alone."""

    def __init__(self) -> None:
        self.held_back: set[Any] = set()

    def hold_back(self, partitions: Any) -> None:
        self.held_back |= partitions

    def read_on(self, partitions: Any) -> None:
        self.held_back -= partitions


def test_a_flooded_partition_is_held_back_alone_until_the_broker_has_taken_all() -> None:
    """The other's events are counted meanwhile; then both are read."""

    async def scene() -> None:
        log = FakeLog(held={"letter": asyncio.Event()})
        engine = Engine(Settings(kafka={"partitions": 2}), log, {})
        await engine.positions(frozenset({TP(TOPIC, 0), TP(TOPIC, 1)}))
        reader = Reader()
        pressure = BackPressure(lambda: reader, [TOPIC])
        engine.take(chunk(FLOOD, 0))
        assert engine.is_flooded(0)
        pressure.hold_back(0, engine.ease)
        pressure.hold_back(0, engine.ease)
        await asyncio.sleep(0)
        assert reader.held_back == {TP(TOPIC, 0)}
        neighbour = next(name for name in map(str, range(99)) if partition_of(name, 2) == 1)
        engine.take(chunk([purchase(1, neighbour)], 0, partition=1))
        assert not engine.is_flooded(1)
        assert engine.counts.events["purchase"] == 1
        log.held["letter"].set()
        async with asyncio.timeout(5):
            while reader.held_back:  # noqa: ASYNC110 - the reader has no event for it
                await asyncio.sleep(0.001)
        assert not engine.is_flooded(0)

    asyncio.run(scene())


def test_a_partition_that_is_stopped_is_read_no_more() -> None:
    """Nothing that comes could make it right."""
    reader = Reader()
    BackPressure(lambda: reader, ["a", "b"]).stop(3)
    assert reader.held_back == {TP("a", 3), TP("b", 3)}
