"""What is shown while events flow is what `compute` says of exactly the events that it covers."""

from __future__ import annotations

import time
from collections.abc import Callable

from agreement import lines
from deployment import Deployment
from flow import Flow
from kpi_oracle.logs import generate
from witness import Witness

from streams.services import ApacheKafka


def test_snapshots_on_the_event_clock_are_consistent(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """Two workers, a shop's year in ten seconds, any tick."""
    live = deploy(kafka.bootstrap, clock="event", timezone="Europe/London", currency="GBP")
    live.start(), live.start()
    live.ready(2)
    with Witness(live) as witness, Flow(live, retail_year, rate=len(retail_year) / 10) as flow:
        flow.wait()
    assert witness.judge() >= 5


def test_snapshots_on_the_wall_clock_are_consistent(kafka: ApacheKafka, deploy: Callable[..., Deployment]) -> None:
    """Events of every type, late, repeated, and ahead of the clock, whose log ends a moment from now."""
    live = deploy(kafka.bootstrap, clock="wall", timezone="Asia/Tehran", calendar="jalali", currency="EUR")
    live.start(), live.start()
    live.ready(2)
    end_ms = int((time.time() + 12) * 1000)
    log = generate(7, customers=250, end=end_ms, timezone="Asia/Tehran", calendar="jalali")
    with Witness(live) as witness, Flow(live, lines(log), rate=len(log) / 10) as flow:
        flow.wait()
    assert witness.judge() >= 5
