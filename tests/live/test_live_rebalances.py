"""Workers come, go, die, sleep and flap: one speaks for the KPIs, nothing is read twice, figures are as if alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from deployment import PARTITIONS, Deployment, WorkerProcess, eventually, windows_differ
from flow import Flow, publish
from speakers import Speakers

from metrics.names import EVENTS_DUPLICATE
from streams.services import ApacheKafka

RETAIL = {"clock": "event", "timezone": "Europe/London", "currency": "GBP"}
SESSION_S = 4.0
"""As tests/live/deployment.py has it."""


def settled(live: Deployment, lines: list[bytes]) -> dict[str, Any]:
    """Wait for the last event, and compare everything."""
    expected = live.expected(lines)

    def reached() -> Any:
        document = live.known()
        return document if document and document["now"] == expected["now"] == document["slices_now"] else None

    document = eventually(f"the KPIs reach the last event {expected['now']}; {live.state()}", reached)
    assert windows_differ(document, expected) == []
    return document


def owner(live: Deployment) -> WorkerProcess:
    return eventually("somebody owns the KPIs", lambda: next((w for w in live.running if w.owns_kpis()), None))


def held(live: Deployment) -> list[int]:
    return sorted(int(number) for worker in live.running for number in worker.partitions())


def all_held(live: Deployment) -> None:
    eventually(f"every partition has one owner; {live.state()}", lambda: held(live) == list(range(PARTITIONS)))


def flap(live: Deployment, times: int, stayer: WorkerProcess) -> None:
    """Another worker joins, takes part, and leaves, again and again."""
    for _ in range(times):
        guest = live.start()
        eventually(f"the guest takes part; {live.state()}", lambda guest=guest: guest.partitions())
        assert guest.terminate() == 0
        assert stayer.runs


@pytest.mark.parametrize("times", [2, pytest.param(10, marks=pytest.mark.soak)])
@pytest.mark.timeout(600)
def test_workers_that_flap_lose_nothing_and_read_nothing_twice(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes], times: int
) -> None:
    """A guest joins and leaves every few seconds while events flow, and never do two speak for the KPIs."""
    live = deploy(kafka.bootstrap, **RETAIL)
    stayer = live.start()
    live.ready()
    with Speakers(live) as speakers:
        with Flow(live, retail_year, rate=len(retail_year) / (9 * times)) as flow:
            flap(live, times, stayer)
            flow.wait(240)
        all_held(live)
        settled(live, retail_year)
    assert stayer.metric(EVENTS_DUPLICATE) == 0, "events were read twice: their state didn't move along"
    assert speakers.at_once() == []
    assert speakers.scrapes > 100


@pytest.mark.timeout(300)
def test_one_speaker_through_a_kill_and_a_sleep(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """Who speaks is killed; its successor is paused for longer than its session, and wakes up while another speaks."""
    live = deploy(kafka.bootstrap, **RETAIL)
    live.start(), live.start()
    live.ready(2)
    with Speakers(live) as speakers:
        publish(live, retail_year[:2000])
        settled(live, retail_year[:2000])
        first = owner(live)
        first.kill()
        live.start()
        all_held(live)
        publish(live, retail_year[2000:3000])
        settled(live, retail_year[:3000])
        sleeper = owner(live)
        other = next(worker for worker in live.running if worker is not sleeper)
        sleeper.pause()
        asleep_s = time.monotonic()
        eventually("the other speaks", lambda: other.owns_kpis() and not other.kpis().get("unknown", True))
        assert time.monotonic() - asleep_s > SESSION_S / 2
        publish(live, retail_year[3000:4000])
        sleeper.resume()
        all_held(live)
        settled(live, retail_year[:4000])
    assert speakers.at_once() == []
    turns = speakers.in_turn()
    assert turns[0] == first.name
    assert turns[turns.index(sleeper.name) + 1] == other.name


def test_a_restart_of_a_static_member_moves_no_partition(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """With an instance id it is back within its session, to the same partitions; the others don't even pause."""
    live = deploy(kafka.bootstrap, **RETAIL)
    session = {"kafka.session_timeout": "30s", "kafka.heartbeat_interval": "1s"}
    stayer = live.start(**session, **{"kafka.instance_id": "a"})
    leaver = live.start(**session, **{"kafka.instance_id": "b"})
    live.ready(2)
    publish(live, retail_year[:2000])
    settled(live, retail_year[:2000])
    before, theirs = stayer.partitions(), leaver.partitions()
    rebalances = stayer.said().count("Revoking previously assigned")
    assert leaver.terminate() == 0
    publish(live, retail_year[2000:3000])
    back = live.start(**session, **{"kafka.instance_id": "b"})
    eventually(f"it has its partitions; {live.state()}", lambda: back.partitions().keys() == theirs.keys(), 25)
    settled(live, retail_year[:3000])
    assert stayer.said().count("Revoking previously assigned") == rebalances
    assert {n: each["epoch"] for n, each in stayer.partitions().items()} == {
        n: each["epoch"] for n, each in before.items()
    }
    assert back.metric(EVENTS_DUPLICATE) == 0


def test_a_partition_that_came_apart_is_unknown_and_heals(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """A worker with one topic more joins: no figure is shown of which nobody knows what is in it, until it goes."""
    live = deploy(kafka.bootstrap, **RETAIL)
    first = live.start()
    live.ready()
    publish(live, retail_year[:2000])
    settled(live, retail_year[:2000])
    stranger = live.start(**{"kafka.customer_topics": json.dumps(["customer-events", "crm-events"])})

    def reasons() -> set[str]:
        return {why for worker in live.running for why in worker.kpis().get("unknown", {}).values()}

    eventually(
        f"it says what is wrong; {live.state()}",
        lambda: any("its topics came apart" in why or "its worker reads" in why for why in reasons()),
    )
    assert live.known() is None
    assert stranger.terminate() == 0
    publish(live, retail_year[2000:3000])
    settled(live, retail_year[:3000])
    assert len(first.partitions()) == PARTITIONS


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_a_worker_joins_while_another_still_restores(kafka: ApacheKafka, deploy: Callable[..., Deployment]) -> None:
    """Its large state is half read when the group shares out again: each takes its part, and nothing is missing."""
    live = deploy(kafka.bootstrap, clock="event")
    live.start()
    live.ready()
    lines = [
        json.dumps(
            {
                "type": "purchase",
                "event_id": f"p-{number}",
                "customer_id": f"c-{number}",
                "occurred_at": f"2026-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z",
                "order_id": f"o-{number}",
                "total": {"amount": "1.00", "currency": "EUR"},
            }
        ).encode()
        for number in range(40_000)
    ]
    publish(live, lines)
    settled(live, lines)
    assert live.running[0].terminate() == 0
    for joins_when in ("Restoring state from changelog", "Done reading from changelog"):
        slow = live.start()
        eventually(f"it restores: {joins_when}", lambda slow=slow, sign=joins_when: sign in slow.said())
        live.start()
        all_held(live)
        settled(live, lines)
        assert [worker.metric(EVENTS_DUPLICATE) for worker in live.running] == [0, 0]
        for worker in live.running:
            assert worker.terminate() == 0
