"""The past as Prometheus imports it: OpenMetrics with timestamps, each family together, each series in order of time.

Snapshots come by time, and the format wants them by family and series. So samples are sorted in runs as they come,
written to a file per family beside the result, and merged at the end: a year of them needs the memory of one run.
Names, labels and words are those of the exporter, which renders every snapshot: there is no second list.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from metrics.evaluate import Snapshot
from metrics.exporter import render

_RUN = 300_000
"""Samples that are sorted in memory: some 60 MB."""
END = "# EOF\n"


@dataclass(slots=True)
class _Family:
    """One metric: what is said of it, what came since the last run, and where its runs begin and end in its file."""

    head: str
    path: Path
    samples: list[tuple[str, str]] = field(default_factory=list)
    runs: list[tuple[int, int]] = field(default_factory=list)

    def spill(self) -> None:
        """Write a run, by series; within one it is in order of time, since sorting is stable."""
        if not self.samples:
            return
        self.samples.sort(key=lambda sample: sample[0])
        with self.path.open("ab") as file:
            begin = file.tell()
            file.writelines(f"{series}\t{rest}\n".encode() for series, rest in self.samples)
            self.runs.append((begin, file.tell()))
        self.samples = []

    def lines(self) -> Iterator[str]:
        """Merge the runs; equal series come in the order of the runs, which is that of time."""
        yield self.head
        for series, rest in heapq.merge(*(self._run(*bounds) for bounds in self.runs), key=lambda sample: sample[0]):
            yield f"{series} {rest}\n"

    def _run(self, begin: int, end: int) -> Iterator[tuple[str, str]]:
        with self.path.open("rb") as file:
            file.seek(begin)
            while file.tell() < end:
                series, _, rest = file.readline().decode().rstrip("\n").rpartition("\t")
                yield series, rest


class History:
    """Samples on their way into one file.

    Args:
        currency: the reporting currency, part of names.
        job: the label that a scrape adds, by which boards and rules find the engine; empty: none.
        folder: for runs; empty, and deleted by who made it.
        run: how many samples are sorted in memory.
    """

    def __init__(self, currency: str, job: str, folder: Path, run: int = _RUN) -> None:
        self._currency = currency
        self._job = f'job="{job}",' if job else ""
        self._folder = folder
        self._run = run
        self._families: dict[str, _Family] = {}
        self._held = 0
        self.samples = 0

    def add(self, now_ms: int, snapshot: Snapshot) -> None:
        """Take the KPIs of one instant; instants rise."""
        at = f"{now_ms / 1000:.3f}"
        head: list[str] = []
        for line in render(snapshot, {}, self._currency).decode().splitlines():
            if line.startswith("#"):
                head = [line] if line.startswith("# HELP") else [*head, line]
                continue
            series, _, value = line.rpartition(" ")
            name, _, labels = series.partition("{")
            if name not in self._families:
                self._families[name] = _Family(_as_openmetrics(head), self._folder / name)
            of = sys.intern(f"{name}{{{self._job}{labels}")  # the same few at every instant
            self._families[name].samples.append((of, f"{value} {at}"))
            self._held += 1
        if self._held >= self._run:
            self._spill()

    def write(self, out: IO[str]) -> None:
        """Write everything, family by family, to its end mark."""
        self._spill()
        for family in self._families.values():
            out.writelines(family.lines())
        out.write(END)

    def _spill(self) -> None:
        for family in self._families.values():
            family.spill()
        self.samples += self._held
        self._held = 0


def _as_openmetrics(head: list[str]) -> str:
    """OpenMetrics wants quotes escaped in HELP, which Prometheus's own format doesn't."""
    return "".join(f"{line.replace(chr(34), chr(92) + chr(34))}\n" for line in head)
