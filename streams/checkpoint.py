"""Checkpoints of a partition: what has changed since the last, and how the whole is put together again.

Each checkpoint writes the rows that changed (a delta) and rewrites, in rotation, about as many rows whole
(blocks): so its cost follows the changes, not the size of the state, and a delta can go once every block that
it touched has been rewritten. Sums that follow from persons aren't written at all.

`Checkpointer.draft` takes a consistent picture, of copied numbers and references: the event loop waits for it.
`Draft.pack` makes messages of it, in another thread; writing them, in the order given and each acknowledged before the
manifest, is the shell's part. Only `settle`, called after the manifest is safe and the source offsets are committed,
names the messages that may be deleted. A draft can be written again and again.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

import msgspec
import numpy as np

from streams.dedupe import Deduplicator
from streams.deltas import Delta, join, taking_in
from streams.entries import PackedDelta, PackedRegistry, Reader, Writer
from streams.flows import PackedFlows, picture_flows, restore_flows
from streams.forgetting import Leaving
from streams.ids import Merge, plan_ids, read_ids
from streams.manifest import (
    Block,
    Epoch,
    Manifest,
    Piece,
    check_meaning,
    check_partitions,
    manifest_key,
)
from streams.migrations import FORMAT
from streams.packing import PackedRows, RowsPicture, picture, picture_block, unpack
from streams.partition import PartitionState
from streams.segments import Segment
from streams.sums import Ints

BLOCK_ROWS = 1024
_WAITING_A_STEP = 2_000
_encode = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class Loaded:
    """What a `Checkpointer` goes on from: the ids in memory and what the deltas hold, in the manifest's order."""

    segments: list[Segment] = field(default_factory=list)
    deltas: list[Delta] = field(default_factory=list)
    flow_entries: int = 0


@dataclass(slots=True)
class Draft:
    """A checkpoint to be written: a picture of the state until `pack` has made messages of it.

    Attributes:
        plan: the manifest's content.
        entries: messages, all to be acknowledged before the manifest is sent.
        manifest: the last message.
    """

    plan: Manifest
    entries: list[tuple[bytes, bytes]]
    manifest: tuple[bytes, bytes]
    _partition: int
    _writer: Writer
    _ids: list[Segment | Merge]
    _deltas: list[Delta]
    _dedupe: Deduplicator

    def pack(self) -> Draft:
        """Encode and compress the picture; changes nothing of the state, so any thread may."""
        entries = self._writer.pack(self._partition)
        self.manifest = (manifest_key(self._partition, Epoch(*self.plan.epoch)), _encode(self.plan))
        self.entries = entries  # at once and last: who sees entries sees all of them
        return self

    @property
    def size(self) -> int:
        """Return the bytes to be written."""
        return sum(len(key) + len(value) for key, value in [*self.entries, self.manifest])

    def installed(self) -> tuple[list[Segment], list[Delta]]:
        """Put merged segments in the place of their parts; return what is in memory after this checkpoint."""
        for ids in self._ids:
            if isinstance(ids, Merge):
                self._dedupe.replace(ids.parts, ids.make())
        return [ids.make() if isinstance(ids, Merge) else ids for ids in self._ids], self._deltas


class Checkpointer:
    """Plans a partition's checkpoints.

    Args:
        partition: whose.
        epoch: of this owner.
        last: the manifest that the state was loaded from, None for a new partition.
        loaded: what `restore` said of it.
        orphans: stored keys that it doesn't need: of checkpoints that a crash cut off, and of superseded owners.
        stored: the changelog that it was loaded from, for the sizes.
    """

    def __init__(
        self,
        partition: int,
        epoch: Epoch,
        last: Manifest | None = None,
        loaded: Loaded | None = None,
        orphans: Iterable[bytes] = (),
        stored: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self.partition = partition
        self.epoch = epoch
        self.last = last
        self._loaded = loaded or Loaded()
        covered = last.flows_covered if last else 0
        later = [delta for delta in self._loaded.deltas if delta.version > covered]
        self._flow_entries_since = sum(len(delta.flow_keys) for delta in later)
        self._rows_to_rewrite = 0
        self._drafted = False
        known = stored or {}
        live = last.keys(partition) | {manifest_key(partition, Epoch(*last.epoch))} if last else set()
        self._live = {key: len(key) + len(known.get(key, b"")) for key in live}
        self._superseded = {key: len(key) + len(known.get(key, b"")) for key in orphans}

    @property
    def live_bytes(self) -> int:
        """Return the size of the messages that the last checkpoint consists of."""
        return sum(self._live.values())

    @property
    def superseded_bytes(self) -> int:
        """Return the size of the messages that nothing needs any more and that aren't deleted yet."""
        return sum(self._superseded.values())

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
        last, persons = self.last, state.fold.persons
        writer = Writer(self.epoch, last.version + 1 if last else 1)
        new = self._changes(state, writer.version)
        persons.forget_changes()
        blocks = [Block(block.entry, block.covered, block.touched) for block in (last.blocks if last else [])]
        blocks += [Block() for _ in range(len(blocks), -(-len(persons) // BLOCK_ROWS))]
        for number in np.unique(new.rows // BLOCK_ROWS).tolist():
            blocks[number].touched = writer.version
        forgotten = state.forgetting.written()
        self._rewrite(state, blocks, len(new.rows), writer, {row // BLOCK_ROWS for row in forgotten})
        flows, flows_covered = self._flows(state, len(new.flow_keys), writer)
        needed_from = min([flows_covered, *(block.covered for block in blocks if block.is_stale)])
        deltas, pieces = self._deltas(state, new, (needed_from, flows_covered), blocks, forgotten, writer)
        known = zip(last.ids if last else [], self._loaded.segments, strict=True)
        ids = plan_ids(state.dedupe, known, writer)
        waiting = state.waiting_raw()
        plan = Manifest(
            format=FORMAT,
            meaning=state.meaning.describe(),
            epoch=(self.epoch.term, self.epoch.generation),
            version=writer.version,
            offsets=dict(offsets),
            now_ms=state.now_ms,
            latest_event_ms=state.latest_event_ms,
            latest_by_type=dict(state.latest_by_type),
            watermarks=state.watermarks.pack(),
            persons=len(persons),
            blocks=blocks,
            flows=flows,
            flows_covered=flows_covered,
            deltas=pieces,
            registry=self._registry(state, writer),
            waiting=writer.write("waiting", lambda: waiting) if waiting else None,
            ids=[entry for entry, _ in ids],
            partitions=state.partitions,
            program=program(),
            leaving=[Leaving(each.alias, each.customer_id, list(each.waits)) for each in state.forgetting.leaving],
            profiles_to_delete=list(state.forgetting.profiles),
            orders_heard=state.forgetting.heard,
        )
        held = [content for _, content in ids]
        return Draft(plan, [], (b"", b""), self.partition, writer, held, deltas, state.dedupe)

    def settle(self, draft: Draft) -> set[bytes]:
        """Make a written draft the last checkpoint; return the keys that nothing needs any more, to be deleted."""
        before, self._drafted = self._live, False
        self.last = draft.plan
        self._loaded.segments, self._loaded.deltas = draft.installed()
        sizes = {key: len(key) + len(value) for key, value in [*draft.entries, draft.manifest]}
        keys = draft.plan.keys(self.partition) | {draft.manifest[0]}
        self._live = {key: sizes.get(key, before.get(key, 0)) for key in keys}
        gone = {**self._superseded, **before}
        self._superseded = {key: size for key, size in gone.items() if key not in keys}
        return set(self._superseded)

    def deleted(self, keys: Iterable[bytes]) -> None:
        """Note that keys are gone; what isn't said to be will be named again by the next checkpoint."""
        for key in keys:
            self._superseded.pop(key, None)

    def _changes(self, state: PartitionState, version: int) -> Delta:
        """Return what has changed since the last checkpoint."""
        persons = state.fold.persons
        return Delta(
            version,
            0,
            marked_rows(persons.changed, persons.texts, persons.histories),
            marked_rows(persons.texts),
            marked_rows(persons.histories),
            self.last.persons if self.last else 0,
            *state.take_unsaved_flows(),
        )

    def _deltas(
        self,
        state: PartitionState,
        new: Delta,
        covered: tuple[int, int],
        blocks: list[Block],
        forgotten: set[int],
        writer: Writer,
    ) -> tuple[list[Delta], list[Piece]]:
        """Write what has changed, joined with earlier deltas where those are many; return those that are needed."""
        needed_from, flows_covered = covered
        pieces = {delta.version: piece for delta, piece in self._known_deltas()}
        earlier = [delta for delta in self._loaded.deltas if delta.version > needed_from]
        less = [_less_flows(old, flows_covered) for old in earlier]
        joined, needed = join(*taking_in(_less_flows(new, flows_covered), less, forgotten))
        joined = joined.without(np.array([not block.is_stale for block in blocks], bool), BLOCK_ROWS)
        if joined.is_empty:
            return needed, [pieces[delta.version] for delta in needed]
        rows = picture(
            state.fold.persons,
            joined.rows,
            new_from=joined.new_from,
            text_rows=joined.text_rows,
            history_rows=joined.history_rows,
        )
        piece = writer.write("delta", partial(_pack_delta, rows, joined), size=joined.level)
        return [*needed, joined], [*(pieces[delta.version] for delta in needed), piece]

    def _known_deltas(self) -> Iterable[tuple[Delta, Piece]]:
        return zip(self._loaded.deltas, self.last.deltas if self.last else [], strict=True)

    def _rewrite(
        self, state: PartitionState, blocks: list[Block], changed_rows: int, writer: Writer, at_once: set[int]
    ) -> None:
        """Rewrite the blocks that have been stale for longest: over time as many rows as have changed.

        Those in which somebody was forgotten don't wait for their turn.
        """
        self._rows_to_rewrite += changed_rows
        stale = ((block.covered, number) for number, block in enumerate(blocks) if block.is_stale)
        for _, number in sorted(stale, key=lambda each: (each[1] not in at_once, each)):
            first = number * BLOCK_ROWS
            rows = min(BLOCK_ROWS, len(state.fold.persons) - first)
            if rows > self._rows_to_rewrite and number not in at_once:
                return
            self._rows_to_rewrite = max(0, self._rows_to_rewrite - rows)
            piece = writer.write(f"block-{number}", picture_block(state.fold.persons, first, first + rows).packed)
            blocks[number] = Block(piece, writer.version, blocks[number].touched)
        self._rows_to_rewrite = 0

    def _flows(self, state: PartitionState, entries: int, writer: Writer) -> tuple[Piece | None, int]:
        """Rewrite the panes' flows once the changes since outweigh them."""
        last = self.last
        self._flow_entries_since += entries
        if last and self._flow_entries_since == 0 and last.flows_covered == last.version:
            return last.flows, writer.version
        if last and self._flow_entries_since < self._loaded.flow_entries:
            return last.flows, last.flows_covered
        flows = picture_flows(state)
        self._loaded.flow_entries, self._flow_entries_since = flows.entries, 0
        return writer.write("flows", flows.packed), writer.version

    def _registry(self, state: PartitionState, writer: Writer) -> Piece | None:
        slices, columns = state.fold.slices, state.fold.columns
        packed = PackedRegistry(
            [cell for cell in slices.cells if cell is not None], list(slices.sets), columns.labels()
        )
        size = len(packed.cells) + len(packed.sets) + len(packed.labels)
        last = self.last.registry if self.last else None
        return last if last is not None and last.size == size else writer.write("registry", lambda: packed, size=size)


def restore(state: PartitionState, plan: Manifest, stored: Mapping[bytes, bytes]) -> Loaded:
    """Fill an empty partition from a checkpoint at once; see `restoring`."""
    loaded = Loaded()
    for _ in restoring(state, plan, stored, loaded):
        pass
    return loaded


def restoring(state: PartitionState, plan: Manifest, stored: Mapping[bytes, bytes], loaded: Loaded) -> Iterator[None]:
    """Fill an empty partition from a checkpoint, in bounded steps: it is of use after the last.

    Args:
        state: just made, under the configured settings.
        plan: the newest manifest.
        stored: the partition's changelog, by key; it must not change meanwhile.
        loaded: to be filled with what the `Checkpointer` goes on from.

    Raises:
        StateRefusedError: the settings differ, or an entry that the manifest names isn't there.
    """
    check_partitions(state.partition, plan.partitions, state.partitions)
    check_meaning(state.partition, plan.meaning, state.meaning.describe())
    reader, fold = Reader(state.partition, stored), state.fold
    if plan.registry is not None:
        registry = reader.read("registry", plan.registry, PackedRegistry)
        fold.slices.restore(registry.cells, registry.sets)
        fold.columns.restore(registry.labels)
    fold.now_ms = plan.now_ms
    state.latest_event_ms, state.latest_by_type = plan.latest_event_ms, dict(plan.latest_by_type)
    state.watermarks.restore(plan.watermarks)
    state.forgetting.restore(plan.leaving, plan.profiles_to_delete, plan.orders_heard)
    if plan.now_ms >= 0:
        state.sums.slide(fold.time.frame(plan.now_ms))
    if plan.flows is not None:
        flows = reader.read("flows", plan.flows, PackedFlows)
        restore_flows(state, flows)
        loaded.flow_entries = flows.entries
        yield
    yield from _restoring_persons(state, plan, reader, loaded)
    for entry in plan.ids:
        loaded.segments.append(read_ids(reader, entry))
        state.dedupe.remember(loaded.segments[-1])
        yield
    if plan.waiting is not None:
        waiting = reader.read("waiting", plan.waiting, list[bytes])
        for start in range(0, len(waiting), _WAITING_A_STEP):
            state.wait_again(waiting[start : start + _WAITING_A_STEP])
            yield


def _restoring_persons(state: PartitionState, plan: Manifest, reader: Reader, loaded: Loaded) -> Iterator[None]:
    """Fill the rows of persons, of blocks first and then of newer deltas, and the sums that follow from them."""
    fold = state.fold
    fold.persons.grow(plan.persons)
    for number, block in enumerate(plan.blocks):
        if block.entry is not None:
            unpack(fold.persons, reader.read(f"block-{number}", block.entry, PackedRows))
            yield
    covered = np.array([block.covered for block in plan.blocks], np.int64)
    for piece in plan.deltas:
        packed = reader.read("delta", piece, PackedDelta)
        unpack(fold.persons, packed.rows, lambda rows, at=piece.version: covered[rows // BLOCK_ROWS] < at)  # type: ignore[misc]
        delta = Delta.read(piece.version, piece.size, packed)
        if piece.version > plan.flows_covered:
            state.sums.add_gathered(delta.flow_keys, delta.flow_amounts, fold.slices.matrix())
        loaded.deltas.append(delta)
        yield
    yield from fold.persons.ids.index()
    yield from state.contribute_all()
    fold.persons.forget_changes()
    state.settle()


@cache
def program() -> str:
    """Return the version of tapesh that runs, empty where it isn't installed."""
    try:
        return importlib.metadata.version("tapesh")
    except importlib.metadata.PackageNotFoundError:
        return ""


def marked_rows(*marks: bytearray) -> Ints:
    """Return the rows that are marked in any of these, sorted."""
    return np.flatnonzero(np.bitwise_or.reduce([np.frombuffer(each, np.uint8) for each in marks]))


def _less_flows(delta: Delta, covered: int) -> Delta:
    """Leave out flows that lie in the entry of all flows."""
    return delta if delta.version > covered else delta.without_flows()


def _pack_delta(rows: RowsPicture, delta: Delta) -> PackedDelta:
    return PackedDelta(rows.packed(), delta.flow_keys.tobytes(), delta.flow_amounts.tobytes())
