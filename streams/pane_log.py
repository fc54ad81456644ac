"""What each pane of one grain holds, so that a window that moves on can take back what it leaves behind."""

from __future__ import annotations

import numpy as np

from streams.sums import Ints, add_up

SLOT_BITS = 24
"""As few as hold a thousand values of every attribute with every column: the fewer bits, the faster keys are sorted."""
_MERGE_AT = 300_000


class PaneLog:
    """Sorted (pane, slot) keys with amounts, and a tail not yet merged."""

    def __init__(self) -> None:
        self.keys: Ints = np.empty(0, np.int64)
        self.amounts: Ints = np.empty(0, np.int64)
        self._tail: list[tuple[Ints, Ints]] = []
        self._tail_size = 0

    def __len__(self) -> int:
        return len(self.keys) + self._tail_size

    def copy(self) -> PaneLog:
        """Return a log of the same arrays, to which nothing is added any more."""
        log = PaneLog()
        log.keys, log.amounts, log._tail, log._tail_size = self.keys, self.amounts, list(self._tail), self._tail_size
        return log

    def panes(self) -> tuple[Ints, Ints, Ints]:
        """Return (pane, slot, amount) of all that it holds."""
        self.merge()
        return self.keys >> SLOT_BITS, self.keys & (1 << SLOT_BITS) - 1, self.amounts

    def append(self, panes: Ints, slots: Ints, amounts: Ints) -> None:
        """Add amounts to panes; a pane is named by its first minute."""
        if len(panes) == 0:
            return
        self._tail.append((panes << SLOT_BITS | slots, amounts))
        self._tail_size += len(panes)
        if self._tail_size > max(_MERGE_AT, len(self.keys) // 4):
            self.merge()

    def merge(self) -> None:
        """Bring the tail into the sorted part, one entry for each (pane, slot), none that is 0."""
        if self._tail:
            keys = np.concatenate([keys for keys, _ in self._tail])
            amounts = np.concatenate([amounts for _, amounts in self._tail])
            self.keys, self.amounts = _merged(self.keys, self.amounts, *add_up(keys, amounts))
            self._tail, self._tail_size = [], 0

    def drop_before(self, pane: int) -> None:
        """Forget panes that every window has left."""
        self.merge()
        cut = int(np.searchsorted(self.keys, pane << SLOT_BITS))
        self.keys, self.amounts = self.keys[cut:], self.amounts[cut:]

    def before(self, end_pane: int, places: Ints) -> tuple[Ints, Ints]:
        """Return what panes before `end_pane` hold of some slots: (pane, place) keys, sorted, with amounts.

        Args:
            end_pane: the first pane that is left out.
            places: what stands for each slot in the keys; -1 for those that aren't wanted.
        """
        found, amounts = [], []
        for keys, added in ((self.keys, self.amounts), *self._tail):
            placed = places[keys & (1 << SLOT_BITS) - 1]
            kept = (placed >= 0) & (keys >> SLOT_BITS < end_pane)
            found.append(keys[kept] >> SLOT_BITS << SLOT_BITS | placed[kept])
            amounts.append(added[kept])
        return add_up(np.concatenate(found), np.concatenate(amounts))

    def between(self, first_pane: int, end_pane: int) -> tuple[Ints, Ints]:
        """Return slots and amounts of the panes in `[first_pane, end_pane)`; a slot may occur many times."""
        low, high = first_pane << SLOT_BITS, end_pane << SLOT_BITS
        start, stop = np.searchsorted(self.keys, [low, high])
        keys, amounts = [self.keys[start:stop]], [self.amounts[start:stop]]
        for tail_keys, tail_amounts in self._tail:
            inside = (tail_keys >= low) & (tail_keys < high)
            keys.append(tail_keys[inside])
            amounts.append(tail_amounts[inside])
        return np.concatenate(keys) & ((1 << SLOT_BITS) - 1), np.concatenate(amounts)


def _merged(keys: Ints, amounts: Ints, new_keys: Ints, new_amounts: Ints) -> tuple[Ints, Ints]:
    """Return two sorted lists of entries as one: to sort all of them again would cost ten times as much."""
    at = np.searchsorted(keys, new_keys)
    is_known = at < len(keys)
    is_known[is_known] = keys[at[is_known]] == new_keys[is_known]
    known, new = np.flatnonzero(is_known), np.flatnonzero(~is_known)
    changed = at[known]
    amounts = amounts.copy()
    amounts[changed] += new_amounts[known]
    places = at[new] + np.arange(len(new))
    is_old = np.ones(len(keys) + len(new), bool)
    is_old[places] = False
    merged = []
    for old, added in ((keys, new_keys[new]), (amounts, new_amounts[new])):
        both = np.empty(len(is_old), np.int64)
        both[places] = added
        both[is_old] = old
        merged.append(both)
    if amounts[changed].all():
        return merged[0], merged[1]
    kept = np.flatnonzero(merged[1])
    return merged[0][kept], merged[1][kept]
