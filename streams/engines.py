"""The record of a shop's engines in Kafka, and what belongs to an engine there: its group and its changelogs.

The record is one compacted message with the app_id as its key. Workers read it when they start; only `tapesh rebuild`
writes it. All of this is done once, before or beside the engine, so a plain client does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupIdNotFoundError,
    NotCoordinatorError,
    UnknownTopicOrPartitionError,
)

from events.names import ENGINES
from streams.settings import Settings
from streams.succession import Engine, Record, changed, first, group_of
from streams.topics import admin_client, connected, partition_counts, quiet_kafka

PATIENCE_S = 30.0
_POLL_MS = 100
_ACTIVE = frozenset({"Stable", "PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling"})


class RecordError(RuntimeError):
    """The record can't be read or written."""


class RefusedSettingsError(RuntimeError):
    """The engine in service was counted under other settings."""


def read_record(settings: Settings, timeout_s: float = PATIENCE_S) -> Record:
    """Return what is known of the engines of this app_id.

    Raises:
        BrokerUnreachable: nobody answers.
        RecordError: the topic can't be read to its end.
    """
    place = TopicPartition(settings.topic(ENGINES), 0)
    with quiet_kafka():
        consumer = connected(KafkaConsumer, settings, timeout_s, group_id=None, enable_auto_commit=False)
        try:
            consumer.assign([place])
            end = consumer.end_offsets([place])[place]
            consumer.seek_to_beginning(place)
            found, deadline = None, time.monotonic() + timeout_s
            while consumer.position(place) < end:
                if time.monotonic() > deadline:
                    raise RecordError(f"topic {place.topic!r} isn't read to its end {end} after {timeout_s:g} s")
                for records in consumer.poll(timeout_ms=_POLL_MS).values():
                    for record in records:
                        if record.key == settings.app_id.encode():
                            found = record.value
        finally:
            consumer.close()
    return msgspec.json.decode(found, type=Record) if found else first(settings.app_id)


def write_record(settings: Settings, record: Record) -> None:
    """Replace what is known; returns once all replicas have it.

    Raises:
        KafkaError: they don't.
    """
    with quiet_kafka():
        producer = connected(KafkaProducer, settings, PATIENCE_S, acks="all")
        try:
            sent = producer.send(settings.topic(ENGINES), msgspec.json.encode(record), settings.app_id.encode())
            sent.get(PATIENCE_S)
        finally:
            producer.close()


def in_service(settings: Settings) -> tuple[Settings, int]:
    """Return the settings with the group of the engine in service in the place of the app_id, and its number.

    Raises:
        RefusedSettingsError: that engine's state is kept under other settings.
    """
    serving = read_record(settings).serving
    if differing := changed(serving.meaning, settings.meaning.describe()):
        raise RefusedSettingsError(
            f"engine {serving.group!r}, which is in service, was counted under other settings: {'; '.join(differing)}. "
            "Set them back, or run `tapesh rebuild`: it counts anew under the new ones"
        )
    return as_engine(settings, serving), serving.number


def as_engine(settings: Settings, engine: Engine) -> Settings:
    """Return the settings of one engine of a shop."""
    return settings.model_copy(update={"app_id": engine.group})


def new_engine(settings: Settings, record: Record) -> Engine:
    """Return an engine with a group that no other has had: what lies under its name must be its own."""
    number = record.next_number()
    with admin_client(settings, PATIENCE_S) as admin:
        while partition_counts(admin, changelogs(group_of(settings.app_id, number))):
            number += 1
    meaning = settings.meaning.describe()
    return Engine(group_of(settings.app_id, number), number, meaning, int(time.time() * 1000))


def changelogs(group: str) -> list[str]:
    """Return the names of the topics that hold an engine's state."""
    return [f"{group}-state-changelog", f"{group}-kpi-memory-changelog"]


def has_members(settings: Settings, group: str) -> bool:
    """Tell whether a worker of this group runs, or died less than a session timeout ago."""
    with admin_client(settings, PATIENCE_S) as admin:
        described = _of_groups(lambda: admin.describe_groups([group])).get(group, {})
    return described.get("group_state") in _ACTIVE and bool(described.get("members"))


def committed(settings: Settings, group: str) -> dict[tuple[str, int], int]:
    """Return how far a group has dealt with its sources, by topic and partition."""
    with admin_client(settings, PATIENCE_S) as admin:
        found = _of_groups(lambda: admin.list_group_offsets({group: None})).get(group, {})
    return {(tp.topic, tp.partition): offset.offset for tp, offset in found.items() if offset.offset >= 0}


def remove(settings: Settings, engines: Iterable[Engine]) -> Sequence[str]:
    """Delete what belongs to engines: their changelogs and groups; harmless if they are gone. Return the topics."""
    removed: list[str] = []
    with admin_client(settings, PATIENCE_S) as admin:
        for engine in engines:
            there = partition_counts(admin, changelogs(engine.group))
            for topic in there:
                try:
                    admin.delete_topics([topic])
                except UnknownTopicOrPartitionError:
                    continue
                removed.append(topic)
            _of_groups(partial(admin.delete_groups, [engine.group]))
    return removed


def _of_groups(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Ask about groups until their coordinator is there: a broker that has had no group yet makes it first.

    Raises:
        KafkaError: it isn't there in time, or refuses.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except GroupIdNotFoundError:
            return {}
        except (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError):
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_MS / 1000)
