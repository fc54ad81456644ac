"""What breakdowns are divided out of: lifetimes counted by month of acquisition and by tenure, at one instant.

Integers that add up over partitions, since a person lives in one: tally(A) + tally(B) == tally(A + B). Unlike the
components it doesn't add up over time: a tenure grows by itself, so it is counted anew at each instant.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from metrics.breakdown import BANDS, SURVIVAL_STEPS

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of contractual lifetimes; cohort 0 is who was acquired before the first month.

    Attributes:
        acquired: persons by cohort.
        retained: cohort x month: those of the cohort with a lifetime open at the month's end; in the last one, now.
        active: open now, by band of tenure.
        at_risk: window x band: open at the window's start, by tenure at it.
        churned: window x band: those of them that have closed by now, in the same band.
        lost: window x band: closed in the window, by tenure at the close.
        eligible: by step of the survival curve: opened long enough ago to reach its end, and reached its beginning.
        lasted: those of them that reached its end.
    """

    acquired: Ints
    retained: Ints
    active: Ints
    at_risk: Ints
    churned: Ints
    lost: Ints
    eligible: Ints
    lasted: Ints

    def __add__(self, other: Tally) -> Tally:
        """Add the counts of two sets of persons, as of one instant, that have nobody in common."""
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Tally)))

    def pack(self) -> bytes:
        """Return it as bytes; its shape goes without saying."""
        return b"".join(np.ascontiguousarray(getattr(self, one.name), np.int64).tobytes() for one in fields(Tally))


def unpack(data: bytes, months: int, windows: int) -> Tally:
    """Return what bytes hold.

    Args:
        data: of `Tally.pack`.
        months: that are told apart.
        windows: how many there are.

    Raises:
        ValueError: they hold a tally of another shape.
    """
    bands = (windows, len(BANDS))
    shapes = [(months + 1,), (months + 1, months), (len(BANDS),), bands, bands, bands, *[(SURVIVAL_STEPS,)] * 2]
    sizes = [int(np.prod(shape)) for shape in shapes]
    counts = np.frombuffer(data, np.int64)
    if len(counts) != sum(sizes):
        raise ValueError(f"tally of {months} months and {windows} windows: expected {sum(sizes)}, got {len(counts)}")
    parts = np.split(counts, np.cumsum(sizes)[:-1])
    return Tally(*(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)))
