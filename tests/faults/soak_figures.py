"""What a soak measures, and the report that it writes."""

from __future__ import annotations

import json
import os
import statistics
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WARM_UP = 0.3
"""The share of the soak after which memory may no longer grow."""
REPORT = Path(os.environ.get("TAPESH_SOAK_REPORT") or Path(__file__).resolve().parents[2] / "build" / "soak.json")


@dataclass
class Figures:
    """What a soak has measured, for its report."""

    faults: Counter[str] = field(default_factory=Counter)
    recoveries_s: dict[str, list[float]] = field(default_factory=dict)
    claims: int = 0
    kills: int = 0
    rss_mb: list[tuple[float, float]] = field(default_factory=list)
    accounts: dict[str, int] = field(default_factory=dict)

    def report(self, seed: int, seconds: float) -> dict[str, Any]:
        """The figures as JSON has them."""
        every = sorted(second for seconds in self.recoveries_s.values() for second in seconds)
        begin, end = self.memory()
        return {
            "seed": seed,
            "seconds": round(seconds),
            "faults": dict(self.faults),
            "kills": self.kills,
            "claims_checked": self.claims,
            "recovery_s": {"p50": statistics.median(every), "max": every[-1], "count": len(every)},
            "recovery_s_by_fault": {
                fault: {"p50": statistics.median(took), "max": max(took)} for fault, took in self.recoveries_s.items()
            },
            "rss_mb": {"after_warm_up": begin, "at_the_end": end},
            "events": self.accounts,
        }

    def memory(self) -> tuple[float, float]:
        """The median size of a worker in the first and in the last third of the time after the warm-up."""
        whole = self.rss_mb[-1][0] - self.rss_mb[0][0]
        late = [size for at_s, size in self.rss_mb if at_s - self.rss_mb[0][0] > whole * WARM_UP]
        third = max(1, len(late) // 3)
        return round(statistics.median(late[:third]), 1), round(statistics.median(late[-third:]), 1)


def write_report(report: dict[str, Any]) -> Path:
    """Write the figures where TAPESH_SOAK_REPORT says, or beside the build."""
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    return REPORT
