"""Topics are cut alike, made once, and one that is cut otherwise is refused."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from kafka.admin import KafkaAdminClient

from events import names
from streams.settings import Settings
from streams.topics import (
    BrokerUnreachable,
    TopicsError,
    admin_client,
    ensure_topics,
    partition_counts,
    policies,
    wanted_topics,
)


@pytest.fixture
def settings(any_kafka, fresh_prefix) -> Settings:
    return Settings(kafka={"bootstrap": any_kafka.bootstrap, "topic_prefix": fresh_prefix, "partitions": 3})


def test_events_and_ticks_have_one_partition_count(settings):
    """The engine reads partition p of all of them together."""
    ensured = ensure_topics(settings)
    assert ensured.found == ()
    with admin_client(settings, 10) as admin:
        counts = partition_counts(admin, [topic.name for topic in wanted_topics(settings)])
        told = policies(admin, wanted_topics(settings))
    assert {name.removeprefix(settings.kafka.topic_prefix): count for name, count in counts.items()} == {
        names.CUSTOMER_EVENTS: 3,
        names.BUSINESS_EVENTS: 3,
        names.KPI_TICKS: 3,
        names.DEAD_LETTERS: 1,
        names.DEAD_LETTERS_REPLAYED: 1,
        names.KPI_COMPONENTS: 1,
        names.KPI_SNAPSHOTS: 1,
        names.ENGINES: 1,
        names.KPI_LEDGER: 1,
    }
    assert told[settings.topic(names.KPI_COMPONENTS)] == "compact"


def test_a_second_time_changes_nothing(settings):
    """It is called at each worker's start."""
    first, second = ensure_topics(settings), ensure_topics(settings)
    assert second.created == ()
    assert second.found == first.created


def test_workers_that_start_together_make_them_together(settings):
    """Who comes second finds them there."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ensure_topics(settings), range(4)))
    assert ensure_topics(settings).created == ()


def test_another_partition_count_is_refused_and_nothing_is_created(settings, any_kafka, create_topics):
    """Each wrong topic is named, with what to do about it."""
    create_topics(any_kafka.bootstrap, {settings.topic(names.CUSTOMER_EVENTS): 5, settings.topic(names.KPI_TICKS): 2})
    with pytest.raises(TopicsError) as caught:
        ensure_topics(settings)
    events, ticks = caught.value.problems
    assert (
        "customer-events' has 5 partition(s), expected 3: set kafka.partitions (TAPESH_KAFKA__PARTITIONS) to 5"
        in events
    )
    assert "kpi-ticks' has 2 partition(s), expected 3: nothing in it is lasting: delete the topic" in ticks
    with admin_client(settings, 10) as admin:
        assert len(partition_counts(admin, [topic.name for topic in wanted_topics(settings)])) == 2


def test_components_that_would_grow_for_ever_are_refused(kafka, fresh_prefix, create_topics):
    """A broker that made the topic by itself didn't make it compacted. (The embedded one doesn't tell.)"""
    settings = Settings(kafka={"bootstrap": kafka.bootstrap, "topic_prefix": fresh_prefix})
    create_topics(kafka.bootstrap, {settings.topic(names.KPI_COMPONENTS): 1})
    with pytest.raises(TopicsError, match=r"cleanup\.policy 'delete', expected 'compact'"):
        ensure_topics(settings)


def test_no_broker_is_told_after_a_bounded_time():
    """With the setting that says where it is."""
    with pytest.raises(BrokerUnreachable, match="TAPESH_KAFKA__BOOTSTRAP"):
        ensure_topics(Settings(kafka={"bootstrap": "127.0.0.1:9"}), timeout_s=0.5)


def test_the_command_says_what_it_made(on_kafka, tapesh, fresh_prefix):
    """And what was there; its count can be another than the settings' one."""
    made = json.loads(tapesh("topics", "--partitions", "2", "--json").stdout)
    assert {"topic": f"{fresh_prefix}customer-events", "partitions": 2, "created": True} in made
    assert f"there   {fresh_prefix}kpi-ticks, 2 partition(s)" in tapesh("topics", "--partitions", "2").stdout
    refused = tapesh("topics")
    assert refused.exit_code == 1
    assert "has 2 partition(s), expected 3" in refused.stderr


def test_several_customer_topics_are_cut_alike(any_kafka, fresh_prefix):
    """A shop and a CRM may each have one."""
    kafka = {"bootstrap": any_kafka.bootstrap, "topic_prefix": fresh_prefix, "partitions": 2}
    settings = Settings(kafka={**kafka, "customer_topics": ["customer-events", "crm-events"]})
    ensure_topics(settings)
    admin = KafkaAdminClient(bootstrap_servers=any_kafka.bootstrap)
    try:
        assert partition_counts(admin, [f"{fresh_prefix}crm-events"]) == {f"{fresh_prefix}crm-events": 2}
    finally:
        admin.close()
