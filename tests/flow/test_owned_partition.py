"""A partition's protocol with its log, message by message: nothing is deleted or committed before its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import groupby
from typing import Any

import pytest
from fake_log import RECORDED_MS, TOPIC, FakeLog, chunk, purchase

from events.identity import partition_of
from streams.checkpoint import Checkpointer, restore
from streams.manifest import Epoch, manifest_key, newest
from streams.meaning import Meaning
from streams.messages import Tick
from streams.owned import CheckpointStatistics, LostRecordsError, OwnedPartition
from streams.pace import Pace
from streams.panes import DAY_MS
from streams.partition import PartitionState
from streams.transport import Chunk

CLOCK_MS = 1_767_312_000_000  # 2026-01-02


def a_tick(number: int = 1) -> Tick:
    return Tick("owner", number, CLOCK_MS + number, CLOCK_MS, True, "")


def owned_by(log: FakeLog, generation: int = 1, partitions: int = 1) -> OwnedPartition:
    """A partition as a new owner takes it up from the log."""
    state = PartitionState(Meaning(), 0, partitions, horizon_ms=DAY_MS)
    plan = newest(log.stored, 0)
    loaded = restore(state, plan, log.stored) if plan else None
    positions = dict(plan.offsets) if plan else {}
    checkpointer = Checkpointer(0, Epoch(0, generation), plan, loaded)
    return OwnedPartition(state, checkpointer, positions, log, CheckpointStatistics())


def orders(owned: OwnedPartition) -> int:
    """How many orders the partition counts once a tick has come."""
    owned.answer(a_tick())
    return sum(owned.state.counts.events.values())


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    def run() -> None:
        asyncio.run(asyncio.wait_for(test(), 10))

    run.__doc__ = test.__doc__
    return run


async def until(reached: Callable[[], bool]) -> None:
    while not reached():  # noqa: ASYNC110 - the log has no event for it
        await asyncio.sleep(0.001)


def stages(done: list[str]) -> list[str]:
    return [kind for kind, _ in groupby(done)]


@in_a_loop
async def test_a_checkpoint_goes_letters_entries_manifest_commit_tombstones() -> None:
    """Each stage is acknowledged before the next begins."""
    log = FakeLog()
    owned = owned_by(log)
    owned.take(chunk([purchase(1), purchase(2)], 0), CLOCK_MS)
    owned.answer(a_tick())
    await owned.save_now()
    log.done.clear()
    owned.take(chunk([purchase(3), b"nonsense", purchase(4)], 2), CLOCK_MS)
    owned.answer(a_tick(2))
    await owned.save_now()
    assert stages(log.done) == ["letter", "entry", "manifest", "commit", "tombstone"]
    assert log.committed == [{TOPIC: 2}, {TOPIC: 5}]


@pytest.mark.parametrize(
    ("kind", "before"),
    [
        ("letter", []),
        ("entry", ["letter"]),
        ("manifest", ["letter", "entry"]),
        ("commit", ["letter", "entry", "manifest"]),
    ],
)
def test_nothing_goes_ahead_of_an_acknowledgement(kind: str, before: list[str]) -> None:
    """While one stage isn't acknowledged, none of the later ones has happened."""

    async def hold() -> None:
        log = FakeLog(held={kind: asyncio.Event()})
        owned = owned_by(log)
        owned.take(chunk([purchase(1), b"nonsense"], 0), CLOCK_MS)
        owned.answer(a_tick())
        owned.begin_checkpoint()
        for _ in range(50):
            await asyncio.sleep(0.001)
        assert stages(log.done) == before
        assert not owned.is_due(1e12, Pace(0.0, 1, 1, 1.0, 0.0))
        log.held[kind].set()
        await until(lambda: owned.statistics.written == 1)

    asyncio.run(asyncio.wait_for(hold(), 10))


@pytest.mark.parametrize("kind", ["entry", "manifest", "commit"])
def test_a_failed_checkpoint_is_tried_again_until_it_is_safe(kind: str) -> None:
    """Whatever the broker refused, and though the state has gone on; the next owner finds it whole."""

    async def fail() -> None:
        log = FakeLog()
        owned = owned_by(log)
        owned.take(chunk([purchase(1)], 0), CLOCK_MS)
        owned.answer(a_tick())
        await owned.save_now()
        log.failures[kind] = 1
        owned.take(chunk([purchase(2)], 1), CLOCK_MS)
        owned.answer(a_tick(2))
        owned.begin_checkpoint()
        owned.take(chunk([purchase(3)], 2), CLOCK_MS)
        owned.answer(a_tick(3))
        await owned.save_now()
        assert owned.statistics.failed == 1
        heir = owned_by(log, generation=2)
        assert heir.positions == {TOPIC: 3}
        assert len(heir.state.dedupe) == 3

    asyncio.run(asyncio.wait_for(fail(), 10))


@in_a_loop
async def test_what_could_not_be_deleted_is_deleted_by_the_next_checkpoint() -> None:
    """The checkpoint is safe without: it isn't written again, and nothing stays behind for good."""
    log = FakeLog()
    owned = owned_by(log)
    for number in range(1, 5):
        owned.take(chunk([purchase(number)], number - 1), CLOCK_MS)
        owned.answer(a_tick(number))
        log.failures["tombstone"] = 1 if number == 2 else 0
        await owned.save_now()
        assert owned.statistics.written == number
        assert (owned.checkpointer.superseded_bytes > 0) == (number == 2)
    assert owned.statistics.failed == 0
    last = owned.checkpointer.last
    assert last is not None
    assert log.stored.keys() == last.keys(0) | {manifest_key(0, owned.checkpointer.epoch)}


@in_a_loop
async def test_a_checkpoint_cut_short_leaves_the_one_before() -> None:
    """An owner that dies before its manifest is acknowledged: its successor reads on from the last one."""
    log = FakeLog()
    owned = owned_by(log)
    owned.take(chunk([purchase(1)], 0), CLOCK_MS)
    owned.answer(a_tick())
    await owned.save_now()
    log.held["manifest"] = asyncio.Event()
    owned.take(chunk([purchase(2)], 1), CLOCK_MS)
    owned.answer(a_tick(2))
    owned.begin_checkpoint()
    await until(lambda: log.done[-1] == "entry")
    owned.abandon()
    heir = owned_by(log, generation=2)
    assert heir.positions == {TOPIC: 1}
    heir.take(chunk([purchase(2), purchase(3)], 1), CLOCK_MS)
    assert orders(heir) == 2


@in_a_loop
async def test_missing_records_are_never_passed_over() -> None:
    """A gap between what the state holds and what is read is an error that says which."""
    owned = owned_by(FakeLog())
    owned.take(chunk([purchase(1)], 0), CLOCK_MS)
    with pytest.raises(LostRecordsError, match=r"customer-events\[0\]: got records from 5, expected 1"):
        owned.take(chunk([purchase(2)], 5), CLOCK_MS)
    assert owned.positions == {TOPIC: 1}


@in_a_loop
async def test_positions_without_records_are_no_gap() -> None:
    """Markers of transactions take up positions: the next chunk begins after them."""
    owned = owned_by(FakeLog())
    owned.take(chunk([purchase(1)], 0, end=4), CLOCK_MS)
    owned.take(chunk([purchase(2)], 4), CLOCK_MS)
    assert orders(owned) == 2


@in_a_loop
async def test_records_read_again_are_skipped() -> None:
    """Wholly or in part, by their offsets, bad ones too: no second dead letter, no duplicate counted."""
    log = FakeLog()
    owned = owned_by(log)
    first = [purchase(1), b"nonsense", purchase(2)]
    owned.take(chunk(first, 0), CLOCK_MS)
    owned.take(chunk(first, 0), CLOCK_MS)
    owned.take(chunk([*first[1:], purchase(3), b"more"], 1), CLOCK_MS)
    assert orders(owned) == 3
    assert owned.state.counts.duplicates == 0
    assert [dict(headers)["offset"] for _, _, headers in log.letters] == [b"1", b"4"]
    assert owned.positions == {TOPIC: 5}


@in_a_loop
async def test_dead_letters_and_events_sent_on_keep_what_they_are() -> None:
    """Bytes and key of the one, bytes and timestamp of the other, which gets its person's key."""
    log = FakeLog()
    owned = owned_by(log, partitions=4)
    stranger = next(name for name in map(str, range(99)) if partition_of(name, 4) == 3)
    lost = purchase(1, stranger)
    owned.take(chunk([None, lost], 7), CLOCK_MS)
    ((key, value, headers),) = log.letters
    assert (key, value) == (b"c-1", None)
    assert dict(headers) == {
        "error": dict(headers)["error"],
        "error-field": b"",
        "topic": TOPIC.encode(),
        "partition": b"0",
        "offset": b"7",
    }
    assert log.forwarded == [(TOPIC, 3, stranger.encode(), lost, 1_767_225_600_000)]
    assert orders(owned) == 0


@in_a_loop
async def test_a_clock_that_moves_alone_needs_no_checkpoint() -> None:
    """Nothing came, nobody lapsed: nothing to write."""
    log = FakeLog()
    owned = owned_by(log)
    owned.take(chunk([purchase(1)], 0), CLOCK_MS)
    owned.answer(a_tick())
    await owned.save_now()
    owned.answer(a_tick(2))
    assert not owned.is_due(1e12, Pace(0.0, 1, 1, 1.0, 0.0))
    log.done.clear()
    await owned.save_now()
    assert log.done == []


@in_a_loop
async def test_a_source_is_read_when_its_reader_says_so_though_no_record_reached_its_end() -> None:
    """Markers of transactions lie there; a busy source beside it says nothing about it, nor does silence."""
    owned = owned_by(FakeLog())
    owned.set_goal(TOPIC, 2)
    owned.set_goal("business-events", 5)
    read: set[tuple[str, int]] = set()
    owned.has_read = lambda topic, goal: (topic, goal) in read
    owned.take(chunk([purchase(1)], 0), CLOCK_MS)
    assert owned.answer(a_tick()).behind
    owned.take(chunk([purchase(2)], 1), CLOCK_MS)
    assert owned.answer(a_tick(2)).behind
    read.add(("business-events", 5))
    assert not owned.answer(a_tick(3)).behind


@in_a_loop
async def test_what_another_engine_has_dealt_with_is_neither_buried_nor_sent_on_again() -> None:
    """A rebuild reads it all again: sent on twice, an old event would count twice where it was long forgotten."""
    log = FakeLog()
    owned = owned_by(log, partitions=4)
    stranger = next(name for name in (f"c-{n}" for n in range(99)) if partition_of(name, 4) == 3)
    owned.dealt_with = {TOPIC: 4}
    owned.take(chunk([b"nonsense", purchase(1, stranger)] * 3, 0), CLOCK_MS)
    await asyncio.sleep(0)
    assert [dict(headers)["offset"] for _, _, headers in log.letters] == [b"4"]
    assert len(log.forwarded) == 1


@in_a_loop
async def test_a_topic_far_behind_another_is_still_deduplicated() -> None:
    """A replay has read one topic to its end and another not: its ids aren't old because the first is ahead."""
    log = FakeLog()
    owned = owned_by(log)
    for topic, end in ((TOPIC, 3), ("crm-events", 3)):
        owned.set_goal(topic, end)
    old_ms = RECORDED_MS - 300 * DAY_MS

    async def take_and_save(number: int, *chunks: Chunk) -> None:
        for each in chunks:
            owned.take(each, CLOCK_MS)
        owned.answer(a_tick(number))
        await owned.save_now()

    await take_and_save(1, chunk([purchase(1)], 0, topic="crm-events", at_ms=old_ms))
    await take_and_save(2, chunk([purchase(2)], 0))
    await take_and_save(3, chunk([purchase(3)], 1))
    await take_and_save(4, chunk([purchase(1), purchase(4)], 1, topic="crm-events", at_ms=old_ms + 1000))
    assert owned.state.counts.duplicates == 1
    await take_and_save(5, chunk([purchase(5)], 2))
    await take_and_save(6, chunk([purchase(6)], 3))
    assert len(owned.state.dedupe) == 4, "both are read now, and what is old has gone"
