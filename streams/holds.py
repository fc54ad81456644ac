"""How long the event loop was held: while one thing is done, nothing else is, neither ingestion nor a heartbeat."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the histogram; 0.25 is the promise."""
STEPS = ("load", "take", "fold", "answer", "draft", "round")
"""A step of a recovery; taking in a chunk; a step of folding what waited for a tick; answering it; the picture of a
checkpoint; a turn of evaluating a round, or publishing it."""


class Holds:
    """Histograms by step, since the worker's start."""

    def __init__(self) -> None:
        self._counts = {step: [0] * (len(BOUNDS_S) + 1) for step in STEPS}
        self.sum_s = dict.fromkeys(STEPS, 0.0)
        self.longest_s = dict.fromkeys(STEPS, 0.0)

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        """Measure what is done inside; it must not wait for anything."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.note(step, time.perf_counter() - began)

    def note(self, step: str, held_s: float) -> None:
        """Count one hold."""
        self._counts[step][bisect_left(BOUNDS_S, held_s)] += 1
        self.sum_s[step] += held_s
        self.longest_s[step] = max(self.longest_s[step], held_s)

    def buckets(self, step: str) -> list[tuple[str, float]]:
        """Return (upper bound, how many up to there), as Prometheus counts them."""
        names = [*map(str, BOUNDS_S), "+Inf"]
        return [(name, float(count)) for name, count in zip(names, accumulate(self._counts[step]), strict=True)]
