"""Settings change under load: the old figures are served until the new ones are there, and never two at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Self

import pytest
from deployment import Deployment, WorkerProcess, eventually, gauges_differ, windows_differ
from exporters import Exporters
from flow import Flow, publish

from streams.engines import read_record
from streams.services import ApacheKafka
from streams.settings import Settings

OLD = {"clock": "event", "timezone": "UTC", "currency": "GBP"}
NEW = {"timezone": "Asia/Tehran"}
LINES = 15_000
GAP_S = 10.0
"""What a takeover may take on a busy machine."""


class Answers:
    """What one worker answers to who asks for the KPIs, again and again.

    Attributes:
        zones: the time zone of each answer.
        unknown: what each said to be unknown.
    """

    def __init__(self, asked: WorkerProcess) -> None:
        self.zones: list[str] = []
        self.unknown: list[dict[str, str]] = []
        self._asked = asked
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="answers")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.1):
            document = self._asked.json("/kpis")
            if document.get("windows"):
                self.zones.append(document["settings"]["timezone"])
                self.unknown.append(document["unknown"])


def rebuild(live: Deployment, *arguments: str) -> WorkerProcess:
    return live.start(command=("rebuild", *arguments), **NEW)


def with_zone(live: Deployment, zone: str) -> Settings:
    return live.settings.model_copy(update={"timezone": zone, "app_id": f"{live.prefix}group"})


def settled(live: Deployment, worker: WorkerProcess, lines: list[bytes]) -> None:
    """Wait for the last event, and compare everything with what `compute` says under the new settings."""
    live.options = {**live.options, **NEW}
    expected = live.expected(lines)

    def reached() -> Any:
        document = worker.kpis()
        is_there = document.get("windows") and not document["unknown"]
        return document if is_there and document["now"] == expected["now"] == document["slices_now"] else None

    document = eventually(f"the KPIs reach the last event {expected['now']}; {live.state()}", reached)
    assert windows_differ(document, expected) == []


@pytest.mark.timeout(400)
def test_another_time_zone_is_counted_beside_the_old_one_and_takes_over(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """UTC is served until Tehran is whole; one exporter at most; workers of before refer to the new engine."""
    lines = retail_year[:LINES]
    live = deploy(kafka.bootstrap, **OLD)
    old = live.start()
    live.ready()
    publish(live, lines[: LINES // 4])
    eventually("the first quarter is counted", live.known)
    with (
        Exporters(live) as exporters,
        Answers(old) as answers,
        Flow(live, lines[LINES // 4 :], rate=LINES / 60) as flow,
    ):
        new = rebuild(live, "--yes")
        eventually(f"the new engine serves; {new.said()}", lambda: new.json("/health").get("serves"))
        eventually("the worker of before refers to it", lambda: answers.zones[-1] == "Asia/Tehran")
        assert not flow.ended, "the switch was not under load"
        flow.hurry()
        flow.wait()
        settled(live, old, lines)
        eventually("the new engine exports", lambda: exporters.now == [new.name])

        assert old.terminate() == 0
        joined = live.start()
        eventually("the restarted worker shares the partitions", lambda: joined.partitions() and new.partitions())
        assert new.terminate() == 0, new.said()
        eventually("it holds all", lambda: len(joined.partitions()) == 4 and joined.owns_kpis())
        settled(live, joined, lines)
        eventually("and exports", lambda: exporters.now == [joined.name])
    assert gauges_differ(joined, live.expected(lines), "GBP") == []
    assert exporters.most == 1
    assert answers.zones == sorted(answers.zones, reverse=True), "UTC until the switch, and Tehran from then on"
    assert not any(answers.unknown), "the old figures were known until the new ones took over"
    assert exporters.longest_gap_s < GAP_S

    refused = live.start(timezone="UTC")
    assert refused.wait() == 1
    assert "timezone was 'Asia/Tehran' and is now 'UTC'" in refused.said()
    assert "tapesh rebuild" in refused.said()


@pytest.mark.timeout(400)
def test_a_rebuild_that_was_killed_goes_on_where_it_stood(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """`kill -9` midway, or nobody to ask, leaves the old engine serving; the same command resumes, nothing is lost."""
    lines = retail_year[:LINES]
    live = deploy(kafka.bootstrap, **OLD)
    live.options["checkpoint.interval"] = "300ms"
    old = live.start()
    live.ready()
    publish(live, lines)
    eventually("the old engine is up to date", live.known)
    killed = rebuild(live)
    eventually("it reads", lambda: any(each["positions"] for each in killed.partitions().values()))
    killed.kill()
    record = read_record(with_zone(live, "UTC"))
    assert record.serving.group == f"{live.prefix}group"
    assert record.rebuilding is not None
    assert old.kpis()["unknown"] == {}

    unasked = rebuild(live)
    assert unasked.wait() == 1
    assert "tapesh rebuild --yes puts the new figures into service" in unasked.said()
    assert "figures change" in unasked.said()
    assert old.json("/health")["serves"]

    resumed = rebuild(live, "--yes")
    eventually(f"it takes over; {resumed.said()}", lambda: resumed.json("/health").get("serves"))
    settled(live, old, lines)
    after = read_record(with_zone(live, "Asia/Tehran"))
    assert (after.serving.group, after.rebuilding) == (f"{live.prefix}group.2", None)
    assert [each.group for each in after.retired] == [f"{live.prefix}group"]
