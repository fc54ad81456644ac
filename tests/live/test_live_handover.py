"""Workers join and leave while events flow: state moves, figures don't."""

from __future__ import annotations

from collections.abc import Callable

from deployment import PARTITIONS, Deployment, WorkerProcess, eventually, gauges_differ, windows_differ
from flow import Flow, publish
from speakers import Speakers

from metrics.names import EVENTS, EVENTS_DUPLICATE
from streams.services import ApacheKafka

RETAIL = {"clock": "event", "timezone": "Europe/London", "currency": "GBP"}


def settled(live: Deployment, lines: list[bytes]) -> WorkerProcess:
    """Wait for the last event, compare everything, and return the worker that owns the KPIs."""
    expected = live.expected(lines)

    def reached():
        document = live.known()
        return document if document and document["now"] == expected["now"] == document["slices_now"] else None

    document = eventually(f"the KPIs reach the last event {expected['now']}; {live.state()}", reached)
    assert windows_differ(document, expected) == []
    owner = next(worker for worker in live.running if worker.owns_kpis())
    assert gauges_differ(owner, expected, "GBP") == []
    return owner


def test_a_worker_joins_and_leaves_while_events_flow(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """The second takes over where the first stood, hands back when it ends, and never do both export KPIs."""
    live = deploy(kafka.bootstrap, **RETAIL)
    first = live.start()
    live.ready()
    with Speakers(live) as speakers, Flow(live, retail_year, rate=len(retail_year) / 22) as flow:
        eventually("a quarter is read", lambda: total(first) > len(retail_year) / 4)
        second = live.start()
        eventually("both hold partitions", lambda: first.partitions() and second.partitions())
        eventually("both read on", lambda: total(second) > len(retail_year) / 20)
        leaver, stayer = (first, second) if first.owns_kpis() else (second, first)
        assert leaver.terminate() == 0
        eventually("the other holds all", lambda: len(stayer.partitions()) == PARTITIONS)
        flow.wait()
        settled(live, retail_year)
    assert stayer.metric(EVENTS_DUPLICATE) == 0, "events were read twice: their state didn't move along"
    assert speakers.in_turn()[-2:] == [leaver.name, stayer.name]
    assert speakers.at_once() == []


def total(worker: WorkerProcess) -> float:
    return sum(value for (name, _), value in worker.metrics().items() if name == EVENTS)


def test_events_sent_again_are_dropped_after_a_restart_and_a_handover(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """What an earlier process, or another one, has counted isn't counted again."""
    lines = retail_year[:4000]
    live = deploy(kafka.bootstrap, **RETAIL)
    first = live.start()
    live.ready()
    publish(live, lines)
    settled(live, lines)
    assert first.terminate() == 0

    second = live.start()
    live.ready()
    publish(live, lines)
    eventually("all are duplicates", lambda: second.metric(EVENTS_DUPLICATE) == len(lines))
    settled(live, lines)

    third = live.start()
    live.ready(2)
    before = second.metric(EVENTS_DUPLICATE)
    publish(live, lines)
    eventually(
        "all are duplicates again",
        lambda: second.metric(EVENTS_DUPLICATE) - before + third.metric(EVENTS_DUPLICATE) == len(lines),
    )
    assert third.metric(EVENTS_DUPLICATE) > 0
    settled(live, lines)
    assert total(second) == total(third) == 0
