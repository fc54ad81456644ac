"""The topics that tapesh lives on: which there are, how they must be cut, and their creation.

A person's state is that of one partition, and the engine reads events and ticks of partition p together. So all
event topics and the ticks have one partition count, and a topic that has another is refused with the way out: Kafka
would hand the worker partitions that don't belong together, and nothing would show it but wrong numbers. Topics that
a broker creates by itself, at the first message, have that broker's default count; so nobody may wait for that.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from events import names
from streams.kafka_refusal import refusal
from streams.settings import Settings, client_options

LARGEST_MESSAGE = 8 * 1024 * 1024
"""Bytes that topics of ours take: a dead letter is a message as large as its own topic took, and headers."""
_LARGE = {"max.message.bytes": str(LARGEST_MESSAGE)}
_COMPACT = {"cleanup.policy": "compact"}
_KEPT_FOR_EVER = {"cleanup.policy": "delete", "retention.ms": "-1"}
_HOUR_MS = 3_600_000
_ATTEMPT_S = 2.0
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it should be.

    Attributes:
        name: with the deployment's prefix.
        partitions: how many it must have.
        configs: given to it at its creation. Of a topic that is there only `cleanup.policy` is looked at; how long
            it keeps what it holds is its owner's to change.
        holds_events: whether it holds what can't be made again.
    """

    name: str
    partitions: int
    configs: Mapping[str, str] = field(default_factory=dict)
    holds_events: bool = False


@dataclass(frozen=True, slots=True)
class Ensured:
    """What became of the topics: made now, or there already."""

    created: tuple[Topic, ...]
    found: tuple[Topic, ...]


class TopicsError(RuntimeError):
    """The topics can't be used. `problems` has a sentence for each that is wrong, with the way out."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class BrokerUnreachable(ConnectionError):
    """No broker answered in time, or the one that did doesn't let us in: `told` says why."""

    def __init__(self, bootstrap: str, timeout_s: float, why: BaseException, told: str = "") -> None:
        super().__init__(
            f"Kafka at {bootstrap} {told} (tried for {timeout_s:g} s)"
            if told
            else f"no Kafka broker answers at {bootstrap} (waited {timeout_s:g} s: {why});"
            " is it running? kafka.bootstrap (TAPESH_KAFKA__BOOTSTRAP) says where it is"
        )


def wanted_topics(settings: Settings, partitions: int | None = None) -> tuple[Topic, ...]:
    """The topics of a deployment.

    Args:
        settings: names and counts.
        partitions: in place of the settings' count.
    """
    count = partitions or settings.kafka.partitions
    events = [Topic(settings.topic(name), count, _KEPT_FOR_EVER, holds_events=True) for name in source_names(settings)]
    return (
        *events,
        Topic(settings.topic(names.DEAD_LETTERS), 1, {"retention.ms": str(30 * 24 * _HOUR_MS), **_LARGE}),
        Topic(settings.topic(names.DEAD_LETTERS_REPLAYED), 1, _COMPACT),
        Topic(settings.topic(names.KPI_TICKS), count, {"retention.ms": str(_HOUR_MS)}),
        Topic(settings.topic(names.KPI_COMPONENTS), 1, _COMPACT | _LARGE),
        Topic(settings.topic(names.KPI_SNAPSHOTS), 1, {"retention.ms": str(7 * 24 * _HOUR_MS), **_LARGE}),
        Topic(settings.topic(names.ENGINES), 1, _COMPACT),
        Topic(settings.topic(names.KPI_LEDGER), 1, _COMPACT),
    )


def source_names(settings: Settings) -> tuple[str, ...]:
    """The topics with events, without the prefix."""
    return (*settings.kafka.customer_topics, names.BUSINESS_EVENTS)


def ensure_topics(
    settings: Settings,
    *,
    partitions: int | None = None,
    replication: int | None = None,
    timeout_s: float = 30.0,
) -> Ensured:
    """Create the topics that are missing; harmless if all are there, or if several do it at once.

    Args:
        settings: where the broker is, what the topics are called.
        partitions: of the event topics, in place of the settings' count.
        replication: copies of each, in place of the settings' count.
        timeout_s: how long to wait for a broker, and then for the topics to show.

    Raises:
        BrokerUnreachable: nobody answers.
        TopicsError: a topic has another partition count or cleanup policy, may not be created, or doesn't show up.
            Nothing is created if one that is there is wrong.
    """
    wanted = wanted_topics(settings, partitions)
    with admin_client(settings, timeout_s) as admin:
        counts = partition_counts(admin, [topic.name for topic in wanted])
        found = tuple(topic for topic in wanted if topic.name in counts)
        refuse(misfits(found, counts, policies(admin, found)))
        missing = tuple(topic for topic in wanted if topic.name not in counts)
        if missing:
            _create(admin, missing, replication or settings.kafka.replication)
            _wait_until_shown(admin, missing, timeout_s)
    return Ensured(missing, found)


def misfits(topics: Sequence[Topic], counts: Mapping[str, int], policies: Mapping[str, str]) -> list[str]:
    """Say what is wrong with topics that are there.

    Args:
        topics: as they should be.
        counts: the partitions that they have.
        policies: their cleanup policies, where known.
    """
    problems = []
    for topic in topics:
        if (count := counts[topic.name]) != topic.partitions:
            problems.append(
                f"topic {topic.name!r} has {count} partition(s), expected {topic.partitions}: {_way_out(topic, count)}"
            )
        policy, expected = policies.get(topic.name), topic.configs.get("cleanup.policy")
        if policy is not None and expected == "compact" != policy:
            problems.append(
                f"topic {topic.name!r} has cleanup.policy {policy!r}, expected 'compact', or it grows for ever:"
                " set it with kafka-configs, or delete the topic (its owner fills it again) and run `tapesh topics`"
            )
    return problems


def resized(settings: Settings, timeout_s: float = 3.0) -> str:
    """Say which event topic has been given another partition count since the workers began; "" if none, or unheard.

    Kafka lets anyone add partitions. Nobody reads them, and persons move to other ones: figures would only be smaller.
    """
    wanted = [topic for topic in wanted_topics(settings) if topic.holds_events]
    try:
        with admin_client(settings, timeout_s) as admin:
            counts = partition_counts(admin, [topic.name for topic in wanted])
    except (BrokerUnreachable, KafkaError, OSError):
        return ""
    return "; ".join(misfits([topic for topic in wanted if topic.name in counts], counts, {}))


def _way_out(topic: Topic, count: int) -> str:
    if topic.holds_events:
        return (
            f"set kafka.partitions (TAPESH_KAFKA__PARTITIONS) to {count} if all event topics have {count}; otherwise"
            " begin under another kafka.topic_prefix and publish the events again, since a person's partition"
            " depends on the count"
        )
    return "nothing in it is lasting: delete the topic and run `tapesh topics`"


def refuse(problems: Sequence[str]) -> None:
    """Raise TopicsError if there are problems."""
    if problems:
        raise TopicsError(problems)


@contextmanager
def admin_client(settings: Settings, timeout_s: float) -> Iterator[KafkaAdminClient]:
    """A client to manage topics with, waited for until a broker answers.

    Raises:
        BrokerUnreachable: none does within `timeout_s`.
    """
    with quiet_kafka():
        admin = connected(KafkaAdminClient, settings, timeout_s)
        try:
            yield admin
        finally:
            admin.close()


def connected(client: Any, settings: Settings, timeout_s: float, **options: Any) -> Any:
    """Make a client of kafka-python, trying again until a broker answers.

    Args:
        client: its class.
        settings: where the broker is.
        timeout_s: how long to try.
        options: the client's own.

    Raises:
        BrokerUnreachable: none answers in time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        left = deadline - time.monotonic()
        attempt_ms = max(100, int(min(_ATTEMPT_S, left) * 1000))
        try:
            return client(**client_options(settings.kafka), bootstrap_timeout_ms=attempt_ms, **options)
        except (KafkaError, OSError) as error:
            if time.monotonic() + _POLL_S >= deadline:
                told = refusal(settings.kafka)
                raise BrokerUnreachable(settings.kafka.bootstrap, timeout_s, error, told) from error
            time.sleep(_POLL_S)  # a refused connection fails at once; the next try may find a broker that starts


@contextmanager
def quiet_kafka() -> Iterator[None]:
    """Keep the client's log of failed connections from the terminal: what matters comes as an exception."""
    logger = logging.getLogger("kafka")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def partition_counts(admin: KafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    """How many partitions each of these topics has; those that aren't there are left out."""
    described = admin.describe_topics(list(topics))
    return {topic["name"]: len(topic["partitions"]) for topic in described if not topic["error_code"]}


def policies(admin: KafkaAdminClient, topics: Sequence[Topic]) -> dict[str, str]:
    """Cleanup policies, as far as the broker tells: the embedded one doesn't."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics if topic.configs]
    if not resources:
        return {}
    with suppress(KafkaError):
        told = admin.describe_configs(resources, config_filter="all")
        found: dict[str, dict[str, Any]] = next(iter(told.values()), {})
        return {
            name: str(configs["cleanup.policy"]["value"])
            for name, configs in found.items()
            if "cleanup.policy" in configs
        }
    return {}


def _create(admin: KafkaAdminClient, topics: Sequence[Topic], replication: int) -> None:
    problems = []
    for topic in topics:
        wanted = {"num_partitions": topic.partitions, "replication_factor": replication, "configs": dict(topic.configs)}
        try:
            admin.create_topics({topic.name: wanted})
        except TopicAlreadyExistsError:
            pass  # another worker was faster; its count is looked at with the others'
        except KafkaError as error:
            problems.append(f"topic {topic.name!r} can't be created: {type(error).__name__}: {error}")
    refuse(problems)


def _wait_until_shown(admin: KafkaAdminClient, topics: Sequence[Topic], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while len(counts := partition_counts(admin, [topic.name for topic in topics])) < len(topics):
        if time.monotonic() > deadline:
            absent = ", ".join(repr(topic.name) for topic in topics if topic.name not in counts)
            raise TopicsError(
                [f"created, but not there after {timeout_s:g} s: {absent}; do the brokers see each other?"]
            )
        time.sleep(_POLL_S)
    refuse(misfits(topics, counts, {}))
