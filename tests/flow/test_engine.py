"""What a worker does with partitions that come, go and come back."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest
from fake_log import TOPIC, FakeLog, chunk, purchase
from faust.types import TP

from events.identity import partition_of
from streams import checkpoint, sums
from streams.contributions import place
from streams.engine import Engine
from streams.manifest import StateRefusedError
from streams.messages import Tick
from streams.settings import Settings
from streams.transport import Edge

SOURCES = frozenset({TP(TOPIC, 0), TP("business-events", 0)})
ALL = SOURCES | {TP("kpi-ticks", 0), TP("kpi-components", 0)}
CLOCK_MS = 1_767_312_000_000


class Group:
    """Workers that take the one partition from each other; each recovers a copy of the changelog."""

    def __init__(self) -> None:
        self.log = FakeLog()
        self.generation = 0

    def worker(self, **settings: Any) -> Engine:
        return Engine(Settings(kafka={"partitions": 1}, **settings), self.log, {})

    async def give_to(self, engine: Engine) -> Any:
        """A rebalance; Faust has recovered the table before."""
        self.generation += 1
        engine.generation = self.generation
        engine._stored.update(self.log.stored)
        return await engine.positions(SOURCES)

    async def give_again(self, engine: Engine) -> Any:
        """A rebalance that left the partition where it was: Faust reads nothing of the changelog again."""
        self.generation += 1
        engine.generation = self.generation
        return await engine.positions(SOURCES)


def orders(engine: Engine) -> int:
    return len(engine.owned[0].state.dedupe)


def test_a_new_partition_is_read_from_its_start() -> None:
    """No manifest, no position: all that retention has left."""

    async def scene() -> None:
        positions = await Group().give_to(Group().worker())
        assert positions == dict.fromkeys(SOURCES, Edge.START)

    asyncio.run(scene())


def test_a_partition_that_comes_back_is_taken_up_as_it_was_left() -> None:
    """The same state in memory, without recovery, where it stood; its next checkpoint has a later epoch."""

    async def scene() -> None:
        group = Group()
        worker = group.worker()
        await group.give_to(worker)
        worker.take(chunk([purchase(1), purchase(2)], 0))
        left = worker.owned[0]
        await worker.let_go(ALL)
        assert worker.owned == {}
        positions = await group.give_to(worker)
        assert worker.owned[0] is left
        assert positions == {TP(TOPIC, 0): 2, TP("business-events", 0): Edge.START}
        assert left.checkpointer.epoch.generation == 2
        worker.take(chunk([purchase(3)], 2))
        await worker.let_go(ALL)
        heir = group.worker()
        assert (await group.give_to(heir))[TP(TOPIC, 0)] == 3
        assert orders(heir) == 3

    asyncio.run(scene())


def test_a_partition_that_another_has_changed_is_loaded_anew() -> None:
    """What was kept aside is older than the changelog: it would count from then."""

    async def scene() -> None:
        group = Group()
        first, second = group.worker(), group.worker()
        await group.give_to(first)
        first.take(chunk([purchase(1)], 0))
        left = first.owned[0]
        await first.let_go(ALL)
        await group.give_to(second)
        second.take(chunk([purchase(2)], 1))
        await second.let_go(ALL)
        positions = await group.give_to(first)
        assert first.owned[0] is not left
        assert positions[TP(TOPIC, 0)] == 2
        assert orders(first) == 2

    asyncio.run(scene())


def test_a_partition_whose_state_wasnt_saved_isnt_kept() -> None:
    """Fenced on leaving: it comes back as its last checkpoint has it, and is read again from there."""

    async def scene() -> None:
        group = Group()
        worker = group.worker()
        await group.give_to(worker)
        worker.take(chunk([purchase(1)], 0))
        await worker.let_go(ALL)
        await group.give_to(worker)
        worker.take(chunk([purchase(2)], 1))
        group.log.failures["manifest"] = 1
        with pytest.raises(OSError, match="manifest not acknowledged"):
            await worker.let_go(ALL)
        positions = await group.give_to(worker)
        assert positions[TP(TOPIC, 0)] == 1
        assert orders(worker) == 1

    asyncio.run(scene())


def test_a_rebalance_right_after_another_loses_nothing() -> None:
    """The partition was taken up, but held by nobody yet, so that it wasn't let go either."""

    async def scene() -> None:
        group = Group()
        worker, heir = group.worker(), group.worker()
        await group.give_to(worker)
        worker.take(chunk([purchase(1)], 0))
        await worker.let_go(ALL)
        await group.give_to(heir)
        positions = await group.give_again(heir)
        assert positions[TP(TOPIC, 0)] == 1
        assert orders(heir) == 1
        assert heir.owned[0].checkpointer.epoch.generation == 3

    asyncio.run(scene())


def test_a_partition_put_aside_while_behind_is_behind_still() -> None:
    """It read nothing during the rebalance: that it was silent doesn't mean that it has read all."""

    async def ends(partitions: Any) -> Any:
        return dict.fromkeys(partitions, 9)

    async def scene() -> None:
        worker = Engine(Settings(kafka={"partitions": 1}), FakeLog(), {}, ends)
        one = frozenset({TP(TOPIC, 0)})
        await worker.positions(one)
        worker.take(chunk([purchase(1)], 0))
        await worker.let_go(one)
        await worker.positions(one)
        assert worker.owned[0].is_behind()

    asyncio.run(scene())


def test_only_the_partition_that_could_not_be_saved_is_read_again() -> None:
    """One failure takes no other partition along; what isn't kept is known, so that Faust can be told."""

    async def scene() -> None:
        log = FakeLog()
        worker = Engine(Settings(kafka={"partitions": 2}), log, {})
        both = frozenset({TP(TOPIC, 0), TP(TOPIC, 1)})
        await worker.positions(both)
        for number in (0, 1):
            worker.take(chunk([purchase(number, homed(number))], 0, partition=number))
        log.failures["manifest"] = 1
        with pytest.raises(OSError, match="manifest not acknowledged"):
            await worker.let_go(both)
        assert len(worker.kept) == 1
        positions = await worker.positions(frozenset({TP(TOPIC, number) for number in worker.kept}))
        assert set(positions.values()) == {1}

    asyncio.run(scene())


def test_a_partition_whose_sums_are_out_of_range_takes_nothing_more_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What comes later can't make it right; its last sound checkpoint stays, and every tick hears the reason."""

    async def scene() -> None:
        group = Group()
        worker = group.worker()
        await group.give_to(worker)
        worker.take(chunk([purchase(1)], 0))
        await worker.let_go(ALL)
        await group.give_to(worker)
        monkeypatch.setattr(sums, "SAFE_SUM", 150)
        worker.take(chunk([purchase(2)], 1))
        sent_ms = int(time.time() * 1000)
        for number in (1, 2):
            reply = worker.answer(0, Tick("ours", number, CLOCK_MS, sent_ms, True, "", 9, "tapesh"))
            assert reply is not None
            assert "64-bit" in reply.failure
        worker.take(chunk([purchase(3)], 2))
        assert worker.owned[0].positions[TOPIC] == 2
        await worker.let_go(ALL)
        assert worker.kept == frozenset()
        assert (await group.give_to(group.worker()))[TP(TOPIC, 0)] == 1

    asyncio.run(scene())


def test_counters_stay_when_a_partition_leaves() -> None:
    """What was counted was counted: a counter that falls looks like a restart."""

    async def scene() -> None:
        group = Group()
        worker = group.worker(unattributed_memory=0)
        await group.give_to(worker)
        worker.take(chunk([purchase(1)], 0))
        worker.answer(0, Tick("ours", 1, CLOCK_MS, int(time.time() * 1000), True, "", 9, "tapesh"))
        assert worker.counts.unmoved == 1
        await worker.let_go(ALL)
        assert worker.owned == {}
        assert worker.counts.unmoved == 1

    asyncio.run(scene())


def test_a_partition_that_was_read_in_part_is_read_again_rather_than_refused() -> None:
    """Another owner wrote on top of entries that were read, used and thrown away: all is there, but not in memory."""

    async def scene() -> None:
        group = Group()
        first, second = group.worker(), group.worker()
        await group.give_to(second)
        second.take(chunk([purchase(1)], 0))
        await second.let_go(ALL)
        await group.give_to(first)
        await first.let_go(ALL)  # nothing changed: it is safe, and kept
        before = dict(group.log.stored)
        await group.give_to(second)
        second.take(chunk([purchase(2)], 1))
        await second.let_go(ALL)
        first._stored.update({key: value for key, value in group.log.stored.items() if key not in before})
        assert await group.give_again(first) == {}
        assert first.owned == {}
        assert first.kept == frozenset()
        assert "read again" in first.ailing[0]
        assert (await group.give_to(first))[TP(TOPIC, 0)] == 2
        assert orders(first) == 2
        assert not first.ailing
        assert not first.failed

    asyncio.run(scene())


def test_an_entry_that_is_nowhere_is_refused() -> None:
    """The whole changelog was read and doesn't hold it: to read it again would change nothing."""

    async def scene() -> None:
        group = Group()
        worker = group.worker()
        await group.give_to(worker)
        worker.take(chunk([purchase(1)], 0))
        await worker.let_go(ALL)
        gone = next(key for key in group.log.stored if b"ids-0" in key)
        del group.log.stored[gone]
        with pytest.raises(StateRefusedError, match="ids-0"):
            await group.give_to(group.worker())

    asyncio.run(scene())


def test_a_partition_that_came_apart_isnt_taken_up_and_says_so() -> None:
    """The others are; once it has come together again it goes on where it was."""

    async def scene() -> None:
        group = Group()
        worker = group.worker()
        await group.give_to(worker)
        worker.take(chunk([purchase(1)], 0))
        await worker.let_go(ALL)
        worker._stored.update(group.log.stored)
        assert await worker.positions(frozenset({TP(TOPIC, 0)}), {0: "its topics came apart"}) == {}
        reply = worker.answer(0, Tick("ours", 1, CLOCK_MS, int(time.time() * 1000), True, "", 9, "tapesh"))
        assert reply is not None
        assert reply.failure == "its topics came apart"
        worker.take(chunk([purchase(2)], 1))
        assert (await group.give_to(worker))[TP(TOPIC, 0)] == 1
        assert not worker.failed

    asyncio.run(scene())


def test_a_worker_that_reads_other_topics_than_the_kpi_agents_says_so() -> None:
    """Its sums hold other events: added to the others' they would be neither."""

    async def scene() -> None:
        group = Group()
        worker = group.worker()
        await group.give_to(worker)
        sent_ms = int(time.time() * 1000)
        theirs = Tick("ours", 1, CLOCK_MS, sent_ms, True, "", 9, "tapesh", (TOPIC, "crm-events", "business-events"))
        reply = worker.answer(0, theirs)
        assert reply is not None
        assert "crm-events" in reply.failure
        same = msgspec.structs.replace(theirs, topics=(TOPIC, "business-events"))
        reply = worker.answer(0, same)
        assert reply is not None
        assert not reply.failure

    asyncio.run(scene())


def test_a_chunk_that_leaves_the_range_makes_the_kpis_unknown_and_stops_nobody() -> None:
    """Much comes between two ticks, and is added up as it comes; a worker that ended of it would end of it for ever."""

    async def scene() -> None:
        group = Group()
        worker = group.worker()
        await group.give_to(worker)
        state, tick = worker.owned[0].state, Tick("ours", 1, CLOCK_MS, int(time.time() * 1000), True, "", 9, "tapesh")
        state.advance(CLOCK_MS)
        column = state.fold.columns.number("gross_minor")
        for minute in range(50_000):
            state.fold.flows[place(CLOCK_MS - minute * 60_000, state.fold.slices.unattributed) + column] += 10**15
        worker.take(chunk([purchase(1)], 0))
        reply = worker.answer(0, tick)
        assert reply is not None
        assert "64-bit" in reply.failure
        worker.take(chunk([purchase(2)], 1))
        await worker.let_go(ALL)
        assert group.log.stored == {}

    asyncio.run(scene())


def test_a_restart_in_the_same_generation_deletes_nothing_that_it_writes() -> None:
    """A static member comes back without a rebalance; what its former life left half written isn't what it writes."""

    async def scene() -> None:
        group = Group()
        worker = group.worker()
        await group.give_to(worker)
        worker.take(chunk([purchase(1)], 0))
        group.log.failures["manifest"] = 1
        with pytest.raises(OSError, match="manifest"):
            await worker.owned[0].save_now()
        for number in (2, 3):
            group.generation = 0
            again = group.worker()
            await group.give_to(again)
            again.take(chunk([purchase(each) for each in range(1, number + 1)], 0))
            await again.let_go(ALL)
        heir = group.worker()
        assert (await group.give_to(heir))[TP(TOPIC, 0)] == 3
        assert orders(heir) == 3

    asyncio.run(scene())


def test_two_lives_of_a_partition_are_told_apart_though_no_checkpoint_lies_between() -> None:
    """Cells and columns are numbered as they appear; who adds answers up must not take one life's for another's."""

    async def scene() -> None:
        group, epochs = Group(), set()
        for _ in range(2):
            group.generation = 0
            worker = group.worker()
            await group.give_to(worker)
            reply = worker.answer(0, Tick("ours", 1, CLOCK_MS, int(time.time() * 1000), True, "", 9, "tapesh"))
            assert reply is not None
            epochs.add(reply.epoch)
        assert len(epochs) == 2

    asyncio.run(scene())


def homed(partition: int) -> str:
    """A customer of this partition of two."""
    return next(name for name in map(str, range(99)) if partition_of(name, 2) == partition)


def test_the_kpi_agents_partition_takes_no_source_along() -> None:
    """It too has number 0: losing it alone leaves the sources where they are."""

    async def scene() -> None:
        group = Group()
        worker = group.worker()
        await group.give_to(worker)
        await worker.let_go(frozenset({TP("kpi-components", 0)}))
        assert set(worker.owned) == {0}

    asyncio.run(scene())


def test_state_under_other_settings_is_taken_up_by_nobody() -> None:
    """The refusal names the setting, and the worker owns nothing."""

    async def scene() -> None:
        group = Group()
        worker = group.worker()
        await group.give_to(worker)
        worker.take(chunk([purchase(1)], 0))
        await worker.let_go(ALL)
        other = group.worker(timezone="Asia/Tehran")
        with pytest.raises(StateRefusedError, match="timezone was 'UTC' and is now 'Asia/Tehran'"):
            await group.give_to(other)
        assert other.owned == {}

    asyncio.run(scene())


def test_ticks_that_waited_too_long_are_not_answered() -> None:
    """Nobody waits for them any more; a partition that isn't ours has nothing to say either."""

    async def scene() -> None:
        group = Group()
        worker = group.worker()
        await group.give_to(worker)
        assert worker.answer(0, Tick("owner", 1, CLOCK_MS, CLOCK_MS, True, "", 9, "tapesh")) is None
        assert worker.answer(1, Tick("owner", 1, CLOCK_MS, CLOCK_MS, True, "", 9, "tapesh")) is None

    asyncio.run(scene())


def test_the_agent_of_another_engine_on_the_same_topics_is_not_answered() -> None:
    """Two engines with an app_id each share the ticks: an answer to the other's would stand for its own partition."""

    async def scene() -> None:
        group = Group()
        worker = group.worker()
        await group.give_to(worker)
        sent_ms = int(time.time() * 1000)
        assert worker.answer(0, Tick("theirs", 1, CLOCK_MS, sent_ms, True, "", 9, "another")) is None
        assert worker.answer(0, Tick("ours", 1, CLOCK_MS, sent_ms, True, "", 9, "tapesh")) is not None

    asyncio.run(scene())


def test_an_agent_that_slept_through_a_rebalance_is_not_answered() -> None:
    """It believes that it owns the KPIs, and would export them beside its successor."""

    async def scene() -> None:
        group = Group()
        worker = group.worker()
        await group.give_to(worker)
        await group.give_to(worker)
        sent_ms = int(time.time() * 1000)
        assert worker.answer(0, Tick("sleeper", 1, CLOCK_MS, sent_ms, True, "", 1, "tapesh")) is None
        assert worker.answer(0, Tick("successor", 1, CLOCK_MS, sent_ms, True, "", 2, "tapesh")) is not None

    asyncio.run(scene())


async def saved_by_another(group: Group, customers: int) -> None:
    """A checkpoint of some blocks of customers, by a worker that is gone."""
    worker = group.worker()
    await group.give_to(worker)
    worker.take(chunk([purchase(number, f"c-{number}") for number in range(customers)], 0))
    worker.owned[0].state.advance(CLOCK_MS)
    await worker.let_go(ALL)


def test_a_large_partition_is_loaded_in_steps_between_which_others_get_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Heartbeats go on: the loop is given back after every block, and each step is measured."""
    monkeypatch.setattr(checkpoint, "BLOCK_ROWS", 10)

    async def scene() -> None:
        group, turns = Group(), 0
        await saved_by_another(group, 200)
        worker = group.worker()
        taking = asyncio.ensure_future(group.give_to(worker))
        while not taking.done():
            await asyncio.sleep(0)
            turns += 1
        assert len(worker.owned[0].state.fold.persons) == orders(worker) == 200
        assert turns > 200 / 10
        assert worker.checkpoints.holds.longest_s["load"] > 0

    asyncio.run(scene())


def test_a_rebalance_that_comes_while_a_partition_is_loaded_leaves_nothing_half_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is given up in the middle takes nothing up; the next attempt loads the whole."""
    monkeypatch.setattr(checkpoint, "BLOCK_ROWS", 10)

    async def scene() -> None:
        group = Group()
        await saved_by_another(group, 200)
        worker = group.worker()
        given_up = asyncio.ensure_future(group.give_to(worker))
        for _ in range(10):
            await asyncio.sleep(0)
        assert given_up.cancel()
        await asyncio.wait([given_up])
        assert worker.owned == {}
        await group.give_again(worker)
        assert len(worker.owned[0].state.fold.persons) == orders(worker) == 200

    asyncio.run(scene())
