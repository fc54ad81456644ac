"""What workers say to each other: ticks to the partitions, their answers to the KPI agent.

A tick is data, one message to every partition: all answer the same `now`, so that a snapshot is consistent
across workers. An answer carries sums, never a ratio, and says which positions of the sources it covers.
"""

from __future__ import annotations

import msgspec
import numpy as np
import zstandard

from streams.partition import Report
from streams.watermarks import PackedMark


class Tick(msgspec.Struct, array_like=True, frozen=True):
    """An invitation to bring a partition to an instant and report.

    Attributes:
        owner: who asks: one life of one KPI agent.
        number: rising within an owner.
        now_ms: the instant, on the wall or the event clock.
        sent_ms: when it was sent, on the wall clock.
        full: whether slices are asked for, or everybody alone.
        url: where the owner's HTTP interface is.
        generation: of the group, as the owner knows it: one that has slept through a rebalance isn't answered.
        app: the owner's group: workers of another one count on their own.
        topics: what the owner's worker reads events from; one that reads others counts others.
        engine, succession: the shop's app_id, and which of its engines this is.
        serves: whether its figures are the ones to be shown.
        track: whether what alerts look back on is asked for, too.
        days: of each partition, the digest of what the owner has of its past days; empty: they aren't asked for.
        tally: the number of the tick as of which lifetimes are to be tallied, this one or an earlier; 0: none.
    """

    owner: str
    number: int
    now_ms: int
    sent_ms: int
    full: bool
    url: str
    generation: int = 0
    app: str = ""
    topics: tuple[str, ...] = ()
    engine: str = ""
    succession: int = 0
    serves: bool = False
    track: bool = False
    days: list[int] = []
    tally: int = 0


class Answer(msgspec.Struct, array_like=True):
    """A partition's report on a tick.

    Attributes:
        owner, number: of the tick.
        epoch: of the partition's owner, and its life; under another one the numbers of cells and columns may differ.
        positions: the next position of each source topic that isn't in the sums.
        waiting: events that no tick has reached.
        behind: whether the sums are those of the past: the partition is reading up to where its owner found it.
        successor: the later engine that serves, as its worker has heard: app_id, number, URL.
        failure: why there are no sums, and won't be before somebody does something; empty if there are.
        watermarks: how far each source has delivered; on full ticks only.
        track: what alerts look back on, if the tick asks for it.
        days_digest, days: of its past days, if asked for; the days themselves only where the owner has others.
        tally, tallied, tally_cost_s: of which tick a tally is, the tally, and the processor time that it took; once one
            that was asked for is there.
    """

    owner: str
    number: int
    partition: int
    epoch: str
    now_ms: int
    latest_event_ms: int
    full: bool
    positions: dict[str, int]
    waiting: int
    cells: list[tuple[str, str]]
    columns: list[tuple[str, str | None]]
    cell: bytes
    column: bytes
    sums: bytes
    behind: bool = False
    failure: str = ""
    successor: tuple[str, int, str] | None = None
    watermarks: list[PackedMark] = []
    track: bytes = b""
    days_digest: int = 0
    days: bytes = b""
    tally: int = 0
    tallied: bytes = b""
    tally_cost_s: float = 0.0

    def report(self) -> Report:
        """Return the sums as the partition had them."""
        column = np.frombuffer(self.column, np.int64)
        return Report(
            self.partition,
            self.now_ms,
            self.latest_event_ms,
            [None, *self.cells],
            self.columns,
            np.frombuffer(self.cell, np.int64),
            column,
            np.frombuffer(self.sums, np.int64).reshape(-1, len(column)) if len(column) else np.zeros((0, 0), np.int64),
        )


def answer(tick: Tick, epoch: str, report: Report, positions: dict[str, int], waiting: int) -> Answer:
    """Return a partition's answer to a tick."""
    return Answer(
        tick.owner,
        tick.number,
        report.partition,
        epoch,
        report.now_ms,
        report.latest_event_ms,
        tick.full,
        positions,
        waiting,
        [cell for cell in report.cells if cell is not None],
        report.columns,
        report.cell.tobytes(),
        report.column.tobytes(),
        report.sums.tobytes(),
    )


def failure(tick: Tick, partition: int, why: str) -> Answer:
    """Return the answer of a partition that has no sums to report, so that its silence has a reason."""
    return Answer(
        tick.owner, tick.number, partition, "", tick.now_ms, -1, tick.full, {}, 0, [], [], b"", b"", b"", failure=why
    )


_encode = msgspec.msgpack.Encoder().encode
_tick = msgspec.msgpack.Decoder(Tick)
_answer = msgspec.msgpack.Decoder(Answer)
_compressor = zstandard.ZstdCompressor(1)
_decompressor = zstandard.ZstdDecompressor()


def encode_tick(tick: Tick) -> bytes:
    """Return a tick as bytes."""
    return _encode(tick)


def decode_tick(data: bytes) -> Tick:
    """Return the tick that bytes hold."""
    return _tick.decode(data)


def encode_answer(message: Answer) -> bytes:
    """Return an answer as bytes."""
    return _compressor.compress(_encode(message))


def decode_answer(data: bytes) -> Answer:
    """Return the answer that bytes hold."""
    return _answer.decode(_decompressor.decompress(data))
