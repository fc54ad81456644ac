"""What every measurement needs: a broker, a worker on a core of its own, and what the worker says of itself."""

from __future__ import annotations

import os
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from streams.demo.worker import Worker
from streams.services import ApacheKafka
from streams.services.ports import free_port
from streams.settings import Settings
from streams.settings.schema import Kafka, Redis, Web
from streams.topics import ensure_topics

WORKER_CORE = 1
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Bench:
    """A running deployment: settings, and the worker once it is started."""

    settings: Settings
    worker: Worker

    def start_worker(self) -> None:
        """Start the worker, alone on its core where there is more than one."""
        self.worker.start()
        if (os.cpu_count() or 1) > WORKER_CORE:
            for task in Path(f"/proc/{self.worker.pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {WORKER_CORE})

    def metric(self, name: str) -> float:
        """Return a metric of the worker, summed over its labels."""
        with urllib.request.urlopen(f"{self.worker.endpoint}/metrics", timeout=30) as page:  # noqa: S310 - our own
            text = page.read().decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE))

    def cpu_s(self) -> float:
        """Return the processor seconds that the worker has used."""
        fields = Path(f"/proc/{self.worker.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def resident_mib(self) -> float:
        """Return the worker's resident memory in MiB."""
        status = Path(f"/proc/{self.worker.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / _KIB


@contextmanager
def deployment(*, partitions: int = 4) -> Iterator[Bench]:
    """Apache Kafka with the topics, and a worker not yet started."""
    with ApacheKafka() as broker:
        settings = Settings(
            kafka=Kafka(bootstrap=broker.bootstrap, partitions=partitions),
            redis=Redis(url=""),
            web=Web(port=free_port()),
        )
        ensure_topics(settings)
        worker = Worker(settings)
        try:
            yield Bench(settings, worker)
        finally:
            worker.stop()
