"""Deltas: which rows and flows each checkpoint had to write beside the blocks, so that small ones can be joined.

A large state with few changes would gather a delta for every checkpoint until all blocks have been rewritten, which
takes long when little changes. So `JOINED` deltas of one level become one of the next, with the rows as they are now:
a row is written as often as there are levels, and there are few deltas however long a block waits for its turn.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from streams.entries import PackedDelta
from streams.packing import Rows
from streams.sums import Ints, add_up

JOINED = 8
MOST_ROWS = 65_536
"""Rows of a joined delta: the event loop waits while they are copied. Larger deltas are few: blocks overtake them."""


@dataclass(frozen=True, slots=True, eq=False)
class Delta:
    """What a delta holds, but for the values.

    Attributes:
        version: the checkpoint that wrote it.
        level: how often it has been joined.
        rows, text_rows, history_rows: sorted rows whose columns, texts and histories it holds.
        new_from: the first row whose customer id it holds.
        flow_keys, flow_amounts: the flows since the delta before it.
    """

    version: int
    level: int
    rows: Rows
    text_rows: Rows
    history_rows: Rows
    new_from: int
    flow_keys: Ints
    flow_amounts: Ints

    @staticmethod
    def read(version: int, level: int, packed: PackedDelta) -> Delta:
        """Return what an entry holds."""
        rows = packed.rows
        return Delta(
            version,
            level,
            np.frombuffer(rows.rows, np.int64),
            np.frombuffer(rows.text_rows, np.int64),
            np.frombuffer(rows.history_rows, np.int64),
            rows.new_from,
            np.frombuffer(packed.flow_keys, np.int64),
            np.frombuffer(packed.flow_amounts, np.int64),
        )

    def without(self, whole: npt.NDArray[np.bool_], block_rows: int) -> Delta:
        """Leave out the rows of blocks that hold them as they are now."""
        kept = [rows[~whole[rows // block_rows]] for rows in (self.rows, self.text_rows, self.history_rows)]
        return replace(self, rows=kept[0], text_rows=kept[1], history_rows=kept[2])

    def without_flows(self) -> Delta:
        """Leave out the flows: all of them are being written."""
        return replace(self, flow_keys=self.flow_keys[:0], flow_amounts=self.flow_amounts[:0])

    @property
    def is_empty(self) -> bool:
        """Tell whether it needn't be written."""
        return not len(self.rows) and not len(self.flow_keys)


def taking_in(new: Delta, earlier: Sequence[Delta], rows: Collection[int]) -> tuple[Delta, list[Delta]]:
    """Join a new delta with those before it that hold any of some rows, so that nothing has them as they were.

    Args:
        new: of this checkpoint.
        earlier: those that are needed still.
        rows: what they may not hold any more.

    Returns:
        The new delta, with theirs in it, and the earlier ones that are left.
    """
    wanted = np.fromiter(rows, np.int64, len(rows))
    held = [delta for delta in earlier if np.isin(wanted, delta.rows).any()]
    if not held:
        return new, list(earlier)
    return _joined([*held, new], max(delta.level for delta in held)), [each for each in earlier if each not in held]


def join(new: Delta, earlier: Sequence[Delta]) -> tuple[Delta, list[Delta]]:
    """Join a new delta with those before it, level by level, where they have become many.

    Args:
        new: of this checkpoint.
        earlier: those that are needed still.

    Returns:
        What is to be written, and those of the earlier ones that are needed beside it.
    """
    group, rest, level = [new], list(earlier), 0
    while True:
        same = [delta for delta in rest if delta.level == level][1 - JOINED :]
        if len(same) < JOINED - 1 or sum(len(delta.rows) for delta in [*same, *group]) > MOST_ROWS:
            break
        group = [*same, *group]
        rest = [delta for delta in rest if delta not in same]
        level += 1
    if level == 0:
        return new, rest
    return _joined(group, level), rest


def _joined(group: Sequence[Delta], level: int) -> Delta:
    """Return deltas as one, of the version of the last."""
    keys, amounts = add_up(
        np.concatenate([delta.flow_keys for delta in group]), np.concatenate([delta.flow_amounts for delta in group])
    )
    return Delta(
        group[-1].version,
        level,
        _union([delta.rows for delta in group]),
        _union([delta.text_rows for delta in group]),
        _union([delta.history_rows for delta in group]),
        min(delta.new_from for delta in group),
        keys,
        amounts,
    )


def _union(rows: Sequence[Rows]) -> Rows:
    return np.unique(np.concatenate(rows))
