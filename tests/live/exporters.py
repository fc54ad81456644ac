"""Who exports KPI gauges, asked again and again while something happens to the workers."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from typing import Self

from deployment import Deployment

A_KPI = b"tapesh_active_customers_customers{"


class Exporters:
    """Asks every worker, round after round.

    Attributes:
        rounds: when it was asked, and who exported.
    """

    def __init__(self, live: Deployment) -> None:
        self.rounds: list[tuple[float, list[str]]] = []
        self._live = live
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="exporters")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.1):
            asked = time.monotonic()
            workers = list(self._live.workers)
            found = [each.name for each in workers if each.runs and A_KPI in (each.get("/metrics", 2.0) or b"")]
            self.rounds.append((asked, found))

    @property
    def now(self) -> list[str]:
        """Who exported when last asked."""
        return self.rounds[-1][1] if self.rounds else []

    @property
    def most(self) -> int:
        """How many at most at once."""
        return max(len(found) for _, found in self.rounds)

    @property
    def longest_gap_s(self) -> float:
        """For how long at most nobody did."""
        heard = [asked for asked, found in self.rounds if found]
        return max(later - earlier for earlier, later in pairwise(heard))
