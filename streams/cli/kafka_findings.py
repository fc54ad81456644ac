"""What `tapesh check` says of Kafka: brokers, topics and their configuration, what lies in them, the engine's record.

A topic that a broker made by itself, at the first message of somebody early, looks like the right one: it keeps seven
days, or only the latest event of each customer, and nobody notices before a rebuild.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from events.names import ENGINES
from streams.cli.probes import Finding
from streams.cli.sampling import Sample, sampled
from streams.engines import RecordError, changelogs, has_members, read_record
from streams.entries import LARGEST_MESSAGE
from streams.settings import Settings
from streams.succession import changed
from streams.topics import BrokerUnreachable, admin_client, misfits, wanted_topics

_DAY_MS = 86_400_000
_ENVELOPE = 10_000
"""Bytes that a message has beside its value, at most."""
_BAD_SHARE = 0.01
_MANY_BROKERS = 3
Configs = Mapping[str, Mapping[str, str]]
"""By topic and name, as far as the broker tells."""


@dataclass(frozen=True, slots=True)
class _Cluster:
    """What the brokers say."""

    brokers: int
    counts: Mapping[str, int]
    copies: Mapping[str, int]
    configs: Configs


def kafka_findings(settings: Settings, sample: int, timeout_s: float) -> Iterator[Finding]:
    """Look at the brokers, the topics, and what lies in them; stops where it can't go on."""
    wanted = wanted_topics(settings)
    names = [topic.name for topic in wanted]
    try:
        with admin_client(settings, timeout_s) as admin:
            cluster = _described(admin, [*names, *changelogs(settings.app_id)])
    except BrokerUnreachable as error:
        yield Finding("Kafka", ok=False, text=str(error))
        return
    except KafkaError as error:
        yield Finding("Kafka", ok=False, text=f"{settings.kafka.bootstrap} answers, but refuses to tell: {error}")
        return
    yield Finding("Kafka", ok=True, text=f"{cluster.brokers} broker(s) at {settings.kafka.bootstrap}")
    there = [topic for topic in wanted if topic.name in cluster.counts]
    policies = {name: told["cleanup.policy"] for name, told in cluster.configs.items() if "cleanup.policy" in told}
    problems = misfits(there, cluster.counts, policies)
    if missing := [name for name in names if name not in cluster.counts]:
        problems.append(f"not there: {', '.join(missing)}; create them: tapesh topics")
    yield from [Finding("topics", ok=False, text=problem) for problem in problems] or [
        Finding("topics", ok=True, text=f"{len(wanted)} topics; event topics of {settings.kafka.partitions} partitions")
    ]
    events = [topic.name for topic in there if topic.holds_events]
    yield from _kept(events, cluster)
    yield from _changelogs(settings, cluster)
    yield from _copies(there, cluster)
    if settings.topic(ENGINES) in cluster.counts:
        yield from _record(settings, timeout_s)
    for name in settings.kafka.customer_topics if sample else ():
        if (topic := settings.topic(name)) in cluster.counts:
            yield from _sampled(settings, topic, cluster.counts[topic], sample, timeout_s)


def _described(admin: Any, names: list[str]) -> _Cluster:
    brokers = len(admin.describe_cluster()["brokers"])
    described = {
        topic["name"]: topic["partitions"] for topic in admin.describe_topics(names) if not topic["error_code"]
    }
    counts = {name: len(partitions) for name, partitions in described.items()}
    copies = {name: min(len(each["replica_nodes"]) for each in partitions) for name, partitions in described.items()}
    configs: dict[str, dict[str, str]] = {}
    with suppress(KafkaError):  # the embedded broker tells nothing, and some may not ask
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in described]
        told: dict[str, Any] = (
            next(iter(admin.describe_configs(resources, config_filter="all").values()), {}) if resources else {}
        )
        configs = {name: {key: str(each["value"]) for key, each in of.items()} for name, of in told.items()}
    return _Cluster(brokers, counts, copies, configs)


def _kept(events: Iterable[str], cluster: _Cluster) -> Iterator[Finding]:
    """See whether event topics keep what a rebuild needs."""
    for name in events:
        told = cluster.configs.get(name, {})
        if "compact" in told.get("cleanup.policy", ""):
            text = (
                f"{name} is compacted: of each customer Kafka keeps the latest event alone, and a rebuild would count "
                "no other; set cleanup.policy=delete (kafka-configs), and publish what is lost again"
            )
            yield Finding("retention", ok=False, text=text)
        elif (kept_ms := int(told.get("retention.ms", -1))) >= 0 or int(told.get("retention.bytes", -1)) >= 0:
            kept = f"{kept_ms / _DAY_MS:.0f} days" if kept_ms >= 0 else f"{told['retention.bytes']} bytes a partition"
            text = (
                f"{name} keeps {kept}: state knows more than that, but a rebuild would count no further back. If the "
                "law doesn't ask for it, set retention.ms=-1 and retention.bytes=-1 (kafka-configs)"
            )
            yield Finding("retention", ok=True, text=text, advice=True)


def _changelogs(settings: Settings, cluster: _Cluster) -> Iterator[Finding]:
    """See whether state can be kept: under which policy, and in messages of which size."""
    for name in changelogs(settings.app_id):
        told = cluster.configs.get(name, {})
        if (policy := told.get("cleanup.policy", "compact")) != "compact":
            text = (
                f"{name} has cleanup.policy {policy!r}, expected 'compact': after its retention parts of the state are "
                "gone, and a worker that restarts refuses it; set it (kafka-configs) while workers run"
            )
            yield Finding("state", ok=False, text=text)
        if (most := int(told.get("max.message.bytes", LARGEST_MESSAGE + _ENVELOPE))) < LARGEST_MESSAGE + _ENVELOPE:
            text = (
                f"{name} takes messages of {most:,} bytes, checkpoints write up to {LARGEST_MESSAGE:,}: they would "
                f"fail; set max.message.bytes={LARGEST_MESSAGE + _ENVELOPE} or more (kafka-configs)"
            )
            yield Finding("state", ok=False, text=text)


def _copies(there: Iterable[Any], cluster: _Cluster) -> Iterator[Finding]:
    """See whether the loss of one broker loses events, where there are several."""
    alone = [topic.name for topic in there if topic.holds_events and cluster.copies[topic.name] == 1]
    if alone and cluster.brokers >= _MANY_BROKERS:
        text = (
            f"{', '.join(alone)}: one copy on {cluster.brokers} brokers; with a broker's disk its events are gone. Set "
            "kafka.replication = 3 before topics are made; of topics that are there: kafka-reassign-partitions"
        )
        yield Finding("copies", ok=True, text=text, advice=True)


def _record(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    """See whether a worker with these settings would be let in, and whether any runs."""
    try:
        record = read_record(settings, timeout_s)
        group = record.serving.group
        if differing := changed(record.serving.meaning, settings.meaning.describe()):
            text = (
                f"{group!r}, which is in service, counts under other settings: {'; '.join(differing)}. A worker with "
                "these would be refused: set them back, or count anew beside it (tapesh rebuild)"
            )
            yield Finding("engine", ok=False, text=text)
        elif has_members(settings, group):
            yield Finding("engine", ok=True, text=f"workers of {group!r} run, under the same settings")
        else:
            yield Finding("engine", ok=True, text=f"no worker of {group!r} runs; start one: tapesh worker", advice=True)
        if record.retired:
            retired = ", ".join(each.group for each in record.retired)
            text = f"state of engines that served before takes room: {retired}; tapesh rebuild --remove-old"
            yield Finding("engine", ok=True, text=text, advice=True)
    except (KafkaError, RecordError, BrokerUnreachable):
        return  # other findings say what is wrong with Kafka
    except ValueError:
        return  # the embedded broker tells of rights that the client can't read


def _sampled(settings: Settings, topic: str, partitions: int, sample: int, timeout_s: float) -> Iterator[Finding]:
    try:
        seen = sampled(settings, topic, partitions, sample, timeout_s)
    except (KafkaError, BrokerUnreachable) as error:
        yield Finding("partitioning", ok=False, text=f"{topic} can't be read: {error}")
        return
    if seen.strays:
        text = f"{topic}: {len(seen.strays):,} of {seen.events:,} {seen.told()}"
        yield Finding("partitioning", ok=False, text=text)
    else:
        yield Finding("partitioning", ok=True, text=f"{topic}: {seen.events:,} sampled events are where they belong")
    if seen.refused:
        yield _contract(topic, seen)


def _contract(topic: str, seen: Sample) -> Finding:
    """Tell of messages that aren't events: some always are, many are a producer that is set up wrongly."""
    bad, every = sum(seen.refused.values()), seen.events + sum(seen.refused.values())
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in seen.refused.most_common(3))
    text = f"{topic}: {bad:,} of {every:,} sampled messages aren't events: {reasons}; such as {seen.example}"
    way_out = "; tapesh dead-letters list shows them"
    return Finding("contract", ok=bad <= every * _BAD_SHARE, text=text + way_out, advice=True)
