"""Workers are restarted one by one, lose what is on their disk, or find that the topics have changed."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable

import pytest
from deployment import PARTITIONS, Deployment, WorkerProcess, eventually
from flow import Flow, publish
from kafka.admin import KafkaAdminClient
from launcher import program
from shop import TEHRAN, in_s, log_until, oracle_agrees, raw
from witness import Witness, settled

from events.names import CUSTOMER_EVENTS
from metrics.names import CHECKPOINTS, EVENTS, EVENTS_DUPLICATE
from streams.services import ApacheKafka

LOAD_S = 20.0


@pytest.mark.soak
def test_a_rolling_restart_under_load(kafka: ApacheKafka, hurried: Callable[..., Deployment]) -> None:
    """Each worker is told to stop, and replaced: every one ends in an orderly way, nothing is counted twice."""
    live = hurried(kafka.bootstrap)
    live.start(), live.start()
    live.ready(2)
    log = log_until(in_s(LOAD_S), 81, customers=100, **TEHRAN)
    with Witness(live) as witness, Flow(live, raw(log), rate=len(log) / LOAD_S) as flow:
        for worker in list(live.running):
            eventually("KPIs known", live.known)
            assert worker.terminate() == 0, worker.said()[-2000:]
            live.start()
            live.ready(2)
        flow.hurry()
        flow.wait()
        oracle_agrees(settled(live), log)
    assert witness.judge() >= 3


def test_a_workers_disk_is_full_and_its_directory_gone(kafka: ApacheKafka, hurried: Callable[..., Deployment]) -> None:
    """It can write no file, not even its log, and its data directory is deleted: it counts, saves, and ends as ever."""
    live = hurried(kafka.bootstrap)
    worker = live.start()
    live.ready()
    log = log_until(in_s(6), 82, customers=60, duplicates=0, **TEHRAN)
    with Witness(live) as witness, Flow(live, raw(log), rate=len(log) / 6) as flow:
        eventually("KPIs known", live.known)
        resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (0, 0))
        shutil.rmtree(live.directory / "data")
        saved = worker.metric(CHECKPOINTS)
        eventually("it saves on", lambda: worker.metric(CHECKPOINTS) > saved + PARTITIONS)
        flow.wait()
        settled(live)
    assert worker.terminate() == 0
    successor = live.start()
    live.ready()
    settled(live)
    assert (
        successor.metric(EVENTS_DUPLICATE)
        == sum(value for (name, _), value in successor.metrics().items() if name == EVENTS)
        == 0
    ), "it read again what had been saved"
    assert witness.judge() >= 1


def grown(worker: WorkerProcess) -> bool:
    """Tell whether a worker says that a topic has more partitions than are read."""
    reasons = worker.kpis().get("unknown", {}).values()
    return bool(reasons) and all(
        f"has {PARTITIONS + 1} partition(s), expected {PARTITIONS}" in text for text in reasons
    )


def test_a_changed_partition_count_is_refused_with_the_way_out(
    kafka: ApacheKafka, hurried: Callable[..., Deployment]
) -> None:
    """In the settings, or by adding partitions to a topic: those that run say unknown, who starts is refused."""
    live = hurried(kafka.bootstrap)
    other = live.start(**{"kafka.partitions": str(PARTITIONS + 1)})
    assert other.wait() != 0
    assert f"has {PARTITIONS} partition(s), expected {PARTITIONS + 1}: set kafka.partitions" in other.said()

    worker = live.start(program=program(looks_every_s=1.0))
    live.ready()
    publish(live, raw(log_until(in_s(0), 83, customers=20, **TEHRAN)))
    settled(live)

    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_partitions({live.topic(CUSTOMER_EVENTS): PARTITIONS + 1})
    admin.close()
    eventually("the KPIs are unknown", lambda: grown(worker), 40)
    refused = live.start()
    assert refused.wait() != 0
    assert f"has {PARTITIONS + 1} partition(s), expected {PARTITIONS}" in refused.said()
    assert "begin under another kafka.topic_prefix" in refused.said()
