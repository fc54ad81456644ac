"""The KPI agent's mind: complete rounds become snapshots, and what is missing is said, never summed over."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from fake_log import purchase

from streams.merge import Admission
from streams.messages import Answer, Tick, answer, failure
from streams.partition import PartitionState
from streams.rounds import Rounds
from streams.settings import Settings
from streams.sums import SAFE_SUM

CLOCK_MS = 1_767_312_000_000  # 2026-01-02
TICK_S = 0.5


class Cluster:
    """A KPI agent and two partitions, on a clock that the test moves."""

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(kafka={"partitions": 2}, **settings)
        self.states = [PartitionState(self.settings.meaning, number, 1) for number in range(2)]
        self.now_s = 100.0
        self.clock_ms = CLOCK_MS
        self.rounds = self.agent("first")

    def agent(self, owner: str) -> Rounds:
        return Rounds(self.settings, owner, "http://127.0.0.1:1", Admission())

    def tick(self) -> Tick:
        """Half a second later."""
        self.now_s += TICK_S
        self.clock_ms += int(TICK_S * 1000)
        return self.rounds.tick(self.clock_ms, self.now_s)

    def answer(self, tick: Tick, number: int, *, waiting: int = 0) -> Answer:
        state = self.states[number]
        state.advance(tick.now_ms)
        return answer(tick, "epoch", state.report(everybody_only=not tick.full), {"customer-events": 7}, waiting)

    def round(self, *numbers: int) -> bool:
        """Tick, and take in the answers of these partitions."""
        tick = self.tick()
        completed = [self.rounds.take(self.answer(tick, number), self.now_s) for number in numbers]
        return any(completed)

    def arrive(self, number: int, *values: bytes) -> None:
        self.states[number].arrive(values, [CLOCK_MS] * len(values))

    def orders(self) -> int:
        assert self.rounds.snapshot is not None
        return self.rounds.snapshot.document["windows"]["lifetime"]["orders"]

    def reasons(self) -> set[str]:
        return set(self.rounds.unknown(self.now_s).values())


def test_a_round_is_a_snapshot_once_every_partition_has_answered() -> None:
    """Before that nothing changes; then figures, positions and waiting events are those of all."""
    cluster = Cluster()
    cluster.arrive(0, purchase(1))
    cluster.arrive(1, purchase(2), purchase(3))
    tick = cluster.tick()
    assert cluster.reasons() == {"no answer from partition 0, 1"}
    assert not cluster.rounds.take(cluster.answer(tick, 1, waiting=2), cluster.now_s)
    assert cluster.rounds.snapshot is None
    assert cluster.rounds.take(cluster.answer(tick, 0, waiting=1), cluster.now_s)
    assert cluster.orders() == 3
    assert cluster.rounds.waiting == 3
    assert cluster.rounds.snapshot.covers == {"customer-events": {0: 7, 1: 7}}
    assert cluster.reasons() == set()


def test_a_partition_that_misses_three_ticks_makes_kpis_unknown() -> None:
    """Until then the last snapshot stands; after that every KPI has the reason, and one answer brings all back."""
    cluster = Cluster()
    assert cluster.round(0, 1)
    for _ in range(3):
        assert not cluster.round(0)
        assert cluster.reasons() == set()
    cluster.round(0)
    assert cluster.reasons() == {"no answer from partition 1"}
    assert cluster.round(0, 1)
    assert cluster.reasons() == set()


def test_longer_ticks_are_waited_for_longer() -> None:
    """Three of them, however long; the grace for short ones isn't theirs."""
    cluster = Cluster(tick_interval="2s")
    assert cluster.round(0, 1)
    cluster.now_s += 5.9
    assert cluster.reasons() == set()
    cluster.now_s += 0.2
    assert cluster.reasons() == {"no answer from partition 0, 1"}


def test_answers_to_somebody_elses_ticks_are_not_taken() -> None:
    """A former owner's rounds complete nothing, though their numbers are the same."""
    cluster = Cluster()
    former = cluster.agent("former").tick(cluster.clock_ms, cluster.now_s)
    cluster.tick()
    for number in range(2):
        assert not cluster.rounds.take(cluster.answer(former, number), cluster.now_s)
    assert cluster.rounds.snapshot is None
    assert cluster.reasons() == {"no answer from partition 0, 1"}


def test_another_engine_on_the_same_topics_moves_no_clock() -> None:
    """Its event clock may be years ahead of ours, or its wall clock of our event clock."""
    cluster = Cluster(clock="event")
    cluster.round(0, 1)
    theirs = cluster.agent("theirs").tick(CLOCK_MS, cluster.now_s)
    ahead = msgspec.structs.replace(cluster.answer(theirs, 0), now_ms=CLOCK_MS * 2, latest_event_ms=CLOCK_MS * 2)
    assert not cluster.rounds.take(ahead, cluster.now_s)
    assert cluster.tick().now_ms < CLOCK_MS * 2


def test_answers_of_another_instant_are_not_added_up() -> None:
    """A partition that stands later than the tick says so; the next tick is at its instant or after it."""
    cluster = Cluster()
    cluster.states[1].advance(CLOCK_MS + 60_000)
    assert not cluster.round(0, 1)
    assert cluster.round(0, 1)
    assert cluster.rounds.snapshot.document["now"] == "2026-01-02T00:01:00.000Z"


def test_now_never_goes_back() -> None:
    """Neither with the machine's clock nor with a new owner whose clock is behind."""
    cluster = Cluster()
    cluster.round(0, 1)
    before = cluster.tick().now_ms
    cluster.clock_ms -= 3_600_000
    assert cluster.tick().now_ms == before
    cluster.rounds = cluster.agent("second")
    assert cluster.tick().now_ms < before
    cluster.round(0, 1)
    assert cluster.tick().now_ms >= before - 500


def test_the_event_clock_is_the_latest_event_that_any_partition_has_reported() -> None:
    """One tick brings the report, the next one counts it; the wall clock has no say."""
    cluster = Cluster(clock="event")
    cluster.round(0, 1)
    assert cluster.reasons() == {"no event has come yet"}
    cluster.arrive(0, purchase(1))
    cluster.arrive(1, purchase(2))
    cluster.round(0, 1)
    cluster.round(0, 1)
    assert cluster.rounds.snapshot.document["now"] == "2026-01-01T00:00:02.000Z"
    assert cluster.orders() == 2
    cluster.round(0, 1)
    assert cluster.rounds.snapshot.document["now"] == "2026-01-01T00:00:02.000Z"


def test_slices_come_as_often_as_their_cost_allows() -> None:
    """A quarter of the time at most goes into them; between, the last ones stand, with their own instant."""
    cluster = Cluster()
    full = []
    for _ in range(17):
        tick = cluster.tick()
        full.append(tick.full)
        for number in range(2):
            cluster.rounds.take(cluster.answer(tick, number), cluster.now_s)
        cluster.rounds.charge(0.5)
    assert [nth for nth, is_full in enumerate(full) if is_full] == [0, 4, 8, 12, 16]
    assert cluster.round(0, 1)
    document = cluster.rounds.snapshot.document
    assert document["slices_now"] < document["now"]
    assert "channel" in document["slices"]


def test_late_answers_of_a_round_that_was_overtaken_change_nothing() -> None:
    """A snapshot is never followed by an older one."""
    cluster = Cluster()
    older = cluster.tick()
    late = cluster.answer(older, 1)
    cluster.rounds.take(cluster.answer(older, 0), cluster.now_s)
    assert cluster.round(0, 1)
    now = cluster.rounds.snapshot.document["now"]
    assert not cluster.rounds.take(late, cluster.now_s)
    assert cluster.rounds.snapshot.document["now"] == now


def test_sums_out_of_range_are_unknown_with_the_reason_and_end_nobody() -> None:
    """Partitions that are sound each may together leave 64 bits: the next owner would fail on it alike."""
    cluster = Cluster()
    cluster.arrive(0, purchase(1))
    cluster.now_s += 60
    tick = cluster.tick()
    huge = cluster.answer(tick, 0)
    sums = np.full(len(huge.sums) // 8, int(SAFE_SUM) - 1, np.int64).tobytes()
    for number in (0, 1):
        assert not cluster.rounds.take(msgspec.structs.replace(huge, partition=number, sums=sums), cluster.now_s)
    assert all("64-bit" in reason for reason in cluster.reasons())
    assert cluster.reasons()


def test_a_partition_that_says_why_it_has_no_sums_is_the_reason() -> None:
    """Not its silence: whoever reads it learns what to do; once it answers again all is well."""
    cluster = Cluster()
    assert cluster.round(0, 1)
    for _ in range(5):
        tick = cluster.tick()
        assert not cluster.rounds.take(failure(tick, 0, "it came apart"), cluster.now_s)
        cluster.rounds.take(cluster.answer(tick, 1), cluster.now_s)
    assert cluster.reasons() == {"partition 0: it came apart"}
    assert cluster.round(0, 1)
    assert not cluster.reasons()


def test_a_partition_that_is_behind_makes_kpis_unknown_until_it_has_caught_up() -> None:
    """Its sums are those of the past: the last snapshot stands for a moment, and then there is none."""
    cluster = Cluster()
    assert cluster.round(0, 1)
    cluster.now_s += 60
    tick = cluster.tick()
    assert not cluster.rounds.take(msgspec.structs.replace(cluster.answer(tick, 0), behind=True), cluster.now_s)
    assert not cluster.rounds.take(cluster.answer(tick, 1), cluster.now_s)
    assert cluster.reasons() == {"partition 0 is still reading what came before"}
    assert cluster.round(0, 1)
    assert not cluster.reasons()


def test_a_topic_with_partitions_that_nobody_reads_makes_kpis_unknown() -> None:
    """All that are known answer, and figures would only be smaller: the sentence says what to do."""
    cluster = Cluster()
    assert cluster.round(0, 1)
    cluster.rounds.resized = "topic 'customer-events' has 3 partition(s), expected 2"
    assert cluster.reasons() == {"topic 'customer-events' has 3 partition(s), expected 2"}
