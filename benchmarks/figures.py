"""From what was measured to figures: medians, spreads, ratios. Pure, so that the page and its test read alike."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Kept = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure from several rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return what lies between the least and the most."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, form: str = ",.0f", unit: str = "") -> str:
        """Return the median, and how far the rounds lie apart."""
        if self.least == self.most:
            return f"{self.median:{form}}{unit}"
        return f"{self.median:{form}}{unit} ({self.least:{form}} to {self.most:{form}})"


def measured(kept: Kept, name: str) -> Mapping[str, Any] | None:
    """Return what a benchmark has measured, None if it hasn't run."""
    return kept[name]["measured"] if name in kept else None


def runs(kept: Kept, name: str) -> list[Mapping[str, float]]:
    """Return the runs of tapesh or of a peer, a round each."""
    beside = measured(kept, "side-by-side")
    return [each["runs"][name] for each in beside["rounds"] if name in each["runs"]] if beside else []


def rate(run: Mapping[str, float], clock: str = "cpu_s") -> float:
    """Return events a second, of processor time unless another clock is named."""
    return run["events"] / run[clock]


def rates(kept: Kept, name: str, clock: str = "cpu_s") -> Spread | None:
    """Return events a second of tapesh or of a peer."""
    found = [rate(run, clock) for run in runs(kept, name)]
    return Spread.of(found) if found else None


def ratio(kept: Kept, peer: str) -> Spread | None:
    """Return how many times a peer's rate tapesh's is, each ratio taken within a round."""
    beside = measured(kept, "side-by-side")
    rounds = [each["runs"] for each in beside["rounds"]] if beside else []
    found = [rate(each["tapesh"]) / rate(each[peer]) for each in rounds if peer in each and "tapesh" in each]
    return Spread.of(found) if found else None


def two_workers(kept: Kept) -> Spread | None:
    """Return events a processor second of two workers over those of one."""
    made = measured(kept, "workers")
    return Spread.of([rate(each["2"]) / rate(each["1"]) for each in made["rounds"]]) if made else None


def at_size(kept: Kept, customers: int) -> Mapping[str, float] | None:
    """Return what was measured with so many customers in one partition."""
    made = measured(kept, "customers")
    sizes: Sequence[Mapping[str, float]] = made["sizes"] if made else []
    return next((each for each in sizes if each["customers"] == customers), None)


def bytes_a_customer(kept: Kept, small: int = 1_000_000, large: int = 5_000_000) -> float | None:
    """Return the memory that each further customer takes, from one size to the next."""
    one, other = at_size(kept, small), at_size(kept, large)
    if one is None or other is None:
        return None
    grown_mib = (other["resident_mib"] - other["ids_mib"]) - (one["resident_mib"] - one["ids_mib"])
    return float(grown_mib * 2**20 / (large - small))


def slowed(kept: Kept, small: int = 100_000, large: int = 10_000_000) -> float | None:
    """Return the throughput at the large size over that at the small one."""
    one, other = at_size(kept, small), at_size(kept, large)
    return one["mixed_us"] / other["mixed_us"] if one and other else None


def recovery(kept: Kept) -> Spread | None:
    """Return seconds from assignment to the first complete answer."""
    made = measured(kept, "recovery")
    return Spread.of([each["assignment_to_answer_s"] for each in made["rounds"]]) if made else None


def checkpoint_share(kept: Kept) -> float | None:
    """Return bytes of checkpoints for each byte of events."""
    made = measured(kept, "throughput")
    return made["checkpoint_bytes"] / made["input_bytes"] if made else None


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of what is in order."""
    return ordered[int(share * (len(ordered) - 1))]
