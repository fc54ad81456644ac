"""What `tapesh check` looks at: one probe for each thing that can be wrong before the first event is counted."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from kafka.errors import KafkaError

from streams.cli.console import Failure
from streams.cli.engine_client import Engine, engine_url
from streams.cli.sampling import misplaced
from streams.settings import Settings
from streams.topics import (
    BrokerUnreachable,
    admin_client,
    misfits,
    partition_counts,
    policies,
    wanted_topics,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict.

    Attributes:
        name: what was looked at.
        ok: whether it is as it should be.
        text: what was seen; of a problem, with the way out.
    """

    name: str
    ok: bool
    text: str


def time_finding(settings: Settings) -> Finding:
    """Show the local time: a wrong zone moves every day's figures, and no error would ever say so."""
    now = datetime.now(ZoneInfo(settings.timezone))
    return Finding("time zone", ok=True, text=f"{settings.timezone}, where it is {now:%Y-%m-%d %H:%M} (UTC{now:%z})")


def kafka_findings(settings: Settings, sample: int, timeout_s: float) -> Iterator[Finding]:
    """Look at the brokers, the topics, and where producers put their customers; stops where it can't go on."""
    try:
        with admin_client(settings, timeout_s) as admin:
            brokers = admin.describe_cluster()["brokers"]
            yield Finding("Kafka", ok=True, text=f"{len(brokers)} broker(s) at {settings.kafka.bootstrap}")
            wanted = wanted_topics(settings)
            counts = partition_counts(admin, [topic.name for topic in wanted])
            there = [topic for topic in wanted if topic.name in counts]
            problems = misfits(there, counts, policies(admin, there))
    except BrokerUnreachable as error:
        yield Finding("Kafka", ok=False, text=str(error))
        return
    except KafkaError as error:
        yield Finding("Kafka", ok=False, text=f"{settings.kafka.bootstrap} answers, but refuses to tell: {error}")
        return
    if missing := [topic.name for topic in wanted if topic.name not in counts]:
        problems.append(f"not there: {', '.join(missing)}; create them: tapesh topics")
    yield from [Finding("topics", ok=False, text=problem) for problem in problems] or [
        Finding("topics", ok=True, text=f"{len(wanted)} topics; event topics of {settings.kafka.partitions} partitions")
    ]
    for name in settings.kafka.customer_topics if sample else ():
        if (topic := settings.topic(name)) in counts:
            yield _partitioning(settings, topic, counts[topic], sample, timeout_s)


def _partitioning(settings: Settings, topic: str, partitions: int, sample: int, timeout_s: float) -> Finding:
    try:
        seen = misplaced(settings, topic, partitions, sample, timeout_s)
    except (KafkaError, BrokerUnreachable) as error:
        return Finding("partitioning", ok=False, text=f"{topic} can't be read: {error}")
    if not seen.strays:
        return Finding("partitioning", ok=True, text=f"{topic}: {seen.events:,} sampled events are where they belong")
    return Finding("partitioning", ok=False, text=f"{topic}: {len(seen.strays):,} of {seen.events:,} {seen.told()}")


def redis_finding(settings: Settings, timeout_s: float) -> Finding:
    """Ask Redis for a sign of life; its address is shown without what it may hold of a password."""
    if not settings.redis.enabled:
        return Finding("Redis", ok=True, text="none is configured")
    import redis

    url = settings.redis.url.get_secret_value()
    tls = {"ssl_ca_certs": str(settings.redis.ca_file)} if settings.redis.ca_file else {}
    client = redis.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, **tls)
    known = client.connection_pool.connection_kwargs
    where = f"{known.get('host', '')}:{known.get('port', '')}" if "host" in known else known.get("path", "its socket")
    try:
        client.ping()
    except (redis.RedisError, OSError) as error:
        return Finding("Redis", ok=False, text=f"{where}: {_told_of_redis(error)}")
    finally:
        client.close()
    return Finding("Redis", ok=True, text=where)


def _told_of_redis(error: Exception) -> str:
    """Say what is wrong between us and Redis, and which setting to look at, in words of ours: they hold no secret."""
    import redis

    if isinstance(error, redis.AuthenticationError):
        return "it doesn't let us in; redis.url (TAPESH_REDIS__URL) holds the user and the password"
    if isinstance(error, redis.exceptions.NoPermissionError):
        return "the user of redis.url may not do what the engine does; docs/operating.md says which rights it needs"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "its certificate isn't trusted; redis.ca_file (TAPESH_REDIS__CA_FILE) names the authorities to trust"
    way_out = "is it running? redis.url (TAPESH_REDIS__URL) says where it is; empty: the engine goes without it"
    return f"no answer ({type(error).__name__}); {way_out}"


def web_finding(settings: Settings) -> Finding:
    """See whether the web port is free, or an engine's already."""
    where = f"{settings.web.host}:{settings.web.port}"
    try:
        family = socket.AF_INET6 if ":" in settings.web.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.web.host, settings.web.port))
        return Finding("web port", ok=True, text=f"{where} is free")
    except OSError as error:
        why = error.strerror or str(error)
    try:
        Engine(engine_url(settings), settings.web.bearer).kpis()
    except Failure:
        way_out = "choose another web.port (TAPESH_WEB__PORT)"
        return Finding(
            "web port", ok=False, text=f"{where} can't be had ({why}), and no engine answers there; {way_out}"
        )
    return Finding("web port", ok=True, text=f"{where}: an engine answers")
