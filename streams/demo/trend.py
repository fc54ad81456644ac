"""Where a KPI has been and where it goes, in a few characters."""

from __future__ import annotations

from collections import deque

from metrics.kpi import Better

_BARS = "▁▂▃▄▅▆▇█"
LENGTH = 20
"""Values that a trend remembers, and characters that it takes."""
_COMPARED = 8
"""How far back the arrow looks."""
_STILL = 0.01
"""A change by less than this share of the value is none: noise gets neither an arrow nor a slope."""


class Trend:
    """The last values of one figure, taken at equal intervals.

    >>> trend = Trend()
    >>> for value in (10, 10, 11, 12, 14, 18):
    ...     trend.add(value)
    >>> trend.line(), trend.direction
    ('▁▁▂▃▅█', 1)
    """

    def __init__(self) -> None:
        self._values: deque[float | None] = deque(maxlen=LENGTH)

    def add(self, value: float | None) -> None:
        """Take in the next value; None: there is none."""
        self._values.append(value)

    def line(self) -> str:
        """The values as bars between their least and their greatest; a gap where there was none."""
        known = [value for value in self._values if value is not None]
        if not known:
            return ""
        low = min(known)
        span = max(max(known) - low, _STILL * max(abs(value) for value in known))
        return "".join(
            " " if value is None else self._bar((value - low) / span if span else 0) for value in self._values
        )

    @property
    def direction(self) -> int:
        """1: rising, -1: falling, 0: neither."""
        if len(self._values) < 2 or (now := self._values[-1]) is None:  # noqa: PLR2004 - a direction takes two points
            return 0
        before = self._values[max(0, len(self._values) - _COMPARED)]
        if before is None or abs(now - before) <= _STILL * max(abs(now), abs(before)):
            return 0
        return 1 if now > before else -1

    @staticmethod
    def _bar(share: float) -> str:
        return _BARS[min(int(share * len(_BARS)), len(_BARS) - 1)]


def style(direction: int, better: Better) -> str:
    """How a change looks: green where it is for the better, red where it isn't."""
    if direction == 0 or better is Better.NEITHER:
        return "dim"
    return "green" if direction == better else "red"
