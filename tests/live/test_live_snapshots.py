"""What is shown while events flow is what `compute` says of exactly the events that it covers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from deployment import PARTITIONS, Deployment, windows_differ
from flow import Flow
from kpi_oracle.logs import generate

from events.instant import instant_ms
from streams.services import ApacheKafka


def snapshots_of(live: Deployment, flow: Flow, most: int) -> list[dict[str, Any]]:
    """Documents that cover different events, taken while they flow and once after."""
    taken: list[dict[str, Any]] = []
    while not flow.ended:
        document = live.running[len(taken) % len(live.running)].kpis()
        fresh = not taken or (document.get("covers") != taken[-1]["covers"] and document["now"] != taken[-1]["now"])
        if document.get("windows") and not document["unknown"] and fresh:
            taken.append(document)
        time.sleep(0.2)
    flow.wait()
    return taken[:: max(1, len(taken) // most)]


def each_is_right(live: Deployment, documents: list[dict[str, Any]]) -> None:
    logs = {topic: live.records(topic, range(PARTITIONS)) for topic in live.sources}
    for document in documents:
        lines = live.covered(logs, document["covers"])
        expected = live.expected(lines, instant_ms(datetime.fromisoformat(document["now"])))
        assert windows_differ(document, expected) == [], f"as of {document['now']}, over {len(lines)} events"


def test_snapshots_on_the_event_clock_are_consistent(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """Two workers, a shop's year in ten seconds, any tick."""
    live = deploy(kafka.bootstrap, clock="event", timezone="Europe/London", currency="GBP")
    live.start(), live.start()
    live.ready(2)
    with Flow(live, retail_year, rate=len(retail_year) / 10) as flow:
        documents = snapshots_of(live, flow, most=8)
    assert len(documents) >= 5
    each_is_right(live, documents)


def test_snapshots_on_the_wall_clock_are_consistent(kafka: ApacheKafka, deploy: Callable[..., Deployment]) -> None:
    """Events of every type, late, repeated, and ahead of the clock, whose log ends a moment from now."""
    live = deploy(kafka.bootstrap, clock="wall", timezone="Asia/Tehran", calendar="jalali", currency="EUR")
    live.start(), live.start()
    live.ready(2)
    end_ms = int((time.time() + 12) * 1000)
    log = generate(7, customers=250, end=end_ms, timezone="Asia/Tehran", calendar="jalali")
    with Flow(live, [json.dumps(event).encode() for event in log], rate=len(log) / 10) as flow:
        documents = snapshots_of(live, flow, most=8)
    assert len(documents) >= 5
    each_is_right(live, documents)
