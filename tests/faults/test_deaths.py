"""Workers die at every step of a checkpoint, and all at once; figures are exact or unknown, all the while.

On the wall clock, with events of every type, late and repeated ones among them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from deployment import Deployment, eventually
from flow import Flow
from launcher import Strike, program
from shop import TEHRAN, in_s, log_until, oracle_agrees, raw
from witness import Witness, settled

from streams.services import ApacheKafka

STEPS = [
    Strike("entry", 1),  # before the first entry: nothing of this checkpoint is in the changelog
    Strike("entry", 2),  # between entries
    Strike("manifest"),  # all entries are there, and no manifest names them
    Strike("commit"),  # the manifest is there, the group's committed offsets are older
    Strike("tombstone", 1),  # committed, and nothing superseded is deleted yet
    Strike("tombstone", 2),  # some of it is
]


@pytest.mark.timeout(400)
def test_a_worker_dies_at_every_step_of_a_checkpoint(
    kafka: ApacheKafka, hurried: Callable[..., Deployment], record_property: Callable[[str, object], None]
) -> None:
    """One after another, each the successor of the one before; in the end the oracle is asked, too."""
    live = hurried(kafka.bootstrap)
    seconds = 25.0 * len(STEPS)  # on a busy machine a worker takes that long to begin; without events it saves nothing
    log = log_until(in_s(seconds), 31, customers=120, ahead=False, **TEHRAN)
    recovered = []
    with Witness(live) as witness, Flow(live, raw(log), rate=len(log) / seconds) as flow:
        for strike in STEPS:
            began = time.monotonic()
            worker = live.start(program=program(strike=replace(strike, checkpoint=8)))
            eventually(f"it strikes itself at {strike}; {live.state()}", lambda mortal=worker: not mortal.runs, 120)
            assert worker.wait() == -9, worker.said()[-2000:]
            recovered.append(round(time.monotonic() - began, 1))
        flow.hurry()
        live.start()
        flow.wait()
        document = settled(live)
    record_property("start_to_death_s", recovered)
    print("from start to death", recovered, "claims", len(witness.documents))
    assert witness.judge() >= 2
    oracle_agrees(document, log)


@pytest.mark.timeout(240)
def test_all_workers_die_at_once(kafka: ApacheKafka, hurried: Callable[..., Deployment]) -> None:
    """Both of two: nobody is left who remembers anything."""
    live = hurried(kafka.bootstrap)
    live.start(), live.start()
    live.ready(2)
    log = log_until(in_s(20), 32, customers=100, **TEHRAN)
    with Witness(live) as witness, Flow(live, raw(log), rate=len(log) / 20) as flow:
        eventually("KPIs known", live.known)
        victims = live.running
        for worker in victims:
            worker.process.kill()
        for worker in victims:
            worker.kill()
        live.start(), live.start()
        live.ready(2)
        flow.hurry()
        flow.wait()
        settled(live)
    assert witness.judge() >= 2
