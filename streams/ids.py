"""Which segments of deduplication ids a checkpoint names: the new ones, without those beyond the horizon.

Each checkpoint adds a segment. Where they have become many, a run of them becomes one of the next level, in the
thread that packs the checkpoint: every id is written as often as there are levels. A run ends where its segment would
grow too large to be written at once, or would span so much time that its oldest ids outlived the horizon by long.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from streams.dedupe import Deduplicator
from streams.entries import PackedIds, Reader, Writer
from streams.manifest import Ids
from streams.segments import Segment

MERGED_SEGMENTS = 32
_FEWEST = 4
"""A run shorter than that isn't worth writing again."""
MOST_IDS = 1 << 20
"""Ids of a segment that was merged: 28 MB to be written."""
_SHARE_OF_HORIZON = 8
"""A merged segment spans at most that part of the horizon, so memory holds ids for an eighth longer at most."""


@dataclass(slots=True)
class Merge:
    """Segments that become one; `made` once the checkpoint has been packed."""

    parts: list[Segment]
    made: Segment | None = None

    def make(self) -> Segment:
        """Merge them, once."""
        if self.made is None:
            self.made = Segment.concatenate(self.parts)
        return self.made


def plan_ids(
    dedupe: Deduplicator, known: Iterable[tuple[Ids, Segment]], writer: Writer
) -> list[tuple[Ids, Segment | Merge]]:
    """Add the new ids, drop what is beyond the horizon, and merge a run where segments have become many.

    Args:
        dedupe: gives its new ids and forgets the old ones.
        known: entries of the checkpoint before, in the order in which their ids came, with what they hold.
        writer: takes what is to be written.
    """
    kept: list[tuple[Ids, Segment]] = []
    for entry, segment in known:
        if dedupe.is_over(entry.newest_ms):
            dedupe.forget(segment)
        else:
            kept.append((entry, segment))
    planned: list[tuple[Ids, Segment | Merge]] = list(kept)
    if run := _run(kept, dedupe.horizon_ms):
        planned[run] = [_merge([entry for entry, _ in kept[run]], [segment for _, segment in kept[run]], writer)]
    if new := dedupe.cut():  # one entry, or two of one version would share their key
        newest_ms = max(segment.newest_ms for segment in new)
        content: Segment | Merge = Merge(new) if len(new) > 1 else new[0]
        entry = Ids(writer.write("ids-0", partial(_pack, content)), 0, newest_ms)
        planned.append((entry, content))
    return planned


def _merge(entries: list[Ids], segments: list[Segment], writer: Writer) -> tuple[Ids, Merge]:
    level, merge = entries[0].level + 1, Merge(segments)
    piece = writer.write(f"ids-{level}", partial(_pack, merge))
    return Ids(piece, level, max(entry.newest_ms for entry in entries)), merge


def _run(kept: list[tuple[Ids, Segment]], horizon_ms: int | None) -> slice | None:
    """Return where the first neighbours of one level lie that are as many as they may become, and enough."""
    longest_ms = None if horizon_ms is None else horizon_ms // _SHARE_OF_HORIZON
    start = size = 0
    for place, (entry, segment) in enumerate(kept):
        first = kept[start][0]
        if entry.level != first.level:
            start, size, first = place, 0, entry
        spans_ms = abs(entry.newest_ms - first.newest_ms)
        if size + len(segment) > MOST_IDS or (longest_ms is not None and spans_ms > longest_ms):
            if place - start >= _FEWEST:
                return slice(start, place)
            start, size = place, 0
        size += len(segment)
        if place - start + 1 >= MERGED_SEGMENTS:
            return slice(start, place + 1)
    return None


def read_ids(reader: Reader, ids: Ids) -> Segment:
    """Return the segment of an entry."""
    packed = reader.read(f"ids-{ids.level}", ids.entry, PackedIds)
    return Segment.sorted(
        np.frombuffer(packed.high, np.uint64),
        np.frombuffer(packed.low, np.uint64),
        np.frombuffer(packed.record_ms, np.int64),
        np.frombuffer(packed.content, np.uint32),
    )


def _pack(content: Segment | Merge) -> PackedIds:
    ids = content.make() if isinstance(content, Merge) else content
    return PackedIds(ids.high.tobytes(), ids.low.tobytes(), ids.record_ms.tobytes(), ids.content.tobytes())
