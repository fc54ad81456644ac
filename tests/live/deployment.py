"""A deployment of its own for each test: topics under a fresh prefix, workers as processes, and what they say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from agreement import differences
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from events import names
from events.identity import partition_of
from metrics.exporter import render
from streams.compute import compute
from streams.services.guard import Guard
from streams.services.ports import free_port
from streams.settings import Settings
from streams.topics import ensure_topics

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = 4
PATIENCE_S = 90.0
NO_EVENT = "no event has come yet"
_POLL_S = 0.05
PROGRAM = ("-c", "from streams.cli import main; main()")
WORKER = ("worker", "--loglevel", "info")


def eventually(what: str, reached: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """Ask until the answer is true, and return it; the last thing that `what` says is in the error."""
    deadline = time.monotonic() + patience_s
    while True:
        if answer := reached():
            return answer
        assert time.monotonic() < deadline, f"not within {patience_s:.0f} s: {what}"
        time.sleep(_POLL_S)


class WorkerProcess:
    """One `tapesh worker`, or another program that is one."""

    def __init__(
        self,
        name: str,
        environment: Mapping[str, str],
        log: Path,
        program: Sequence[str] = PROGRAM,
        command: Sequence[str] = WORKER,
    ) -> None:
        self.name = name
        self.port = free_port()
        self.log = log
        token = environment.get("TAPESH_WEB__TOKEN")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        plain = {name: value for name, value in os.environ.items() if not name.startswith("TAPESH_")}
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *program, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
                env={**plain, "PYTHONPATH": str(ROOT), "TAPESH_WEB__PORT": str(self.port), **environment},
                start_new_session=True,
            )
        self._guard = Guard(self.process.pid, None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    def get(self, page: str, timeout_s: float = 5.0) -> bytes | None:
        """The body of a page whatever its status, None if nobody answers."""
        try:
            request = urllib.request.Request(self.url + page, headers=self._headers)
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            return error.read()
        except OSError:
            return None

    def json(self, page: str) -> dict[str, Any]:
        body = self.get(page)
        return json.loads(body) if body else {}

    def kpis(self) -> dict[str, Any]:
        """The KPI document with what it covers; without `windows` if there is none."""
        return self.json("/kpis?covers")

    def metrics(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Every sample by name and labels."""
        return samples(self.get("/metrics") or b"")

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics().get((name, tuple(sorted(labels.items()))), 0.0)

    def owns_kpis(self) -> bool:
        return bool(self.json("/health").get("owns_kpis"))

    def partitions(self) -> dict[str, Any]:
        return dict(self.json("/health").get("partitions") or {})

    def pause(self) -> None:
        """Stand still, connections open."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Die as by `kill -9`."""
        self.process.kill()
        self.process.wait()
        self._guard.dismiss()

    def wait(self, patience_s: float = PATIENCE_S) -> int:
        """The exit code."""
        code = self.process.wait(patience_s)
        self._guard.dismiss()
        return code

    def terminate(self, patience_s: float = PATIENCE_S) -> int:
        self.process.terminate()
        return self.wait(patience_s)

    def said(self) -> str:
        return self.log.read_text(errors="replace")


def samples(exposition: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition.decode())
        for sample in family.samples
    }


Covers = Mapping[str, Mapping[str, int]]


@dataclass
class Deployment:
    """One engine's name space on a broker, and its workers."""

    bootstrap: str
    prefix: str
    directory: Path
    options: dict[str, str] = field(default_factory=dict)
    workers: list[WorkerProcess] = field(default_factory=list)

    there: bool = True

    def __post_init__(self) -> None:
        if self.there:
            ensure_topics(self.settings)

    @classmethod
    def absent(cls, bootstrap: str, prefix: str, directory: Path) -> Self:
        """One whose broker isn't there yet."""
        return cls(bootstrap, prefix, directory, there=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            if worker.runs:
                worker.kill()

    @property
    def settings(self) -> Settings:
        """As the workers have them, as far as these tests need them."""
        taken = {key: value for key, value in self.options.items() if "." not in key}
        kafka = {"bootstrap": self.bootstrap, "partitions": PARTITIONS, "topic_prefix": self.prefix}
        return Settings(**taken, kafka=kafka)

    def environment(self, **options: str) -> dict[str, str]:
        every = {
            "app_id": f"{self.prefix}group",
            "data_dir": str(self.directory / "data"),
            "kafka.bootstrap": self.bootstrap,
            "kafka.partitions": str(PARTITIONS),
            "kafka.topic_prefix": self.prefix,
            "kafka.session_timeout": "4s",
            "kafka.heartbeat_interval": "1s",
            "kafka.rebalance_timeout": "4s",
            "checkpoint.interval": "1s",
            "redis.url": "",
            **self.options,
            **options,
        }
        return {f"TAPESH_{key.upper().replace('.', '__')}": value for key, value in every.items()}

    def start(
        self, *, program: Sequence[str] = PROGRAM, command: Sequence[str] = WORKER, **options: str
    ) -> WorkerProcess:
        """Start a worker, or another command that is one; doesn't wait for anything."""
        number = len(self.workers)
        log = self.directory / f"worker-{number}.log"
        worker = WorkerProcess(f"w{number}", self.environment(**options), log, program, command)
        self.workers.append(worker)
        return worker

    @property
    def running(self) -> list[WorkerProcess]:
        return [worker for worker in self.workers if worker.runs]

    def ready(self, count: int = 1, patience_s: float = PATIENCE_S) -> None:
        """Wait until ticks are answered and as many workers hold partitions."""
        eventually(
            f"ticks answered, partitions held by {count} worker(s)",
            lambda: sum(bool(worker.partitions()) for worker in self.running) == count and self._answered(),
            patience_s,
        )

    def _answered(self) -> bool:
        """Tell whether KPIs are known, but for want of events."""
        documents = [worker.kpis() for worker in self.running]
        return any(each.get("windows") and set(each["unknown"].values()) <= {NO_EVENT} for each in documents)

    def known(self) -> dict[str, Any] | None:
        """A document without unknowns, from whichever worker answers."""
        for worker in self.running:
            document = worker.kpis()
            if document.get("windows") and not document["unknown"]:
                return document
        return None

    def state(self) -> dict[str, Any]:
        return {worker.name: (worker.process.poll(), worker.json("/health")) for worker in self.workers}

    # Topics

    def topic(self, name: str) -> str:
        return f"{self.prefix}{name}"

    @property
    def sources(self) -> tuple[str, str]:
        return self.topic(names.CUSTOMER_EVENTS), self.topic(names.BUSINESS_EVENTS)

    def producer(self) -> KafkaProducer:
        return KafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5)

    def ends(self) -> dict[TopicPartition, int]:
        with_consumer = KafkaConsumer(bootstrap_servers=self.bootstrap)
        try:
            return dict(
                with_consumer.end_offsets(
                    [TopicPartition(topic, number) for topic in self.sources for number in range(PARTITIONS)]
                )
            )
        finally:
            with_consumer.close()

    def records(self, topic: str, partitions: Iterable[int]) -> dict[int, list[Any]]:
        """All that a topic holds, by partition, up to where the broker says that it ends."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        try:
            wanted = [TopicPartition(topic, number) for number in partitions]
            consumer.assign(wanted)
            consumer.seek_to_beginning(*wanted)
            read: dict[int, list[Any]] = {tp.partition: [] for tp in wanted}
            ends = consumer.end_offsets(wanted)
            deadline = time.monotonic() + PATIENCE_S
            while any(consumer.position(tp) < ends[tp] for tp in wanted):
                assert time.monotonic() < deadline, f"{topic} not read to its end {ends}"
                for tp, records in consumer.poll(timeout_ms=200).items():
                    read[tp.partition] += records
            return read
        finally:
            consumer.close()

    # What is expected

    def expected(self, lines: Iterable[bytes], now_ms: int | None = None) -> dict[str, Any]:
        """What `tapesh compute` says of these lines."""
        settings = self.settings
        return compute(lines, settings.meaning, settings.economics, now_ms=now_ms).snapshot

    def covered(self, logs: Mapping[str, Mapping[int, list[Any]]], covers: Covers) -> list[bytes]:
        """The records that a snapshot covers; those that lie in the wrong partition are never counted there."""
        found: list[tuple[int, bytes]] = []
        for topic, partitions in covers.items():
            for partition, end in partitions.items():
                at_ms = 0
                for record in logs[topic][int(partition)]:
                    at_ms = max(at_ms, record.timestamp)  # one that was sent on has its first time stamp
                    if record.offset < end and _lives_in(record, int(partition)):
                        found.append((at_ms, record.value or b""))
        return [value for _, value in sorted(found, key=lambda item: item[0])]


def _lives_in(record: Any, partition: int) -> bool:
    """Tell whether a record is where its key belongs; a key that is none is nobody's, and its value refused."""
    try:
        return partition_of((record.key or b"").decode(), PARTITIONS) == partition
    except UnicodeDecodeError:
        return False


def slices_are_of_it(document: Mapping[str, Any]) -> bool:
    """Tell whether the slices are of the same round as the rest: a clock that stands gives several rounds one `now`."""
    is_of_now = document.get("slices_now") == document["now"]
    return is_of_now and document.get("slices_covers") == document.get("covers")


def windows_differ(document: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Where a live document parts from a computed one; slices only where they are of the same instant."""
    found = differences(document["windows"], expected["windows"], "windows")
    if slices_are_of_it(document):
        found += differences(document["slices"], expected["slices"], "slices")
    return found


def gauges_differ(worker: WorkerProcess, expected: dict[str, Any], currency: str) -> list[str]:
    """Where the KPI gauges part from a computed document."""
    want = samples(render(expected, {}, currency))
    families = {name for name, _ in want}
    got = {key: value for key, value in worker.metrics().items() if key[0] in families}
    return differences({str(key): value for key, value in got.items()}, {str(key): v for key, v in want.items()})
