"""The clock is stepped by minutes: `now` never goes back, and what is known is exact at the `now` that it names."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from deployment import Deployment, eventually
from flow import Flow
from launcher import Clock, program
from shop import TEHRAN, in_s, log_until, oracle_agrees, raw
from witness import Witness, settled

from streams.services import ApacheKafka

LOAD_S = 18.0
STEP_S = 180.0
"""Less than `future_tolerance`: a worker whose clock is further behind takes today's events for the future's."""


def test_clocks_are_stepped_forward_and_back(
    kafka: ApacheKafka, hurried: Callable[..., Deployment], tmp_path: Path
) -> None:
    """Of both workers, and then of one of them alone: either they agree on the time, or the KPIs are unknown."""
    clocks = [Clock(tmp_path / f"clock-{number}") for number in range(2)]
    live = hurried(kafka.bootstrap)
    workers = [live.start(program=program(clock=clock.path)) for clock in clocks]
    live.ready(2)
    log = log_until(in_s(LOAD_S), 71, customers=100, ahead=False, **TEHRAN)
    with Witness(live) as witness, Flow(live, raw(log), rate=len(log) / LOAD_S) as flow:
        for off_s in (STEP_S, -STEP_S, 0.0):
            before = len(witness.documents)
            for clock in clocks:
                clock.step(off_s)
            eventually("KPIs known", lambda heard=before: len(witness.documents) > heard + 2)
        ahead = clocks[0 if workers[1].owns_kpis() else 1]
        ahead.step(STEP_S)
        eventually("KPIs unknown: ticks look too old to one of them", lambda: not live.known())
        ahead.step(0.0)
        eventually("KPIs known again", live.known)
        flow.hurry()
        flow.wait()
        oracle_agrees(settled(live), log)
    assert all(one["now"] <= other["now"] for one, other in pairwise(witness.documents))
    assert witness.judge() >= 5
