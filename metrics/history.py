"""What the KPIs were over the last day: for sparklines, and for whoever looks in after lunch.

Kept by whoever owns the KPIs, as rows of floats: ten seconds apart over the last hour, a minute apart before. A day of
sixty KPIs in ten windows is nine megabytes. Longer histories are Prometheus's business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FINE_MS, COARSE_MS = 10_000, 60_000
FINE_LENGTH, COARSE_LENGTH = 360, 1_440

_Row: TypeAlias = tuple[int, npt.NDArray[np.float64]]


class History:
    """Values by name and time, bounded."""

    def __init__(self) -> None:
        self._columns: dict[str, int] = {}
        self._fine: deque[_Row] = deque(maxlen=FINE_LENGTH)
        self._coarse: deque[_Row] = deque(maxlen=COARSE_LENGTH)

    def __len__(self) -> int:
        return len(self._rows())

    def is_due(self, now_ms: int) -> bool:
        """Tell whether an instant is far enough from the last one to be noted, or before it."""
        return not self._fine or not 0 <= now_ms - self._fine[-1][0] < FINE_MS

    def add(self, now_ms: int, values: Mapping[str, float]) -> None:
        """Note values, if it is time; a clock that goes back begins anew.

        Args:
            now_ms: the snapshot's clock.
            values: by name; what isn't there is unknown or undefined.
        """
        if not self.is_due(now_ms):
            return
        if self._fine and now_ms < self._fine[-1][0]:
            self._fine.clear()
            self._coarse.clear()
        for name in values:
            self._columns.setdefault(name, len(self._columns))
        row = np.full(len(self._columns), np.nan)
        for name, value in values.items():
            row[self._columns[name]] = value
        self._fine.append((now_ms, row))
        if not self._coarse or now_ms - self._coarse[-1][0] >= COARSE_MS:
            self._coarse.append((now_ms, row))

    def precede(self, entries: Iterable[tuple[int, Mapping[str, float]]]) -> None:
        """Put what somebody else has noted before what we have; entries in order of time, oldest first."""
        before, ours = History(), self._rows()
        first_ms = ours[0][0] if ours else None
        for at_ms, values in entries:
            if first_ms is None or at_ms < first_ms:
                before.add(at_ms, values)
        names = {column: name for name, column in self._columns.items()}
        for at_ms, row in ours:
            before.add(at_ms, {names[c]: float(row[c]) for c in np.flatnonzero(~np.isnan(row)).tolist()})
        self._columns, self._fine, self._coarse = before._columns, before._fine, before._coarse

    def of(self, name: str) -> list[tuple[int, float | None]]:
        """Return (milliseconds, value) of one name, oldest first; None where it was unknown."""
        column = self._columns.get(name)
        if column is None:
            return []
        return [(at_ms, _value(row, column)) for at_ms, row in self._rows()]

    def _rows(self) -> list[_Row]:
        if not self._fine:
            return []
        first_ms = self._fine[0][0]
        return [*(row for row in self._coarse if row[0] < first_ms), *self._fine]


def _value(row: npt.NDArray[np.float64], column: int) -> float | None:
    if column >= len(row) or np.isnan(row[column]):
        return None
    return float(row[column])
