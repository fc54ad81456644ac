"""Events a second through one worker on one core: a mixed stream of all types that lies ready in Apache Kafka.

A million customers are acquired first. All KPIs, all windows, four slice attributes, deduplication and checkpoints are
on, and the KPIs at the end are compared with the truth. The stream is dated up to now, as after an outage that the
worker catches up on.
"""

from __future__ import annotations

from benchmarks import results
from benchmarks.machine import load_average
from benchmarks.side_by_side import staged, tapesh


def run(*, customers: int = 1_000_000, events: int = 4_500_000) -> None:
    """Publish, run one worker over all of it, and keep what it took."""
    with staged(customers, events, set()) as stage:
        began = load_average()
        took = tapesh(stage, "throughput")
    took |= {"customers": customers, "messages": stage.messages, "load_average": [began, load_average()]}
    print(f"{took['events'] / took['wall_s']:,.0f} events/s over {took['wall_s']:.0f} s,", end=" ")
    print(f"{took['cpu_s'] / took['events'] * 1e6:.1f} us of processor time an event;", end=" ")
    print(f"{took['figures_compared']} figures as expected")
    results.keep("throughput", took)
