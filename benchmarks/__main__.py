"""`python -m benchmarks [NAME ...]`: measure, all of it if nothing is named; then `report` renders the page."""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks import (
    customers,
    environments,
    latency,
    offered,
    recovery,
    report,
    scaling,
    scrape,
    side_by_side,
    stalls,
    takeover,
    throughput,
    workers,
)

MEASUREMENTS: dict[str, Callable[[], None]] = {
    "side-by-side": side_by_side.run,
    "throughput": throughput.run,
    "workers": workers.run,
    "offered": offered.run,
    "latency": latency.run,
    "customers": customers.run,
    "recovery": recovery.run,
    "scrape": scrape.run,
    "scaling": scaling.run,
    "stalls": stalls.run,
    "takeover": takeover.run,
}
BESIDE: dict[str, Callable[[], None]] = {"report": report.run, "lock": environments.lock}
"""What is no measurement: `report` writes docs/performance.md and its charts, `lock` resolves the peers anew."""


def main(wanted: list[str]) -> int:
    """Run what is wanted; 2 if a name isn't known."""
    known = MEASUREMENTS | BESIDE
    if strange := [name for name in wanted if name not in known]:
        print(f"no measurement {strange[0]!r}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    for name in wanted or [*MEASUREMENTS, "report"]:
        print(f"--- {name}", flush=True)
        known[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
