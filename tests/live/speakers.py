"""Who speaks for the KPIs: every worker is scraped without a pause, by a thread of its own."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Self

from deployment import Deployment, WorkerProcess

from metrics.names import KPI_UNKNOWN

_SPEAKS = (b"\ntapesh_active_customers_customers{", b"\n" + KPI_UNKNOWN.encode() + b"{")
_AT_ONCE_S = 1.0
"""Between two answers of one speaker: no rebalance takes the KPIs away and brings them back within that."""


@dataclass(frozen=True, slots=True)
class Said:
    """A scrape that found KPI gauges, or the gauges that say why there are none."""

    at_s: float
    worker: str


class Speakers:
    """Scrapes all workers of a deployment, those that join later too, until the block ends."""

    def __init__(self, live: Deployment) -> None:
        self._live = live
        self._stopped = threading.Event()
        self._threads: dict[str, threading.Thread] = {}
        self._watch = threading.Thread(target=self._follow, name="speakers")
        self._said: list[Said] = []
        self.scrapes = 0

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._watch.join()
        for thread in self._threads.values():
            thread.join()

    def _follow(self) -> None:
        while not self._stopped.wait(0.05):
            for worker in list(self._live.workers):
                if worker.name not in self._threads:
                    thread = threading.Thread(target=self._scrape, args=(worker,), name=f"scrapes of {worker.name}")
                    self._threads[worker.name] = thread
                    thread.start()

    def _scrape(self, worker: WorkerProcess) -> None:
        while not self._stopped.wait(0.02) and worker.runs:
            body = worker.get("/metrics", 30.0)  # a paused one answers what it was asked when it wakes up
            self.scrapes += 1
            if body and any(mark in b"\n" + body for mark in _SPEAKS):
                self._said.append(Said(time.monotonic(), worker.name))

    @property
    def said(self) -> list[Said]:
        return sorted(self._said, key=lambda said: said.at_s)

    def in_turn(self) -> list[str]:
        """Who spoke, in the order in which they took over."""
        names = [said.worker for said in self.said]
        return [name for name, before in zip(names, ["", *names], strict=False) if name != before]

    def at_once(self) -> list[tuple[Said, Said, Said]]:
        """Where one spoke between two answers of another that still spoke."""
        said = self.said
        found = []
        for nth, one in enumerate(said):
            for after in range(nth + 1, len(said)):
                if said[after].at_s - one.at_s > _AT_ONCE_S:
                    break
                if said[after].worker == one.worker:
                    between = [other for other in said[nth:after] if other.worker != one.worker]
                    found += [(one, other, said[after]) for other in between[:1]]
                    break
        return found
