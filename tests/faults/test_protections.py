"""What each protection of the engine protects, in one process: workers on one log that fails when told to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from agreement import kpis
from fake_log import TOPIC, FakeLog, Plain, purchase
from faust.types import TP

from metrics.exporter import KpiExporter
from streams.engine import Engine
from streams.manifest import StateRefusedError
from streams.owned import LostRecordsError
from streams.settings import Settings
from streams.transport import Chunk

SOURCE = frozenset({TP(TOPIC, 0)})
NOON_MS = 1_767_312_000_000
HOUR_MS = 3_600_000


class DiedError(Exception):
    """The process is no more."""


class MortalLog(FakeLog):
    """A log whose writer dies after so many messages were acknowledged."""

    left = -1

    async def _acknowledge(self, kind: str) -> None:
        if self.left == 0:
            raise DiedError(kind)
        self.left -= 1
        await super()._acknowledge(kind)


class Shop:
    """A topic of orders, an hour of the broker's time apart, and the workers that own it one after another."""

    def __init__(self, orders: int, *, horizon: str = "24h") -> None:
        self.log = MortalLog()
        self.topic = [Plain(n, purchase(n), timestamp=NOON_MS + n * HOUR_MS) for n in range(orders)]
        self._settings = Settings(kafka={"partitions": 1}, dedup_horizon=horizon)
        self._generation = 0

    async def owner(self, worker: Engine | None = None) -> Engine:
        """Whoever the partition is given to: a new worker, or one that has been there."""
        worker = worker or Engine(self._settings, self.log, {})
        self._generation += 1
        worker.generation = self._generation
        worker._stored.update(self.log.stored)
        try:
            await worker.positions(SOURCE)
        except StateRefusedError as refused:
            raise AssertionError(f"the state can't be used any more: {refused}") from refused
        return worker

    def read(self, worker: Engine, begin: int, end: int) -> None:
        """Let a worker have records, whether or not it has had them."""
        try:
            worker.owned[0].take(Chunk.of(TOPIC, 0, self.topic[begin:end], begin=begin, end=end), NOON_MS * 2)
        except LostRecordsError:
            worker.owned[0].positions["lost"] = begin

    def read_on(self, worker: Engine) -> None:
        """Let a worker read from where its state ends."""
        self.read(worker, position(worker), len(self.topic))


def position(worker: Engine) -> int:
    """Up to where a worker's state goes."""
    return worker.owned[0].positions.get(TOPIC, 0)


def orders(worker: Engine) -> int:
    """How many orders there ever were, by a worker's state."""
    state = worker.owned[0].state
    state.advance(NOON_MS * 2)
    return int(kpis([state])["windows"]["lifetime"]["orders"])


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(scene(), 30)

    asyncio.run(bounded())


async def save(worker: Engine) -> bool:
    """Write a checkpoint; tell whether its writer has lived to see it done."""
    try:
        await worker.owned[0].save_now()
    except DiedError:
        return False
    return True


def test_a_death_at_any_message_of_a_checkpoint_loses_and_doubles_nothing() -> None:
    """Letters, entries, manifest, commit, tombstones: the successor starts from one whole checkpoint or the other."""

    async def die_after(messages: int) -> bool:
        """Tell whether the checkpoint took fewer messages than that."""
        shop = Shop(9)
        first = await shop.owner()
        for end in (3, 5):
            shop.read(first, position(first), end)
            first.owned[0].state.advance(NOON_MS + end)
            assert await save(first)
        shop.read(first, 5, 8)
        first.owned[0].state.advance(NOON_MS + 8)
        shop.log.left = messages
        await save(first)
        survived, shop.log.left = shop.log.left > 0, -1
        heir = await shop.owner()
        assert position(heir) in (5, 8), f"after {messages} messages it stands between two checkpoints"
        shop.read_on(heir)
        assert orders(heir) == 9, f"its predecessor died after {messages} messages"
        return survived

    async def scene() -> None:
        messages = 0
        while not await die_after(messages):
            messages += 1
        assert messages > 6, "there was hardly a checkpoint to die in"

    run(scene)


def test_a_zombie_overwrites_nothing_of_its_successor() -> None:
    """Its checkpoint arrives when its successor's has long been there: the next owner goes on from the successor's."""

    async def scene() -> None:
        shop = Shop(8)
        zombie = await shop.owner()
        shop.read(zombie, 0, 3)
        assert await save(zombie)
        shop.read(zombie, 3, 5)
        successor = await shop.owner()
        shop.read(successor, position(successor), 7)
        assert await save(successor)
        await save(zombie)
        heir = await shop.owner()
        assert position(heir) == 7, "the zombie's checkpoint was taken for the newest"
        shop.read_on(heir)
        assert orders(heir) == 8

    run(scene)


def test_an_order_sent_again_counts_once() -> None:
    """By the same worker, and by the successor of one that died."""

    async def scene() -> None:
        shop = Shop(3)
        again = [Plain(3 + n, plain.value, timestamp=plain.timestamp + 1) for n, plain in enumerate(shop.topic * 2)]
        shop.topic += again
        first = await shop.owner()
        shop.read(first, 0, 6)
        assert await save(first)
        heir = await shop.owner()
        shop.read_on(heir)
        assert orders(heir) == 3

    run(scene)


def test_records_that_the_state_holds_are_skipped() -> None:
    """Even when deduplication has forgotten them: they lie further back than its horizon."""

    async def scene() -> None:
        shop = Shop(6, horizon="1h")
        worker = await shop.owner()
        for end in range(1, 6):
            shop.read(worker, end - 1, end)
            worker.owned[0].state.advance(NOON_MS + end)
            assert await save(worker)
        shop.read(worker, 0, 6)
        assert orders(worker) == 6

    run(scene)


def test_missing_records_are_never_passed_over() -> None:
    """A chunk from further on isn't taken in: the state stays what it was."""

    async def scene() -> None:
        shop = Shop(6)
        worker = await shop.owner()
        shop.read(worker, 0, 2)
        shop.read(worker, 4, 6)
        assert position(worker) == 2, "two orders are lost, and nobody knows"
        shop.read_on(worker)
        assert orders(worker) == 6

    run(scene)


def test_an_owner_that_was_paused_exports_nothing() -> None:
    """Nobody has told it that it was replaced: its lease is over by its own clock."""
    now_s = 100.0
    exporter = KpiExporter(clock=lambda: now_s)
    exporter.publish(b"tapesh_orders 1\n", lease_until=105.0)
    assert exporter.exposition()
    now_s = 106.0
    assert exporter.exposition() == b""
