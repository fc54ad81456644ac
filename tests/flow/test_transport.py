"""The chunked transport against real brokers, its workers real processes that are stopped, paused and joined."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chunk_worker import Job, command
from faust.types import TP
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from streams.services import EmbeddedBroker

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = 4
PATIENCE = 45.0


def eventually(what: str, reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {what}"
        time.sleep(0.02)


class Worker:
    """A worker process and what it has journalled."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.log = Path(job.journal + ".log")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command(job), stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)}
            )

    def journal(self, *kinds: str) -> list[dict[str, Any]]:
        path = Path(self.job.journal)
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        entries = [json.loads(line) for line in lines if line.endswith("\n")]
        return [entry for entry in entries if not kinds or entry["what"] in kinds]

    def values(self) -> list[int]:
        return [value for entry in self.journal("chunk") for value in entry["values"]]

    def starts(self) -> list[list[int]]:
        return [entry["partitions"] for entry in self.journal("positions")]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


class Rig:
    """A topic, a producer, and workers of one group."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.topic = f"{prefix}events"
        self.ticks = f"{prefix}ticks"
        self.folder = folder
        self.producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
        self.sent = 0
        self.workers: list[Worker] = []
        self.job = Job(bootstrap, f"{prefix}group", self.topic, PARTITIONS, "", str(folder))

    def send(self, count: int, partition: int | None = None) -> None:
        """Numbers, going on from the last one."""
        for number in range(self.sent, self.sent + count):
            target = number % PARTITIONS if partition is None else partition
            self.producer.send(self.topic, str(number).encode(), partition=target)
        self.sent += count
        self.producer.flush()

    def start(self, **changes: Any) -> Worker:
        journal = str(self.folder / f"journal{len(self.workers)}")
        worker = Worker(replace(self.job, journal=journal, **changes))
        self.workers.append(worker)
        return worker

    def seen(self) -> Counter[int]:
        return Counter(value for worker in self.workers for value in worker.values())

    def all_seen(self) -> bool:
        return sum(self.seen().values()) >= self.sent

    def committed(self, topic: str = "") -> dict[int, int]:
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, group_id=self.job.group, enable_auto_commit=False)
        try:
            found = {p: consumer.committed(TopicPartition(topic or self.topic, p)) for p in range(PARTITIONS)}
        finally:
            consumer.close()
        return {partition: offset for partition, offset in found.items() if offset is not None}


def new_rig(bootstrap: str, prefix: str, folder: Path, create_topics: Callable[..., None]) -> Iterator[Rig]:
    rig = Rig(bootstrap, prefix, folder)
    create_topics(bootstrap, {rig.topic: PARTITIONS, rig.ticks: PARTITIONS})
    try:
        yield rig
    finally:
        rig.producer.close()
        for worker in rig.workers:
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()


@pytest.fixture
def rig(any_kafka: Any, fresh_prefix: str, tmp_path: Path, create_topics: Callable[..., None]) -> Iterator[Rig]:
    for made in new_rig(any_kafka.bootstrap, fresh_prefix, tmp_path, create_topics):
        if isinstance(any_kafka, EmbeddedBroker):  # waits half of it for further members, at every join
            made.job = replace(made.job, session_timeout=2.0)
        yield made


@pytest.fixture
def apache_rig(kafka: Any, fresh_prefix: str, tmp_path: Path, create_topics: Callable[..., None]) -> Iterator[Rig]:
    yield from new_rig(kafka.bootstrap, fresh_prefix, tmp_path, create_topics)


def assert_seamless(worker: Worker) -> None:
    """Chunks of a partition join without gap or overlap, their records in order."""
    assert worker.journal("gap") == []
    for partition in range(PARTITIONS):
        offsets = [o for entry in worker.journal("chunk") if entry["partition"] == partition for o in entry["offsets"]]
        assert offsets == sorted(set(offsets))


def test_a_normal_run_hands_over_every_record_once_and_in_order(rig: Rig) -> None:
    """Nothing is lost, doubled or out of place, and chunks are chunks."""
    rig.send(20_000)
    worker = rig.start()
    eventually("all records seen", rig.all_seen)
    rig.send(2_000)
    eventually("later records seen", rig.all_seen)
    assert worker.stop() == 0
    assert rig.seen() == Counter(range(rig.sent))
    assert_seamless(worker)
    sizes = [len(entry["values"]) for entry in worker.journal("chunk")]
    assert max(sizes) <= 2_000
    assert len(sizes) < 200


def test_acks_reach_the_end_of_the_last_chunk_before_one_that_is_still_out(rig: Rig) -> None:
    """Acked chunks commit last offset + 1, never past a chunk that nobody acked."""
    rig.send(250, partition=0)
    worker = rig.start(chunk_records=100, hold=3)
    eventually("acks given", lambda: bool(worker.journal("committed")))
    reached = {entry["nth"]: max(entry["positions"]) for entry in worker.journal("acked")}
    assert reached == {2: 0, 1: 0, 0: 250}
    assert rig.committed()[0] == 250


def test_nothing_commits_chunks_but_the_engine(rig: Rig) -> None:
    """Faust's periodic commit takes up single messages and leaves chunks alone, however much of them was acked."""
    worker = rig.start(ticks=rig.ticks)
    rig.send(1_000)
    eventually("all records seen", rig.all_seen)
    rig.producer.send(rig.ticks, b"now", partition=0).get(10)
    eventually("tick committed", lambda: rig.committed(rig.ticks) != {})
    worker.process.kill()
    worker.process.wait()
    assert rig.committed() == {}


def test_a_lone_record_gets_through_at_once(rig: Rig) -> None:
    """On an idle topic a record reaches the agent within 50 ms."""
    worker = rig.start()
    rig.send(PARTITIONS)
    eventually("worker reads", rig.all_seen)
    delays = []
    for nth in range(20):
        sent_at = time.time()
        rig.send(1, partition=nth % PARTITIONS)
        eventually("record seen", rig.all_seen)
        delays.append(worker.journal("chunk")[-1]["at"] - sent_at)
    assert sorted(delays)[len(delays) // 2] < 0.05, delays


def test_stopping_lets_the_engine_write_its_state_down_first(rig: Rig) -> None:
    """SIGTERM runs the hook while changelog and commits still work, and the next worker reads on from there."""
    rig.send(4_000)
    first = rig.start()
    eventually("all records seen", rig.all_seen)
    assert first.stop() == 0
    assert [entry["what"] for entry in first.journal()][-2:] == ["let_go", "committed"]
    assert rig.committed() == dict.fromkeys(range(PARTITIONS), 1_000)
    second = rig.start()
    rig.send(400)
    eventually("the rest seen", rig.all_seen)
    assert second.stop() == 0
    assert rig.seen() == Counter(range(rig.sent))


def test_partitions_move_between_two_workers_without_loss_or_repetition(rig: Rig) -> None:
    """Joining and leaving workers: each partition is let go, with its state, before another one takes hold of it."""
    first = rig.start(ticks=rig.ticks)
    rig.send(2_000)
    eventually("first worker reads", rig.all_seen)
    second = rig.start(ticks=rig.ticks)
    while second.starts() in ([], [[]]):
        rig.send(200)  # in the midst of the rebalance
    eventually("first worker reads half", lambda: len(first.starts()[-1]) == PARTITIONS // 2)
    rig.send(2_000)
    eventually("both have read", rig.all_seen)
    assert first.stop() == 0
    rig.send(2_000)
    eventually("second worker has it all", rig.all_seen)
    assert second.stop() == 0
    assert rig.seen() == Counter(range(rig.sent))
    for worker in (first, second):
        assert_seamless(worker)
        let_go = [entry["partitions"] for entry in worker.journal("let_go")]
        assert let_go == [held for held in worker.starts() if held]
        assert worker.journal("refused") == []
    assert sorted(first.starts()[-1] + second.starts()[-2]) == [0, 1, 2, 3]


def test_reading_starts_where_the_engine_says(rig: Rig) -> None:
    """Manifests win over everything: partitions are re-read from the positions that they hold."""
    rig.send(4_000)
    first = rig.start()
    eventually("all records seen", rig.all_seen)
    assert first.stop() == 0
    for partition in range(PARTITIONS):
        (rig.folder / f"{rig.topic}-{partition}").write_text(str(100 * partition))
    second = rig.start()
    eventually("re-read", lambda: len(second.values()) >= 4_000 - 600)
    begins = {entry["partition"]: entry["begin"] for entry in reversed(second.journal("chunk"))}
    assert begins == {0: 0, 1: 100, 2: 200, 3: 300}
    assert rig.seen() == Counter(range(4_000)) + Counter(
        number for number in range(4_000) if number >= 400 * (number % 4)
    )


def test_ticks_are_read_from_their_end(apache_rig: Rig) -> None:
    """Single messages of a `from_end` topic come one by one, and only those sent after the worker took hold."""
    rig = apache_rig
    rig.producer.send(rig.ticks, b"old", partition=0).get(10)
    worker = rig.start(ticks=rig.ticks)
    rig.send(PARTITIONS)
    eventually("worker reads", rig.all_seen)
    rig.producer.send(rig.ticks, b"new", partition=0).get(10)
    eventually("tick seen", lambda: bool(worker.journal("tick")))
    assert [entry["value"] for entry in worker.journal("tick")] == ["new"]


def test_a_worker_that_wakes_up_too_late_commits_nothing(apache_rig: Rig) -> None:
    """A paused worker loses its partitions; awake again its commit is refused, and it starts anew by the manifests."""
    rig = apache_rig
    rig.send(2_000)
    first = rig.start()
    eventually("first worker reads", rig.all_seen)
    second = rig.start()
    eventually("they share", lambda: len(first.starts()[-1]) == PARTITIONS // 2 and bool(second.starts()[-1:]))
    rig.send(2_000)
    eventually("both have read", rig.all_seen)
    first.process.send_signal(signal.SIGSTOP)
    try:
        eventually("second worker has all partitions", lambda: second.starts()[-1] == [0, 1, 2, 3])
    finally:
        first.process.send_signal(signal.SIGCONT)
    eventually("first worker is refused", lambda: bool(first.journal("refused")))
    assert first.journal("refused")[0]["error"] == "CommitFailedError"
    eventually("first worker is back", lambda: len(first.starts()) >= 3 and bool(first.starts()[-1]))
    assert first.process.poll() is None


def test_a_crash_is_not_checkpointed(apache_rig: Rig) -> None:
    """An engine that failed in the middle of a chunk isn't asked for its state: the manifest before it stands."""
    rig = apache_rig
    rig.send(2_000)
    worker = rig.start(crash_at=1_001)
    assert worker.process.wait(PATIENCE) != 0
    assert worker.journal("let_go") == []
    assert rig.committed() == {}


def test_a_position_that_retention_removed_stops_the_worker(apache_rig: Rig) -> None:
    """Reading on from the oldest record left would lose what lies between in silence."""
    rig = apache_rig
    rig.send(4_000)
    admin = KafkaAdminClient(bootstrap_servers=rig.bootstrap)
    admin.delete_records({TopicPartition(rig.topic, 2): 500})
    admin.close()
    for partition in range(PARTITIONS):
        (rig.folder / f"{rig.topic}-{partition}").write_text("100")
    worker = rig.start()
    assert worker.process.wait(PATIENCE) != 0
    assert worker.values() == []
    assert f"{TP(rig.topic, 2).topic}[2]: to be read from 100, but retention has removed everything before 500" in (
        worker.log.read_text()
    )
