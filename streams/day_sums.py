"""What a partition's past days hold, on its way to the KPI agent: packed, and sent only where something has changed.

Late events change few days, and most of the time none. So the asker names what it has by a digest, and a partition
that has nothing else answers with the digest alone. Neither side needs to know what the other has heard: an answer
that is lost costs the same answer again.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import xxhash

from metrics.components import BY_NAME
from metrics.restatement import RESTATED_COMPONENTS
from streams.merge import Admission
from streams.pane_log import SLOT_BITS
from streams.panes import MINUTE_MS
from streams.partition import PartitionState
from streams.slices import EVERYBODY, MS_OF_DAY
from streams.sums import Ints, add_up

Sums = dict[str, int]
"""Amounts by component, of a labelled one `component/label`; absent is 0."""
NOTHING_KNOWN = 1
"""The digest of who has nothing yet: no digest of ours is odd."""


class PackedDays(msgspec.Struct, array_like=True):
    """Sums of past days over everybody.

    Attributes:
        names: of the columns: component and label.
        minutes: the first minute of the day of each amount, int64.
        columns: the column of each amount, int64.
        amounts: int64.
    """

    names: list[tuple[str, str | None]]
    minutes: bytes
    columns: bytes
    amounts: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(PackedDays).decode


def pack_days(state: PartitionState, now_ms: int) -> bytes:
    """Pack what the days before that of `now_ms` hold of what is restated; equal sums give equal bytes."""
    sums, names = state.sums, state.fold.columns.names
    wanted = [number for number, (component, _) in enumerate(names) if component in RESTATED_COMPONENTS]
    wanted.sort(key=lambda number: (names[number][0], names[number][1] or ""))
    place = np.full(len(names), -1, np.int64)
    place[wanted] = np.arange(len(wanted))
    of_slot = np.where(sums.slot_cells == EVERYBODY, place[sums.slot_columns], -1)
    days = state.fold.time.days
    today = max(days.start(days.of(max(now_ms, 0))), 0) // MINUTE_MS
    keys, amounts = sums.before("day", today, of_slot)
    columns = keys & (1 << SLOT_BITS) - 1
    used, columns = np.unique(columns, return_inverse=True)
    shown = [names[wanted[number]] for number in used.tolist()]
    minutes = keys >> SLOT_BITS
    return _encode(PackedDays(shown, minutes.tobytes(), columns.astype(np.int64).tobytes(), amounts.tobytes()))


def digest(packed: bytes) -> int:
    """Name packed days by 63 bits, even and never 0."""
    return (xxhash.xxh3_64_intdigest(packed) >> 1 | 2) & ~1


def answer_days(state: PartitionState, now_ms: int, known: int) -> tuple[int, bytes]:
    """Return the digest of a partition's past days, and the days themselves where the asker has others."""
    packed = pack_days(state, now_ms)
    named = digest(packed)
    return named, b"" if named == known else packed


class DaySums:
    """The past days of all partitions, as their answers told them.

    Args:
        partitions: how many there are.
    """

    def __init__(self, partitions: int) -> None:
        self.digests = [NOTHING_KNOWN] * partitions
        self._packed = [b""] * partitions
        self._merged: tuple[tuple[int, ...], dict[int, Sums]] = ((), {})

    def take(self, partition: int, named: int, packed: bytes) -> bool:
        """Take in a partition's answer; return whether its days are known now."""
        if packed and digest(packed) == named:
            self.digests[partition], self._packed[partition] = named, packed
        return self.digests[partition] == named

    def merged(self, admission: Admission) -> dict[int, Sums]:
        """Add the partitions up: sums by the first minute of the day.

        Args:
            admission: which labels have a name of their own; the others are `other`.
        """
        digests = tuple(self.digests)
        if self._merged[0] != digests:
            self._merged = (digests, _add_up([_decode(packed) for packed in self._packed if packed], admission))
        return self._merged[1]


def _add_up(parts: Sequence[PackedDays], admission: Admission) -> dict[int, Sums]:
    numbers: dict[str, int] = {}
    keys: list[Ints] = []
    amounts: list[Ints] = []
    for part in parts:
        shown = [numbers.setdefault(_name(admission, *name), len(numbers)) for name in part.names]
        columns = np.array(shown, np.int64)[np.frombuffer(part.columns, np.int64)]
        keys.append(np.frombuffer(part.minutes, np.int64) << SLOT_BITS | columns)
        amounts.append(np.frombuffer(part.amounts, np.int64))
    found: dict[int, Sums] = {}
    if keys:
        names = list(numbers)
        added, totals = add_up(np.concatenate(keys), np.concatenate(amounts))
        for key, total in zip(added.tolist(), totals.tolist(), strict=True):
            found.setdefault(key >> SLOT_BITS, {})[names[key & (1 << SLOT_BITS) - 1]] = total
    return found


def _name(admission: Admission, component: str, label: str | None) -> str:
    if label is None:
        return component
    shown = label if label == MS_OF_DAY else admission.name(BY_NAME[component].label or component, label)
    return f"{component}/{shown}"
