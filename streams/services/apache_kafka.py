"""Apache Kafka itself, one node in KRaft mode, run from its jars: the judge of recovery, rebalances and retention.

Where the embedded broker differs from it, this one is right. It starts in a few seconds on two cores and keeps its log
over `kill` and `start`.
"""

from __future__ import annotations

import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from streams.services import kafka_jars
from streams.services.errors import Missing, ServiceDied
from streams.services.kafka_listener import Listener
from streams.services.kafka_protocol import answers
from streams.services.ports import HOST, free_port
from streams.services.service import Service

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_JVM = ("-Xms256m", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
_LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")


class ApacheKafka(Service):
    """One Kafka broker and controller in one process. The endpoint is `host:port`.

    Args:
        settings: Broker settings that replace or extend ours, for example `{"group.min.session.timeout.ms": "1000"}`.
        listeners: Further listeners, such as one with TLS, each on a port of its own: see `endpoint_of`. The plain one
            stays: by it the broker talks to itself, and we see whether it answers.
        scram: What `kafka-storage format --add-scram` is told of users, such as
            `SCRAM-SHA-512=[name=tapesh,password=...]`.
        jvm_options: Replaces the options of the Java machine. The default starts quickly and compiles lightly; a
            benchmark of the broker would rather have `("-Xmx1g",)`.
    """

    name = "apache-kafka"
    grace_s = 20.0

    def __init__(
        self,
        *,
        port: int | None = None,
        directory: Path | None = None,
        deadline_s: float = 60.0,
        settings: Mapping[str, str] | None = None,
        listeners: Sequence[Listener] = (),
        scram: Sequence[str] = (),
        jvm_options: Sequence[str] = _JVM,
    ) -> None:
        super().__init__(port=port, directory=directory, deadline_s=deadline_s)
        self.controller_port = free_port()
        self.jvm_options = tuple(jvm_options)
        self._extra = dict(settings or {})
        self._scram = tuple(scram)
        self._listeners = {listener: free_port() for listener in listeners}

    @classmethod
    @override
    def missing(cls) -> Missing | None:
        return kafka_jars.missing()

    @property
    @override
    def endpoint(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def bootstrap(self) -> str:
        """The endpoint, under the name that Kafka clients use."""
        return self.endpoint

    def endpoint_of(self, listener: Listener) -> str:
        """Where one of the further listeners is, as `host:port`."""
        return f"{HOST}:{self._listeners[listener]}"

    def settings(self) -> dict[str, str]:
        """The broker's `server.properties`."""
        controller = f"{HOST}:{self.controller_port}"
        places = [f"BROKER://{self.endpoint}", f"CONTROLLER://{controller}"]
        places += [f"{each.name}://{self.endpoint_of(each)}" for each in self._listeners]
        protocols = ["BROKER:PLAINTEXT", "CONTROLLER:PLAINTEXT"]
        protocols += [f"{each.name}:{each.protocol}" for each in self._listeners]
        one_copy = {
            f"{topic}.replication.factor": "1"
            for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
        }
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": controller,
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "BROKER",
            "listeners": ",".join(places),
            "advertised.listeners": ",".join(places),
            "listener.security.protocol.map": ",".join(protocols),
            "log.dirs": str(self._log_dirs),
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.num.partitions": "4",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.num.partitions": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            # After `kill` the controller lets the broker back in only when its old session is over: 9 s by default.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "250",
            "log.retention.check.interval.ms": "1000",
            "log.cleaner.backoff.ms": "1000",
            # Faust and the tests make topics of up to a few hundred partitions: small index files keep them cheap.
            "log.index.size.max.bytes": "65536",
            **one_copy,
            **{key: value for each in self._listeners for key, value in each.properties().items()},
            **self._extra,
        }

    @override
    def prepare(self) -> None:
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in self.settings().items()))
        if (self._log_dirs / "meta.properties").exists():
            return  # a given directory that an earlier broker has formatted
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # One argument: an id may begin with a dash.
        format_ = ["format", "--standalone", f"--cluster-id={cluster}", "--config", str(self._properties)]
        format_ += [part for user in self._scram for part in ("--add-scram", user)]
        done = subprocess.run(
            self._java("kafka.tools.StorageTool", *format_), check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip()
            raise ServiceDied(f"{self.name}: couldn't format its storage in {self._log_dirs}: {said[-2000:]}")

    @override
    def command(self) -> Sequence[str]:
        return self._java("kafka.Kafka", str(self._properties))

    @override
    def ready(self) -> bool:
        return answers(self.endpoint)

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    @property
    def _log_dirs(self) -> Path:
        return self.directory / "data"

    def _java(self, main_class: str, *arguments: str) -> list[str]:
        return ["java", *self.jvm_options, *_LOGGING, "-cp", f"{kafka_jars.folder()}/*", main_class, *arguments]
