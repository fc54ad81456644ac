"""What every measurement needs: a broker and a worker on a core each, and what the worker says of itself."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from benchmarks.machine import BROKER_CORE, MEASURED_CORE, cpu_s, pin, resident_mib
from events import names
from streams.demo.worker import Worker
from streams.services import ApacheKafka
from streams.services.ports import free_port
from streams.settings import Settings
from streams.settings.schema import Kafka, Redis, Web
from streams.topics import ensure_topics

PARTITIONS = 4
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Bench:
    """A running deployment: settings, and the worker once it is started."""

    settings: Settings
    worker: Worker

    def start_worker(self, core: int = MEASURED_CORE) -> None:
        """Start the worker, alone on its core where there is more than one."""
        self.worker.start()
        pin(self.pid, core)

    @property
    def pid(self) -> int:
        """The worker's process.

        Raises:
            RuntimeError: it has ended.
        """
        if self.worker.pid is None:
            raise RuntimeError(f"the worker has ended; the end of its log:\n{self.worker.log_tail()}")
        return self.worker.pid

    def page(self, path: str, timeout_s: float = 30.0) -> bytes:
        """Return a page of the worker, whatever its status says."""
        with urllib.request.urlopen(f"{self.worker.endpoint}{path}", timeout=timeout_s) as page:  # noqa: S310 - our own
            return bytes(page.read())

    def json(self, path: str) -> dict[str, Any]:
        """Return a page as JSON, empty if nobody answers."""
        try:
            document: dict[str, Any] = json.loads(self.page(path))
        except OSError:
            return {}
        return document

    def metric(self, name: str) -> float:
        """Return a metric of the worker, summed over its labels."""
        text = self.page("/metrics").decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE))

    def taken(self) -> int:
        """Return how many events have been taken."""
        return sum(self.by_partition())

    def by_partition(self) -> list[int]:
        """Return how many events of each partition have been taken: a light page, so that it may be asked often."""
        partitions = self.json("/health").get("partitions") or {}
        return [sum(each["positions"].values()) for each in partitions.values()]

    def cpu_s(self) -> float:
        """Return the processor seconds that the worker has used."""
        return cpu_s(self.pid)

    def resident_mib(self) -> float:
        """Return the worker's resident memory in MiB."""
        return resident_mib(self.pid)

    def document(self, ends: Mapping[str, Mapping[int, int]], patience_s: float = 120.0) -> dict[str, Any]:
        """Return the KPI document once it covers so much of each topic, slices included, and nothing is unknown."""
        wanted = {topic: {str(partition): end for partition, end in each.items()} for topic, each in ends.items()}
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            document = self.json("/kpis?covers")
            covered = [document.get(which) or {} for which in ("covers", "slices_covers")]
            if not document.get("unknown", True) and all(_reaches(each, wanted) for each in covered):
                return document
            time.sleep(_POLL_S)
        raise RuntimeError(
            f"no complete document within {patience_s:.0f} s; the worker's log:\n{self.worker.log_tail()}"
        )


def _reaches(covered: Mapping[str, Any], wanted: Mapping[str, Mapping[str, int]]) -> bool:
    return all(
        (covered.get(topic) or {}).get(partition, 0) >= end
        for topic, each in wanted.items()
        for partition, end in each.items()
    )


@contextmanager
def broker() -> Iterator[ApacheKafka]:
    """Apache Kafka on a core of its own, its code compiled as in production."""
    with ApacheKafka(jvm_options=("-Xms512m", "-Xmx2g", "-XX:+UseSerialGC", "-Djava.awt.headless=true")) as kafka:
        if kafka.pid is not None:
            pin(kafka.pid, BROKER_CORE)
        yield kafka


def bench_of(bootstrap: str, **changed: Any) -> Bench:
    """Return a deployment on a broker, its topics made, its worker not yet started."""
    settings = Settings(
        **{
            "kafka": Kafka(bootstrap=bootstrap, partitions=PARTITIONS),
            "redis": Redis(url=""),
            "web": Web(port=free_port()),
        }
        | changed
    )
    ensure_topics(settings)
    return Bench(settings, Worker(settings))


@contextmanager
def deployment(**changed: Any) -> Iterator[Bench]:
    """A broker with the topics, and a worker not yet started."""
    with broker() as kafka, ExitStack() as stack:
        bench = bench_of(kafka.bootstrap, **changed)
        stack.callback(bench.worker.stop)
        yield bench


def create_topics(bootstrap: str, *topics: str) -> None:
    """Make topics for those who read nothing else."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics])
    finally:
        admin.close()


def ends(bootstrap: str, *topics: str) -> dict[str, dict[int, int]]:
    """Return where the partitions of topics end."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    try:
        found: dict[str, dict[int, int]] = {}
        places = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
        for place, end in consumer.end_offsets(places).items():
            found.setdefault(place.topic, {})[place.partition] = end
    finally:
        consumer.close()
    return found


EVENT_TOPICS = (names.CUSTOMER_EVENTS, names.BUSINESS_EVENTS)
