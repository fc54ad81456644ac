"""Checkpoints of a partition: what has changed since the last, and how the whole is put together again.

Each checkpoint writes the rows that changed (a delta) and rewrites, in rotation, about as many rows whole
(blocks): so its cost follows the changes, not the size of the state, and a delta can go once every block that
it touched has been rewritten. Sums that follow from persons aren't written at all.

`Checkpointer.draft` takes a consistent picture, `Draft.pack` makes messages of it; writing them, in the order given
and each acknowledged before the manifest, is the shell's part. Only `settle`, called after the manifest is safe and the
source offsets are committed, names the messages that may be deleted. A draft can be written again and again.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import msgspec
import numpy as np
import zstandard

from streams.dedupe import Segment
from streams.flows import PackedFlows, export_flows, restore_flows
from streams.manifest import (
    REPLAY,
    Block,
    EntryMissingError,
    Epoch,
    Ids,
    Manifest,
    Piece,
    check_meaning,
    check_partitions,
    entry_key,
    manifest_key,
)
from streams.migrations import FORMAT, is_changed, migrate_entry
from streams.packing import PackedRows, pack, pack_block, unpack
from streams.partition import PartitionState
from streams.sums import Ints

BLOCK_ROWS = 1024
LARGEST_MESSAGE = 700_000
"""Bytes of one changelog message; brokers refuse more than a megabyte by default."""
MOST_DELTAS = 48
MERGED_SEGMENTS = 32
_LEVEL = 1
_Packed = TypeVar("_Packed")
_encode = msgspec.msgpack.Encoder().encode


class PackedDelta(msgspec.Struct, array_like=True):
    """What changed between two checkpoints: rows of persons, and flows by (minute, cell set, column)."""

    rows: PackedRows
    flow_keys: bytes
    flow_amounts: bytes


class PackedRegistry(msgspec.Struct, array_like=True):
    """The numbers that the other entries speak in: cells, cell sets, labelled columns."""

    cells: list[tuple[str, str]]
    sets: list[tuple[int, ...]]
    labels: list[tuple[str, str]]


class PackedIds(msgspec.Struct, array_like=True):
    """A segment of deduplication ids."""

    high: bytes
    low: bytes
    record_ms: bytes
    content: bytes


@dataclass(slots=True)
class Draft:
    """A checkpoint to be written: a picture of the state until `pack` has made messages of it.

    Attributes:
        plan: the manifest's content.
        segments: the ids in memory after it, in the manifest's order.
        entries: messages, all to be acknowledged before the manifest is sent.
        manifest: the last message.
    """

    plan: Manifest
    segments: list[Segment]
    entries: list[tuple[bytes, bytes]]
    manifest: tuple[bytes, bytes]
    _partition: int
    _parts: list[tuple[str, Piece, object]]

    def pack(self) -> Draft:
        """Encode and compress the picture; shares nothing with the state, so any thread may."""
        compressor = zstandard.ZstdCompressor(_LEVEL)
        entries: list[tuple[bytes, bytes]] = []
        for part, piece, content in self._parts:
            data = compressor.compress(_encode(content))
            piece.pieces = max(1, -(-len(data) // LARGEST_MESSAGE))
            for index in range(piece.pieces):
                value = data[index * LARGEST_MESSAGE : (index + 1) * LARGEST_MESSAGE]
                entries.append((entry_key(self._partition, part, piece, index), value))
        self.manifest = (manifest_key(self._partition, Epoch(*self.plan.epoch)), _encode(self.plan))
        self.entries = entries  # at once and last: who sees entries sees all of them
        return self

    @property
    def size(self) -> int:
        """Return the bytes to be written."""
        return sum(len(key) + len(value) for key, value in [*self.entries, self.manifest])


class Checkpointer:
    """Plans a partition's checkpoints.

    Args:
        partition: whose.
        epoch: of this owner.
        last: the manifest that the state was loaded from, None for a new partition.
        segments: the ids in memory, in that manifest's order.
        orphans: stored keys that it doesn't need: of checkpoints that a crash cut off, and of superseded owners.
    """

    def __init__(
        self,
        partition: int,
        epoch: Epoch,
        last: Manifest | None = None,
        segments: list[Segment] | None = None,
        orphans: set[bytes] | None = None,
    ) -> None:
        self.partition = partition
        self.epoch = epoch
        self.last = last
        self._segments = segments or []
        self._orphans = orphans or set()
        self._flow_entries = 0
        self._flow_entries_since = 0
        self._drafted = False

    def draft(self, state: PartitionState, offsets: Mapping[str, int]) -> Draft:
        """Take a picture of the state, which has just been brought to a tick.

        Args:
            state: the partition; what it marks as changed is unmarked, so a draft is written or the state lost.
            offsets: the next offset of every source topic that isn't in it.

        Raises:
            RuntimeError: the last draft hasn't been settled: what it holds would be missing from this one.
        """
        if self._drafted:
            raise RuntimeError(
                f"partition {self.partition}: a checkpoint was drafted before the last one was settled; "
                "write that one again, or drop the state and load it"
            )
        self._drafted = True
        last = self.last
        version = last.version + 1 if last else 1
        writer = _Writer(self.epoch, version)
        persons = state.fold.persons
        known = last.persons if last else 0
        changed = sorted_rows(persons.changed | persons.texts | persons.histories)
        blocks = [Block(block.entry, block.covered, block.touched) for block in (last.blocks if last else [])]
        blocks += [Block() for _ in range(len(blocks), -(-len(persons) // BLOCK_ROWS))]
        for number in np.unique(changed // BLOCK_ROWS).tolist():
            blocks[number].touched = version
        flow_keys, flow_amounts = state.take_unsaved_flows()
        deltas = list(last.deltas) if last else []
        if len(changed) or len(flow_keys):
            rows = pack(
                persons,
                changed,
                new_from=known,
                text_rows=sorted_rows(persons.texts),
                history_rows=sorted_rows(persons.histories),
            )
            deltas.append(writer.write("delta", PackedDelta(rows, flow_keys.tobytes(), flow_amounts.tobytes())))
        persons.forget_changes()
        self._rewrite(state, blocks, len(changed), writer)
        flows, flows_covered = self._flows(state, len(flow_keys), writer)
        needed_from = min([flows_covered, *(block.covered for block in blocks if block.is_stale)])
        deltas = [piece for piece in deltas if piece.version > needed_from]
        if version <= needed_from:
            writer.discard("delta")  # all that it touched has been rewritten whole
        ids, segments = self._ids(state, writer)
        plan = Manifest(
            format=FORMAT,
            meaning=state.meaning.describe(),
            epoch=(self.epoch.term, self.epoch.generation),
            version=version,
            offsets=dict(offsets),
            now_ms=state.now_ms,
            latest_event_ms=state.latest_event_ms,
            latest_by_type=dict(state.latest_by_type),
            persons=len(persons),
            blocks=blocks,
            flows=flows,
            flows_covered=flows_covered,
            deltas=deltas,
            registry=self._registry(state, writer),
            waiting=writer.write("waiting", [item.raw for item in state.waiting]) if state.waiting else None,
            ids=ids,
            partitions=state.partitions,
            program=program(),
        )
        return Draft(plan, segments, [], (b"", b""), self.partition, writer.parts)

    def settle(self, draft: Draft) -> set[bytes]:
        """Make a written draft the last checkpoint; return the keys that nothing needs any more."""
        last, self._drafted = self.last, False
        self.last, self._segments = draft.plan, draft.segments
        superseded, self._orphans = self._orphans, set()
        if last is not None:
            superseded |= last.keys(self.partition) - draft.plan.keys(self.partition)
            if Epoch(*last.epoch) != self.epoch:
                superseded.add(manifest_key(self.partition, Epoch(*last.epoch)))
        return superseded

    def _rewrite(self, state: PartitionState, blocks: list[Block], changed_rows: int, writer: _Writer) -> None:
        """Rewrite the blocks that have been stale for longest, about as many rows as have changed."""
        stale = sorted((block.covered, number) for number, block in enumerate(blocks) if block.is_stale)
        for _, number in stale[: max(2, changed_rows // BLOCK_ROWS)]:
            first = number * BLOCK_ROWS
            packed = pack_block(state.fold.persons, first, first + BLOCK_ROWS)
            blocks[number] = Block(writer.write(f"block-{number}", packed), writer.version, blocks[number].touched)

    def _flows(self, state: PartitionState, entries: int, writer: _Writer) -> tuple[Piece | None, int]:
        """Rewrite the panes' flows once the changes since outweigh them, or have become many."""
        last = self.last
        self._flow_entries_since += entries
        covered = last.flows_covered if last else 0
        if last and self._flow_entries_since == 0 and covered == last.version:
            return last.flows, writer.version
        if self._flow_entries_since < self._flow_entries and writer.version - covered < MOST_DELTAS:
            return (last.flows if last else None), covered
        packed = export_flows(state)
        self._flow_entries, self._flow_entries_since = packed.entries, 0
        return writer.write("flows", packed), writer.version

    def _registry(self, state: PartitionState, writer: _Writer) -> Piece | None:
        slices, columns = state.fold.slices, state.fold.columns
        packed = PackedRegistry(
            [cell for cell in slices.cells if cell is not None], list(slices.sets), columns.labels()
        )
        size = len(packed.cells) + len(packed.sets) + len(packed.labels)
        last = self.last.registry if self.last else None
        return last if last is not None and last.size == size else writer.write("registry", packed, size=size)

    def _ids(self, state: PartitionState, writer: _Writer) -> tuple[list[Ids], list[Segment]]:
        """Add the new ids, drop what is beyond the horizon, and merge segments that have become many."""
        kept: list[tuple[Ids, Segment]] = []
        for entry, segment in zip(self.last.ids if self.last else [], self._segments, strict=True):
            if state.dedupe.is_over(entry.newest_ms):
                state.dedupe.forget(segment)
            else:
                kept.append((entry, segment))
        new = state.dedupe.cut()
        if len(new.record_ms):
            kept.append((_write_ids(writer, new, 0), new))
        level = 0
        while sum(entry.level == level for entry, _ in kept) >= MERGED_SEGMENTS:
            merged = Segment.concatenate([segment for entry, segment in kept if entry.level == level])
            larger = [(entry, segment) for entry, segment in kept if entry.level > level]
            smaller = [(entry, segment) for entry, segment in kept if entry.level < level]
            kept = [*larger, (_write_ids(writer, merged, level + 1), merged), *smaller]
            level += 1
        return [entry for entry, _ in kept], [segment for _, segment in kept]


def restore(state: PartitionState, plan: Manifest, stored: Mapping[bytes, bytes]) -> list[Segment]:
    """Fill an empty partition from a checkpoint.

    Args:
        state: just made, under the configured settings.
        plan: the newest manifest.
        stored: the partition's changelog, by key.

    Returns:
        The segments of ids, for the `Checkpointer`.

    Raises:
        StateRefusedError: the settings differ, or an entry that the manifest names isn't there.
    """
    check_partitions(state.partition, plan.partitions, state.partitions)
    check_meaning(state.partition, plan.meaning, state.meaning.describe())
    reader = _Reader(state.partition, stored)
    fold = state.fold
    if plan.registry is not None:
        registry = reader.read("registry", plan.registry, PackedRegistry)
        fold.slices.restore(registry.cells, registry.sets)
        fold.columns.restore(registry.labels)
    fold.now_ms = plan.now_ms
    state.latest_event_ms, state.latest_by_type = plan.latest_event_ms, dict(plan.latest_by_type)
    if plan.now_ms >= 0:
        state.sums.slide(fold.time.frame(plan.now_ms))
    if plan.flows is not None:
        restore_flows(state, reader.read("flows", plan.flows, PackedFlows))
    fold.persons.grow(plan.persons)
    for number, block in enumerate(plan.blocks):
        if block.entry is not None:
            unpack(fold.persons, reader.read(f"block-{number}", block.entry, PackedRows))
    covered = np.array([block.covered for block in plan.blocks], np.int64)
    for piece in plan.deltas:
        delta = reader.read("delta", piece, PackedDelta)
        unpack(fold.persons, delta.rows, lambda rows, at=piece.version: covered[rows // BLOCK_ROWS] < at)  # type: ignore[misc]
        if piece.version > plan.flows_covered:
            keys, amounts = np.frombuffer(delta.flow_keys, np.int64), np.frombuffer(delta.flow_amounts, np.int64)
            state.sums.add(dict(zip(keys.tolist(), amounts.tolist(), strict=True)), fold.slices.matrix())
    fold.persons.index()
    fold.contribute_all()
    fold.persons.forget_changes()
    state.settle()
    segments = [_read_ids(reader, entry) for entry in plan.ids]
    for segment in segments:
        state.dedupe.remember(segment)
    if plan.waiting is not None:
        state.wait_again(reader.read("waiting", plan.waiting, list[bytes]))
    return segments


class _Writer:
    """Collects the parts of a checkpoint."""

    def __init__(self, epoch: Epoch, version: int) -> None:
        self.version = version
        self.parts: list[tuple[str, Piece, object]] = []
        self._epoch = (epoch.term, epoch.generation)

    def discard(self, part: str) -> None:
        """Leave out a part that was added."""
        self.parts = [written for written in self.parts if written[0] != part]

    def write(self, part: str, content: object, *, size: int = 0) -> Piece:
        """Add a part and return its name for the manifest; the content isn't changed any more."""
        piece = Piece(self.version, 0, size, self._epoch, FORMAT)
        self.parts.append((part, piece, content))
        return piece


class _Reader:
    """Finds the parts of a checkpoint among the messages of a changelog."""

    def __init__(self, partition: int, stored: Mapping[bytes, bytes]) -> None:
        self._partition = partition
        self._stored = stored
        self._decompressor = zstandard.ZstdDecompressor()

    def read(self, part: str, piece: Piece, kind: type[_Packed]) -> _Packed:
        """Return a part.

        Raises:
            EntryMissingError: one of its messages is missing.
        """
        keys = [entry_key(self._partition, part, piece, index) for index in range(piece.pieces)]
        missing = [key for key in keys if key not in self._stored]
        if missing:
            raise EntryMissingError(
                f"partition {self._partition}: its checkpoint needs {missing[0].decode()!r}, which the changelog "
                f"doesn't hold; {REPLAY}"
            )
        data = self._decompressor.decompress(b"".join(self._stored[key] for key in keys))
        if is_changed(part, piece.format):
            return msgspec.convert(migrate_entry(part, piece.format, msgspec.msgpack.decode(data)), kind)
        return msgspec.msgpack.decode(data, type=kind)


@cache
def program() -> str:
    """Return the version of tapesh that runs, empty where it isn't installed."""
    try:
        return importlib.metadata.version("tapesh")
    except importlib.metadata.PackageNotFoundError:
        return ""


def sorted_rows(rows: set[int]) -> Ints:
    """Return row numbers as a sorted array."""
    found = np.fromiter(rows, np.int64, len(rows))
    found.sort()
    return found


def _write_ids(writer: _Writer, segment: Segment, level: int) -> Ids:
    packed = PackedIds(
        segment.high.tobytes(), segment.low.tobytes(), segment.record_ms.tobytes(), segment.content.tobytes()
    )
    return Ids(writer.write(f"ids-{level}", packed), level, segment.newest_ms)


def _read_ids(reader: _Reader, ids: Ids) -> Segment:
    packed = reader.read(f"ids-{ids.level}", ids.entry, PackedIds)
    return Segment(
        np.frombuffer(packed.high, np.uint64),
        np.frombuffer(packed.low, np.uint64),
        np.frombuffer(packed.record_ms, np.int64),
        np.frombuffer(packed.content, np.uint32),
    )
