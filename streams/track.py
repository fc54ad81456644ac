"""What alerts look back on: everybody's counts in steps of five minutes, over the last nine weeks.

The KPIs' windows end now; an alert's end where its sources have been heard of, last night for a CRM that delivers at
night, and are compared with weeks of the same hours. A partition keeps the few columns that alerts watch as one dense
array (a megabyte) beside its sums, fed by the same contributions: a late event lands in its step, what a
person takes back is taken back here, and a recovery, which contributes everybody anew, fills it without a place in a
checkpoint. Partitions' tracks add up like everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from streams.panes import DAY_MS, MINUTE_MS

Ints = npt.NDArray[np.int64]

STEP_MIN = 5
STEP_MS = STEP_MIN * MINUTE_MS
KEPT_STEPS = 65 * DAY_MS // STEP_MS
"""Eight weeks of history, the week that is judged, and two days by which a source may lag behind."""
COLUMNS = ("opened", "closed", "closed_involuntary", "buying_opened", "lapsed", "acquired", "leads")
"""Components without a label, each derived from persons: what is counted once and forgotten would need a place in
checkpoints."""


class Packed(msgspec.Struct, array_like=True):
    """A track as it travels: what isn't 0, and where."""

    first: int
    steps: int
    before: list[int]
    places: bytes
    amounts: bytes


class Track:
    """Counts by column and step.

    Attributes:
        first: the number of the first step; step n begins at n times five minutes since 1970.
        counts: column x step.
        before: what came before the first step, by column.
        kept: how many steps are told apart.
    """

    def __init__(self, first: int = 0, steps: int = 0, kept: int = KEPT_STEPS) -> None:
        self.first = first
        self.kept = kept
        self.counts: Ints = np.zeros((len(COLUMNS), steps), np.int64)
        self.before: Ints = np.zeros(len(COLUMNS), np.int64)

    @property
    def end(self) -> int:
        """The number of the step after the last."""
        return self.first + int(self.counts.shape[1])

    def add(self, columns: Ints, minutes: Ints, amounts: Ints) -> None:
        """Add amounts; `columns` are places in `COLUMNS`, and no minute may lie after the last step."""
        steps = minutes // STEP_MIN - self.first
        early = steps < 0
        np.add.at(self.before, columns[early], amounts[early])
        np.add.at(self.counts, (columns[~early], steps[~early]), amounts[~early])

    def slide(self, now_ms: int) -> None:
        """Let the last step be that of `now_ms`, and the `kept` last ones all that are told apart."""
        end = now_ms // STEP_MS + 1
        if end > self.end:
            self.start_at(max(end - self.kept, 0))
            self.counts = np.pad(self.counts, ((0, 0), (0, end - self.end)))

    def start_at(self, first: int) -> None:
        """Forget when things happened that came before step `first`; a step before the own first changes nothing."""
        if first > self.first:
            gone = min(first - self.first, self.counts.shape[1])
            self.before += self.counts[:, :gone].sum(axis=1)
            self.counts = self.counts[:, gone:].copy()
            self.first = first

    def column(self, name: str) -> Ints:
        """Return a component's counts by step."""
        counts: Ints = self.counts[COLUMNS.index(name)]
        return counts

    def stock(self, opens: str, closes: str) -> Ints:
        """Return how many were open as each step began."""
        moved = self.column(opens) - self.column(closes)
        start = int(self.before[COLUMNS.index(opens)] - self.before[COLUMNS.index(closes)])
        stock: Ints = np.concatenate([[start], start + np.cumsum(moved)[:-1]]) if len(moved) else moved
        return stock

    def pack(self) -> bytes:
        """Return it as bytes."""
        flat = self.counts.ravel()
        places = np.flatnonzero(flat)
        packed = Packed(
            self.first,
            self.counts.shape[1],
            self.before.tolist(),
            places.astype(np.int32).tobytes(),
            flat[places].tobytes(),
        )
        return _encode(packed)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Packed).decode


def unpack(data: bytes) -> Track:
    """Return the track that bytes hold."""
    packed = _decode(data)
    track = Track(packed.first, packed.steps)
    track.before = np.array(packed.before, np.int64)
    track.counts.reshape(-1)[np.frombuffer(packed.places, np.int32)] = np.frombuffer(packed.amounts, np.int64)
    return track


def added_up(tracks: Iterable[Track]) -> Track:
    """Return the sum of tracks, over the steps that all of them tell apart."""
    parts: Sequence[Track] = list(tracks)
    first, end = max(track.first for track in parts), max(track.end for track in parts)
    total = Track(first, max(end - first, 0))
    for track in parts:
        track.start_at(first)
        total.before += track.before
        total.counts[:, : track.counts.shape[1]] += track.counts
    return total
