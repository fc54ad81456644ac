"""Workers die at random instants while events flow, and the figures are as if they hadn't."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from deployment import Deployment, WorkerProcess, eventually, gauges_differ, windows_differ
from flow import Flow

from streams.services import ApacheKafka

RETAIL = {"clock": "event", "timezone": "Europe/London", "currency": "GBP"}
HURRIED = {**RETAIL, "checkpoint.interval": "300ms"}
"""Checkpoints so frequent that kills hit them."""


def die_and_come_back(live: Deployment, flow: Flow, chance: random.Random, kills: int) -> list[float]:
    """Kill a random worker so many times, start another in its place; return how long the KPIs took each time."""
    recovered = []
    for _ in range(kills):
        time.sleep(chance.uniform(0.2, 3.0))  # the random instant itself
        assert not flow.ended, "the flow ended before the last kill: it is too fast for this test"
        victim = chance.choice(live.running)
        victim.kill()
        died = time.monotonic()
        live.start()
        eventually(f"KPIs known again; {live.state()}", live.known)
        eventually(f"every partition held; {live.state()}", lambda: held(live) == list(range(4)))
        recovered.append(time.monotonic() - died)
    return recovered


def with_repeats(lines: list[bytes]) -> list[bytes]:
    """Every third event again, a second or so later: on the other side of a checkpoint, a crash, a handover."""
    repeated = []
    for number, line in enumerate(lines):
        repeated.append(line)
        if number >= 1500 and number % 3 == 0:
            repeated.append(lines[number - 1500])
    return repeated


def held(live: Deployment) -> list[int]:
    return sorted(int(number) for worker in live.running for number in worker.partitions())


def agree_in_the_end(live: Deployment, lines: list[bytes]) -> WorkerProcess:
    expected = live.expected(lines)

    def reached():
        document = live.known()
        return document if document and document["now"] == expected["now"] == document["slices_now"] else None

    document = eventually(f"the KPIs reach the last event {expected['now']}; {live.state()}", reached)
    assert windows_differ(document, expected) == []
    owner = next(worker for worker in live.running if worker.owns_kpis())
    assert gauges_differ(owner, expected, "GBP") == []
    return owner


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("workers", "kills", "seed"),
    [
        pytest.param(1, 2, 1),
        pytest.param(2, 2, 2),
        pytest.param(1, 12, 3, marks=pytest.mark.soak),
        pytest.param(2, 12, 4, marks=pytest.mark.soak),
        pytest.param(3, 12, 5, marks=pytest.mark.soak),
    ],
)
def test_kills_at_random_instants_lose_and_double_nothing(
    kafka: ApacheKafka,
    deploy: Callable[..., Deployment],
    retail_year: list[bytes],
    workers: int,
    kills: int,
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    """A lone worker dies by `kill -9`, or one of several, again and again."""
    live = deploy(kafka.bootstrap, **HURRIED)
    for _ in range(workers):
        live.start()
    live.ready(workers)
    lines = with_repeats(retail_year)
    with Flow(live, lines, rate=len(lines) / (40.0 * kills)) as flow:
        recovered = die_and_come_back(live, flow, random.Random(seed), kills)
        flow.hurry()
        flow.wait(300)
    record_property("recovered_s", [round(seconds, 1) for seconds in recovered])
    print("recovered", recovered)
    agree_in_the_end(live, lines)
