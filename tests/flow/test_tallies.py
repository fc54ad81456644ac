"""Cohorts and tenures on the live path: of one instant everywhere, seldom, and gone when they can't be known."""

from __future__ import annotations

from typing import Any

import pytest
from agreement import differences, lines
from fake_log import FakeLog
from kpi_oracle.breakdowns import breakdowns
from kpi_oracle.clock import instant_ms
from kpi_oracle.history import Event
from kpi_oracle.logs import generate

from metrics.breakdown import BANDS
from metrics.breakdown_gauges import render_breakdowns
from metrics.catalogue import BREAKDOWNS
from metrics.withheld import withheld
from streams import tallies as of_agent
from streams.checkpoint import Checkpointer
from streams.manifest import Epoch
from streams.merge import Admission
from streams.messages import decode_answer, decode_tick, encode_answer, encode_tick
from streams.owned import CheckpointStatistics, OwnedPartition
from streams.partition import PartitionState
from streams.rounds import Rounds
from streams.settings import Settings
from streams.tally_job import _counting

NOW_MS = instant_ms("2026-06-15T13:37:20.250Z")
PARTITIONS = 2


class Cluster:
    """A KPI agent and two owned partitions, on a clock that the test moves."""

    def __init__(self) -> None:
        self.settings = Settings(kafka={"partitions": PARTITIONS})
        self.rounds = Rounds(self.settings, "owner", "http://127.0.0.1:1", Admission())
        self.owned = [self.taken_up(number) for number in range(PARTITIONS)]
        self.now_s, self.now_ms = 100.0, NOW_MS - 60_000
        self.seen: list[Event] = []

    def taken_up(self, number: int) -> OwnedPartition:
        state = PartitionState(self.settings.meaning, number, 1)
        return OwnedPartition(
            state, Checkpointer(number, Epoch(0, 1), None, None), {}, FakeLog(), CheckpointStatistics()
        )

    def arrive(self, events: list[Event]) -> None:
        self.seen += events
        for event in events:
            home = sum(map(ord, str(event.get("customer_id") or event.get("channel")))) % PARTITIONS
            self.owned[home].state.arrive(lines([event]), [self.now_ms])

    def tick(self, *answering: int, after_s: float = 0.5) -> None:
        """A round, answered by these partitions; whatever is being counted is counted by its end."""
        self.now_s += after_s
        self.now_ms += int(after_s * 1_000)
        tick = decode_tick(encode_tick(self.rounds.tick(self.now_ms, self.now_s)))
        for number in answering or range(PARTITIONS):
            self.rounds.take(decode_answer(encode_answer(self.owned[number].answer(tick))), self.now_s)
        _counting.submit(int).result()

    def told(self) -> dict[str, Any] | None:
        assert self.rounds.snapshot is not None
        document = self.rounds.snapshot.document
        return None if document["cohorts"] is None else {name: document[name] for name in ("cohorts", "tenure")}


def test_all_partitions_tell_of_the_tick_that_asked_and_of_what_they_had_counted_then() -> None:
    """What comes while it is counted isn't in it, in either partition; it is in the next one, ten seconds later."""
    cluster, log = Cluster(), generate(5, customers=60, days=1_200)
    cluster.arrive(log[::2])
    cluster.tick()
    cluster.tick()  # asks
    asked_ms, before = cluster.now_ms, list(cluster.seen)
    cluster.arrive(log[1::2])
    cluster.tick()
    assert differences(cluster.told(), breakdowns(before, asked_ms)) == []
    cluster.tick(after_s=of_agent.EVERY_S)
    asked_ms = cluster.now_ms
    assert differences(cluster.told(), breakdowns(before, asked_ms)) != []
    cluster.tick()
    assert differences(cluster.told(), breakdowns(cluster.seen, asked_ms)) == []


def test_what_has_cost_much_is_asked_for_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of processor time, of all partitions together, is spread over fifty."""
    monkeypatch.setattr("streams.tally_job.time.thread_time", iter([0.0, 0.5] * 20).__next__)
    cluster = Cluster()
    for _ in range(3):
        cluster.tick()
    first = cluster.told()
    assert first is not None
    cluster.tick(after_s=49.0)
    cluster.tick()
    assert cluster.told() == first
    cluster.tick(after_s=2.0)
    cluster.tick()
    assert cluster.told() != first


def test_a_partition_that_has_changed_hands_is_asked_anew() -> None:
    """Its new owner knows of no tally: after a while one of another instant is asked for, of all partitions."""
    cluster = Cluster()
    cluster.arrive(generate(5, customers=20))
    cluster.tick()
    cluster.tick()
    cluster.owned[1] = cluster.taken_up(1)
    cluster.tick()
    assert cluster.told() is None
    cluster.tick(after_s=of_agent.PATIENCE_S)
    cluster.tick()
    told = cluster.told()
    assert told is not None
    assert told["cohorts"]["now"] == told["tenure"]["now"]


def test_of_the_past_nothing_is_counted() -> None:
    """A partition that still reads what came before takes no picture: its lifetimes are those of the past."""
    cluster = Cluster()
    cluster.tick()
    cluster.owned[0].set_goal("customer-events", 10)
    cluster.tick()
    cluster.owned[0].goals.clear()
    cluster.tick()
    assert cluster.told() is None


def test_an_old_tally_is_no_longer_shown() -> None:
    """Where none comes any more, what was is gone from document and gauges: nobody could tell it from news."""
    cluster = Cluster()
    for _ in range(3):
        cluster.tick()
    assert cluster.told() is not None
    assert cluster.rounds.tallies.exposition({}, cluster.now_s)
    for one in cluster.owned:
        one.tally.answer = lambda *_: None  # type: ignore[method-assign]
    for _ in range(3):
        cluster.tick(after_s=of_agent.PATIENCE_S)
    assert cluster.told() is None
    assert cluster.rounds.tallies.exposition({}, cluster.now_s) == b""


def test_what_they_rest_on_is_unknown_so_they_are() -> None:
    """Without cancellations that have come, the share that has stayed would be too high."""
    cluster = Cluster()
    for _ in range(3):
        cluster.tick()
    assert cluster.rounds.snapshot is not None
    document = cluster.rounds.snapshot.document
    assert withheld(document, {"nps": "silent"})["cohorts"] is not None
    said = withheld(document, {"churn_rate": "silent"})
    assert (said["cohorts"], said["tenure"]) == (None, None)
    assert cluster.rounds.tallies.exposition({"churn_rate"}, cluster.now_s) == b""


def test_every_gauge_is_declared_and_says_what_the_document_says() -> None:
    """Names, labels and values; what is undefined has no sample."""
    told = breakdowns(generate(2, customers=60, days=1_500), NOW_MS)
    text = render_breakdowns(told["cohorts"], told["tenure"]).decode()
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")} == {
        breakdown.gauge for breakdown in BREAKDOWNS
    }
    older, *_, march = [row for row in told["cohorts"]["months"] if row["cohort"] in ("older", "2026-03")]
    assert float(samples['tapesh_cohort_acquired_customers{cohort="older"}']) == older["acquired"]
    assert float(samples['tapesh_cohort_retained_customers{cohort="2026-03",months="02"}']) == march["retained"][2]
    so_far = march["so_far"]["retention"]
    assert float(samples['tapesh_cohort_retention_ratio{cohort="2026-03",months="now"}']) == so_far
    assert 'tapesh_cohort_retained_customers{cohort="2026-03",months="03"}' not in samples
    curve = told["tenure"]["survival"]
    assert float(samples['tapesh_survival_ratio{days="0090"}']) == curve["90"]
    for name, by_window in told["tenure"]["windows"].items():
        for band, rate in by_window.get("churn_rate_by_tenure", {}).items():
            sample = samples.get(f'tapesh_churn_rate_by_tenure_ratio{{window="{name}",tenure="{band}"}}')
            assert rate == (None if sample is None else float(sample))


def test_declarations_are_whole() -> None:
    """Each has words in both languages, and the gauge's name ends in its unit."""
    for breakdown in BREAKDOWNS:
        assert breakdown.gauge == f"tapesh_{breakdown.id}_{breakdown.unit.value}"
        assert breakdown.title.fa != breakdown.title.en
        assert breakdown.definition.endswith(".")
    assert len({breakdown.id for breakdown in BREAKDOWNS}) == len(BREAKDOWNS)
    assert len({band.title.fa for band in BANDS}) == len(BANDS)
