"""`tapesh rebuild` where it has nothing to run: what it refuses, resumes, and removes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from kafka import KafkaProducer, TopicPartition

from streams.engines import as_engine, changelogs, new_engine, read_record, write_record
from streams.rebuild import RebuildError, begin, dealt_with
from streams.services import ApacheKafka
from streams.settings import Settings, load
from streams.succession import Engine, first
from streams.topics import admin_client, ensure_topics, partition_counts


@pytest.fixture
def settings(kafka: ApacheKafka, fresh_prefix: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a shop of the test's own, as the command reads them, with its topics."""
    monkeypatch.setenv("TAPESH_KAFKA__BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TAPESH_KAFKA__TOPIC_PREFIX", fresh_prefix)
    monkeypatch.setenv("TAPESH_KAFKA__PARTITIONS", "2")
    monkeypatch.setenv("TAPESH_APP_ID", f"{fresh_prefix}shop")
    settings = load()
    ensure_topics(settings)
    return settings


def make(settings: Settings, topics: list[str]) -> None:
    with admin_client(settings, 10) as admin:
        admin.create_topics({topic: {"num_partitions": 2, "replication_factor": 1} for topic in topics})


def there(settings: Settings, topics: list[str]) -> set[str]:
    with admin_client(settings, 10) as admin:
        return set(partition_counts(admin, topics))


def test_a_rebuild_is_written_down_before_it_runs_and_resumed_under_the_same_settings(settings: Settings) -> None:
    """A second begin gives the same engine; other settings are refused with the way out."""
    engine = begin(settings, read_record(settings), accept_loss=False)
    assert (engine.group, engine.number) == (f"{settings.app_id}.2", 2)
    record = read_record(settings)
    assert record.serving.group == settings.app_id
    assert record.rebuilding == engine
    assert begin(settings, record, accept_loss=False) == engine
    other = settings.model_copy(update={"timezone": "Asia/Tehran"})
    with pytest.raises(RebuildError, match=r"timezone was 'UTC' and is now 'Asia/Tehran'.*--abort"):
        begin(other, record, accept_loss=False)


def test_a_group_that_has_left_a_changelog_is_never_anothers(settings: Settings) -> None:
    """Its record may have been lost: whose state that is, nobody knows."""
    make(settings, changelogs(f"{settings.app_id}.2"))
    assert new_engine(settings, first(settings.app_id)).number == 3


def test_abort_removes_what_an_interrupted_rebuild_left(settings: Settings, tapesh: Callable[..., Any]) -> None:
    """Topics and record; the engine in service isn't touched, and there is nothing to abort a second time."""
    engine = begin(settings, read_record(settings), accept_loss=False)
    make(settings, [*changelogs(engine.group), *changelogs(settings.app_id)])
    result = tapesh("rebuild", "--abort")
    assert result.exit_code == 0, result.stderr
    assert changelogs(engine.group)[0] in result.stdout
    assert there(settings, [*changelogs(engine.group), *changelogs(settings.app_id)]) == {*changelogs(settings.app_id)}
    assert read_record(settings) == first(settings.app_id)
    again = tapesh("rebuild", "--abort")
    assert again.exit_code == 1
    assert "no rebuild is under way" in again.stderr


def test_remove_old_removes_the_engines_that_served_before_and_no_other(
    settings: Settings, tapesh: Callable[..., Any]
) -> None:
    """What is in service stays."""
    new = Engine(f"{settings.app_id}.2", 2, settings.meaning.describe())
    write_record(settings, first(settings.app_id).begun(new).switched(1))
    make(settings, [*changelogs(settings.app_id), *changelogs(new.group)])
    assert tapesh("rebuild", "--remove-old").exit_code == 0
    assert there(settings, [*changelogs(settings.app_id), *changelogs(new.group)]) == {*changelogs(new.group)}
    record = read_record(settings)
    assert (record.serving.group, record.retired) == (new.group, ())


def test_a_worker_with_other_settings_than_the_engine_in_service_is_refused(
    settings: Settings, tapesh: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it joins the group; the message names the setting and the command that changes it."""
    new = Engine(f"{settings.app_id}.2", 2, settings.meaning.describe())
    write_record(settings, first(settings.app_id).begun(new).switched(1))
    monkeypatch.setenv("TAPESH_TIMEZONE", "Asia/Tehran")
    result = tapesh("worker")
    assert result.exit_code == 1
    assert "timezone was 'UTC' and is now 'Asia/Tehran'" in result.stderr
    assert "tapesh rebuild" in result.stderr


def test_a_beginning_that_retention_has_removed_is_refused_unless_accepted(
    settings: Settings, tapesh: Callable[..., Any]
) -> None:
    """It says since when the rebuilt figures would know all."""
    topic = settings.topic("customer-events")
    producer = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap)
    for at_ms in (1_750_000_000_000, 1_760_000_000_000):
        producer.send(topic, b"{}", b"c", partition=1, timestamp_ms=at_ms).get(10)
    producer.close()
    with admin_client(settings, 10) as admin:
        admin.delete_records({TopicPartition(topic, 1): 1})
    result = tapesh("rebuild")
    assert result.exit_code == 1
    assert f"{topic}[1]" in result.stderr
    assert "2025-10-09T08:53:20+00:00" in result.stderr
    assert "--accept-loss" in result.stderr
    assert read_record(settings).rebuilding is None
    assert begin(settings, read_record(settings), accept_loss=True).number == 2


def test_another_number_of_partitions_is_refused_with_the_way_out(
    settings: Settings, tapesh: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which partition a person lives in can't be changed in place."""
    monkeypatch.setenv("TAPESH_KAFKA__PARTITIONS", "5")
    result = tapesh("rebuild", "--yes")
    assert result.exit_code == 1
    assert "has 2 partition(s), expected 5" in result.stderr
    assert "topic_prefix" in result.stderr
    assert read_record(settings).rebuilding is None


def test_what_the_engine_in_service_has_dealt_with_isnt_dealt_with_again(settings: Settings) -> None:
    """Up to its committed positions; where the broker has forgotten them, up to the end of the topics."""
    topic = settings.topic("customer-events")
    serving = read_record(settings).serving
    assert dealt_with(settings, serving) == {}, "there was no engine"
    producer = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap)
    for _ in range(3):
        producer.send(topic, b"{}", b"c", partition=0, timestamp_ms=int(time.time() * 1000)).get(10)
    producer.close()
    make(settings, changelogs(as_engine(settings, serving).app_id))
    assert dealt_with(settings, serving)[topic, 0] == 3


def test_two_things_at_once_are_refused(tapesh: Callable[..., Any]) -> None:
    """To abort and to go on is no order."""
    assert tapesh("rebuild", "--abort", "--yes").exit_code == 2
    assert tapesh("rebuild", "--abort", "--remove-old").exit_code == 2
