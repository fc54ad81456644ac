"""A worker that sleeps longer than its session, in the middle of a checkpoint, and goes on writing when it wakes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from deployment import PARTITIONS, Deployment, WorkerProcess, eventually
from flow import Flow
from launcher import Strike, program
from shop import TEHRAN, in_s, log_until, oracle_agrees, raw
from witness import Witness, settled

from streams.manifest import is_manifest
from streams.services import ApacheKafka


def sleeps(worker: WorkerProcess) -> bool:
    """Tell whether a process has been stopped."""
    return Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def manifests(live: Deployment) -> dict[int, list[str]]:
    """The epochs of the manifests in the changelog, by partition, in the order of their arrival."""
    topic = f"{live.prefix}group-state-changelog"
    return {
        partition: [record.key.decode().split("/")[1] for record in records if is_manifest(record.key)]
        for partition, records in live.records(topic, range(PARTITIONS)).items()
    }


def test_a_late_checkpoint_harms_no_successor(kafka: ApacheKafka, hurried: Callable[..., Deployment]) -> None:
    """It wakes between its entries and its manifest, and writes it after its successor's: nobody heeds it."""
    live = hurried(kafka.bootstrap)
    log = log_until(in_s(16), 41, customers=100, **TEHRAN)
    sleeper = live.start(program=program(strike=Strike("manifest", how="SIGSTOP")))
    with Witness(live) as witness, Flow(live, raw(log), rate=len(log) / 16) as flow:
        eventually("it falls asleep", lambda: sleeps(sleeper))
        successor = live.start()
        eventually("the successor holds all", lambda: len(successor.partitions()) == PARTITIONS)
        written = {partition: len(epochs) for partition, epochs in manifests(live).items()}
        eventually(
            "and has written a checkpoint of each",
            lambda: all(len(epochs) > written[partition] for partition, epochs in manifests(live).items()),
        )
        sleeper.process.send_signal(signal.SIGCONT)
        eventually(
            "the late manifest arrives", lambda: any(epochs != sorted(epochs) for epochs in manifests(live).values())
        )
        for worker in live.running:
            worker.kill()
        flow.hurry()
        live.start()
        flow.wait()
        oracle_agrees(settled(live), log)
    assert witness.judge() >= 2
