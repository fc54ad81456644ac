"""What the machine room does to a worker: other settings, a broker that isn't there, one that goes away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from deployment import Deployment, WorkerProcess, eventually, windows_differ
from flow import publish
from kafka import KafkaConsumer
from kafka.admin import KafkaAdminClient

from streams.services import ApacheKafka, EmbeddedBroker
from streams.services.ports import HOST, free_port

RETAIL = {"clock": "event", "timezone": "Europe/London", "currency": "GBP"}


@pytest.fixture
def own_kafka(kafka: ApacheKafka) -> Iterator[ApacheKafka]:
    """A broker that may be killed."""
    del kafka  # says what is missing, if it is
    with ApacheKafka() as broker:
        yield broker


def settled(live: Deployment, lines: list[bytes]) -> dict[str, Any]:
    expected = live.expected(lines)

    def reached():
        document = live.known()
        return document if document and document["now"] == expected["now"] == document["slices_now"] else None

    document = eventually(f"the KPIs reach the last event {expected['now']}; {live.state()}", reached)
    assert windows_differ(document, expected) == []
    return document


def test_state_of_another_time_zone_is_refused_and_kept(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """The worker ends and says which setting and what to do; with the old setting it goes on where it was."""
    live = deploy(kafka.bootstrap, **RETAIL)
    first = live.start()
    live.ready()
    publish(live, retail_year[:3000])
    settled(live, retail_year[:3000])
    assert first.terminate() == 0

    refused = live.start(timezone="Asia/Tehran")
    assert refused.wait() != 0
    said = refused.said()
    assert "timezone was 'Europe/London' and is now 'Asia/Tehran'" in said
    assert "tapesh rebuild" in said
    assert "Traceback" not in said

    live.start()
    live.ready()
    settled(live, retail_year[:3000])
    publish(live, retail_year[3000:4000])
    settled(live, retail_year[:4000])


def test_a_group_that_will_not_have_the_worker_ends_it_with_words(
    kafka: ApacheKafka, deploy: Callable[..., Deployment]
) -> None:
    """A stranger shares the partitions of its group out another way: the worker says so and ends, it doesn't idle."""
    live = deploy(kafka.bootstrap)
    group = live.environment()["TAPESH_APP_ID"]
    stranger = KafkaConsumer(bootstrap_servers=kafka.bootstrap, group_id=group, heartbeat_interval_ms=500)
    try:
        stranger.subscribe(topics=[live.sources[0]])
        eventually("the stranger is in the group", lambda: stranger.poll(200) or stranger.assignment())
        worker = live.start()
        assert worker.wait() == 1
        said = worker.said()
        assert f"the consumer group {group!r} won't have this worker: InconsistentGroupProtocolError" in said
        assert "TAPESH_APP_ID" in said
        assert "Traceback" not in said
    finally:
        stranger.close()


def test_a_worker_waits_for_a_broker_and_says_so(
    embedded_kafka: EmbeddedBroker, tmp_path: Path, fresh_prefix: str
) -> None:
    """It names where it looks and which setting says so, goes on trying, and works once the broker is there."""
    del embedded_kafka  # says what is missing, if it is
    port = free_port()
    with Deployment.absent(f"{HOST}:{port}", fresh_prefix, tmp_path) as live:
        worker = live.start()
        eventually("it says where it looks", lambda: f"no Kafka broker answers at {HOST}:{port}" in worker.said(), 20)
        assert "TAPESH_KAFKA__BOOTSTRAP" in worker.said()
        with EmbeddedBroker(port=port):
            live.ready()
            assert worker.terminate() == 0
    assert "Traceback" not in worker.said()


@pytest.mark.parametrize(
    ("how", "away_s"),
    [
        ("killed", 6.0),
        pytest.param("killed", 1.0, marks=pytest.mark.soak),
        pytest.param("killed", 25.0, marks=pytest.mark.soak),
        pytest.param("paused", 3.0, marks=pytest.mark.soak),
        pytest.param("paused", 12.0, marks=pytest.mark.soak),
    ],
)
def test_kpis_are_unknown_while_the_broker_is_away(
    own_kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes], how: str, away_s: float
) -> None:
    """For less than a session and for more: they say so, and come back by themselves, exact."""
    live = deploy(own_kafka.bootstrap, **RETAIL)
    worker = live.start()
    live.ready()
    publish(live, retail_year[:3000])
    settled(live, retail_year[:3000])
    own_kafka.kill() if how == "killed" else own_kafka.pause()
    went = time.monotonic()
    document = eventually("the KPIs are unknown", lambda: known_unknown(worker), 15)
    print("unknown after", time.monotonic() - went, set(document["unknown"].values()))
    assert all(value is None for values in document["windows"].values() for value in values.values())
    while time.monotonic() - went < away_s:
        assert worker.runs
        time.sleep(0.1)
    own_kafka.start() if how == "killed" else own_kafka.resume()
    came = time.monotonic()
    publish(live, retail_year[3000:6000])
    settled(live, retail_year[:6000])
    print("known after", time.monotonic() - came)
    assert worker.runs


def known_unknown(worker: WorkerProcess) -> dict[str, Any] | None:
    document = worker.kpis()
    return document if document.get("unknown") else None


def test_a_worker_stops_where_retention_has_eaten_what_it_needs(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """It was away for longer than the topic keeps events: it says so and ends, rather than count without them."""
    live = deploy(kafka.bootstrap, **RETAIL)
    first = live.start()
    live.ready()
    publish(live, retail_year[:1000])
    settled(live, retail_year[:1000])
    assert first.terminate() == 0
    publish(live, retail_year[1000:2000])
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.delete_records({tp: end for tp, end in live.ends().items() if end and tp.topic == live.sources[0]})
    admin.close()
    second = live.start()
    assert second.wait() != 0
    assert "retention has removed everything before" in second.said()
