"""A worker on the chunked transport that journals all it sees: what the transport's tests start as a process.

Its "engine" is as small as can be: the state of a partition is the position up to which it has journalled, kept in one
file per partition, which stands for the manifest.
"""

import json
import sys
import time
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import faust
from faust.types import TP

from streams.transport import Chunk, Edge, Position, Sources, bind, transport_options


@dataclass(frozen=True, slots=True)
class Job:
    """What one worker process is to do; travels as JSON."""

    bootstrap: str
    group: str
    topic: str
    partitions: int
    journal: str
    """File that gets one JSON object a line."""
    manifests: str
    """Folder of positions, shared by the workers of a group."""
    ticks: str = ""
    """Topic of single messages, read from its end; none if empty."""
    chunk_records: int = 2_000
    hold: int = 0
    """Leave this many chunks of one partition unacked, then ack them last to second and the first at the end."""
    session_timeout: float = 6.0
    """Seconds; the least that Apache Kafka accepts by default."""
    crash_at: int = -1
    """Fail when this record value is met: what a bug in the engine looks like."""


class Journal:
    def __init__(self, path: str) -> None:
        self._file = Path(path).open("a", buffering=1)  # noqa: SIM115 - open as long as the process

    def __call__(self, what: str, **fields: Any) -> None:
        self._file.write(json.dumps({"what": what, **fields}) + "\n")


class JournalEngine:
    """Keeps positions, and the protocol that the real engine keeps its state by."""

    def __init__(self, app: faust.App, job: Job) -> None:
        self.app = app
        self.job = job
        self.journal = Journal(job.journal)
        self.reached: dict[TP, int] = {}
        self.table = app.Table("state", partitions=job.partitions)
        self.held_back: list[Any] = []

    def manifest(self, tp: TP) -> Path:
        return Path(self.job.manifests) / f"{tp.topic}-{tp.partition}"

    async def positions(self, owned: AbstractSet[TP]) -> Mapping[TP, Position]:
        self.journal("positions", partitions=sorted(tp.partition for tp in owned))
        self.reached.clear()
        return {tp: int(self.manifest(tp).read_text()) if self.manifest(tp).exists() else Edge.START for tp in owned}

    async def let_go(self, leaving: AbstractSet[TP]) -> None:
        sources = {tp: self.reached[tp] for tp in leaving if tp in self.reached}
        self.journal("let_go", partitions=sorted(tp.partition for tp in leaving if tp.topic == self.job.topic))
        for tp, position in sources.items():
            await self.table.send_changelog(tp.partition, "reached", position)
        try:
            await self.app.consumer.commit_offsets(sources)
        except Exception as error:
            self.journal("refused", error=type(error).__name__)
            raise
        for tp, position in sources.items():
            self.manifest(tp).write_text(str(position))
        self.journal("committed", offsets={tp.partition: position for tp, position in sources.items()})

    async def take(self, event: Any) -> None:
        if not isinstance(event.value, Chunk):
            self.journal("tick", partition=event.message.partition, value=event.value.decode())
            event.ack()
            return
        self.fold(event.value)
        if len(self.held_back) < self.job.hold:
            self.held_back.append(event)
            if len(self.held_back) == self.job.hold:
                await self.ack_oddly()
        elif not self.job.hold:
            event.ack()

    def fold(self, chunk: Chunk) -> None:
        tp = TP(chunk.topic, chunk.partition)
        if self.reached.setdefault(tp, chunk.begin) != chunk.begin:
            self.journal("gap", partition=tp.partition, reached=self.reached[tp], begin=chunk.begin)
        numbers = [int(raw) for raw in chunk.values]
        if self.job.crash_at in numbers:
            raise AssertionError("told to")
        self.journal(
            "chunk", at=time.time(), partition=tp.partition, begin=chunk.begin, end=chunk.end, offsets=chunk.offsets,
            values=numbers,
        )  # fmt: skip
        self.reached[tp] = chunk.end

    async def ack_oddly(self) -> None:
        consumer = self.app.consumer
        for nth in (*range(self.job.hold - 1, 0, -1), 0):
            self.held_back[nth].ack()
            self.journal("acked", nth=nth, positions=list(consumer.acked_positions().values()))
        await consumer.commit_offsets(consumer.acked_positions())
        self.journal("committed", offsets={tp.partition: at for tp, at in consumer.acked_positions().items()})


def create_app(job: Job) -> faust.App:
    app = faust.App(
        job.group,
        **transport_options(job.bootstrap, session_timeout=job.session_timeout, rebalance_timeout=job.session_timeout),
        topic_partitions=job.partitions,
        topic_replication_factor=1,
        web_enabled=False,
        datadir=job.manifests,
        store="memory://",
    )
    engine = JournalEngine(app, job)
    chunked = frozenset({job.topic})
    from_end = frozenset({job.ticks} if job.ticks else ())
    bind(app, Sources(chunked, from_end, engine.positions, engine.let_go, chunk_records=job.chunk_records))
    source = app.topic(*chunked, *from_end, value_type=bytes, value_serializer="raw", maxsize=8)

    @app.agent(source)
    async def ingest(stream: Any) -> None:
        async for event in stream.noack().events():
            try:
                await engine.take(event)
            except Exception as error:
                await app.crash(error)
                raise

    return app


def command(job: Job) -> list[str]:
    """How a test starts this file."""
    return [sys.executable, __file__, json.dumps(asdict(job))]


if __name__ == "__main__":
    faust.Worker(create_app(Job(**json.loads(sys.argv[1]))), loglevel="INFO").execute_from_commandline()
