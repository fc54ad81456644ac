"""Workers join and leave while events flow: state moves, figures don't."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self

from deployment import PARTITIONS, Deployment, WorkerProcess, eventually, gauges_differ, windows_differ
from flow import Flow, publish

from metrics.names import EVENTS, EVENTS_DUPLICATE
from streams.services import ApacheKafka

RETAIL = {"clock": "event", "timezone": "Europe/London", "currency": "GBP"}
A_KPI = b"tapesh_active_customers_customers{"


class Scrapes:
    """Who exports KPI gauges: all workers are asked, round after round."""

    def __init__(self, live: Deployment) -> None:
        self._live = live
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scrapes")
        self.rounds: list[list[str]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.02):
            workers = list(self._live.workers)
            self.rounds.append([worker.name for worker in workers if worker.runs and exports(worker)])

    @property
    def exporters(self) -> list[str]:
        """Who exported, in the order in which they took over."""
        names = [name for found in self.rounds for name in found]
        return [name for name, before in zip(names, ["", *names], strict=False) if name != before]


def exports(worker: WorkerProcess) -> bool:
    return A_KPI in (worker.get("/metrics", 2.0) or b"")


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
    with Scrapes(live) as scrapes, Flow(live, retail_year, rate=len(retail_year) / 22) as flow:
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
    assert scrapes.exporters[-2:] == [leaver.name, stayer.name]
    assert max(len(found) for found in scrapes.rounds) == 1


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


def test_a_worker_that_was_paused_exports_nothing_stale(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """It sleeps longer than its session; the other takes over; woken, it doesn't speak for the KPIs."""
    live = deploy(kafka.bootstrap, **RETAIL)
    live.start(), live.start()
    live.ready(2)
    publish(live, retail_year[:3000])
    sleeper = settled(live, retail_year[:3000])
    other = next(worker for worker in live.running if worker is not sleeper)
    sleeper.pause()
    eventually(f"the other holds all; {other.json('/health')}", lambda: len(other.partitions()) == 4)
    eventually("and knows the KPIs", lambda: other.owns_kpis() and not other.kpis().get("unknown", True))
    publish(live, retail_year[3000:6000])
    with Scrapes(live) as scrapes:
        sleeper.resume()
        eventually(
            f"both hold partitions; {live.state()}", lambda: sleeper.partitions() and len(other.partitions()) == 2
        )
        settled(live, retail_year[:6000])
    assert max(len(found) for found in scrapes.rounds) == 1
