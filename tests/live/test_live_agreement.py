"""The live path says what `compute` says, on both brokers, by one worker and by two, whatever dies on the way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from deployment import Deployment, eventually, gauges_differ, windows_differ
from flow import publish

from streams.services import ApacheKafka, EmbeddedBroker

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
