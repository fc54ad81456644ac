"""The live path says what `compute` says, on both brokers, by one worker and by two, whatever dies on the way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from agreement import lines
from deployment import Deployment, eventually, gauges_differ, samples, windows_differ
from flow import publish
from kpi_oracle.logs import generate

from metrics.breakdown_gauges import render_breakdowns
from metrics.catalogue import BREAKDOWNS
from streams.services import ApacheKafka, EmbeddedBroker

GAUGES = {breakdown.gauge for breakdown in BREAKDOWNS}
RETAIL = {"clock": "event", "timezone": "Europe/London", "currency": "GBP"}


def settled(deployment: Deployment, expected: dict) -> dict:
    """The document once it has reached the expected `now`, slices too."""

    def reached():
        document = deployment.known()
        return document if document and document["now"] == expected["now"] == document["slices_now"] else None

    return eventually("the KPIs reach the last event", reached)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_shops_year_comes_out_as_computed(
    any_kafka: ApacheKafka | EmbeddedBroker, deploy: Callable[..., Deployment], retail_year: list[bytes], workers: int
) -> None:
    """Every window and slice, in the document and in the gauges, whoever holds which partition."""
    live = deploy(any_kafka.bootstrap, **RETAIL)
    for _ in range(workers):
        live.start()
    live.ready(workers)
    publish(live, retail_year)
    expected = live.expected(retail_year)
    document = settled(live, expected)
    assert windows_differ(document, expected) == []
    owner = next(worker for worker in live.running if worker.owns_kpis())
    assert gauges_differ(owner, expected, "GBP") == []


@pytest.mark.parametrize("workers", [1, 2])
def test_cohorts_and_tenures_come_out_as_computed(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], workers: int
) -> None:
    """Of all partitions together, win-backs and late events included, in the document and in the gauges."""
    options = {"clock": "event", "timezone": "Asia/Tehran", "calendar": "jalali"}
    log = lines(generate(11, customers=80, days=900, timezone="Asia/Tehran", calendar="jalali", ahead=False))
    live = deploy(kafka.bootstrap, **options)
    for _ in range(workers):
        live.start()
    live.ready(workers)
    publish(live, log)
    expected = live.expected(log)
    assert expected["cohorts"]["months"][-1]["cohort"].startswith("1405-")

    def reached() -> dict | None:
        document = live.known()
        return document if document and document["cohorts"] == expected["cohorts"] else None

    document = eventually("the last event is in the cohorts", reached)
    assert document["tenure"] == expected["tenure"]
    owner = next(worker for worker in live.running if worker.owns_kpis())
    want = samples(render_breakdowns(expected["cohorts"], expected["tenure"]))
    assert {key: value for key, value in owner.metrics().items() if key[0] in GAUGES} == want
