"""Events a second through one worker on one core: a mixed stream of all types that lies ready in Apache Kafka.

All KPIs, all windows, four slice attributes, deduplication and checkpoints are on; nothing is switched off for the
measurement. The stream is dated up to now, as after an outage that the worker catches up on.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from datetime import UTC, datetime, timedelta

from benchmarks.bench import Bench, deployment
from events.simulator import Simulator, SimulatorConfig
from metrics import names
from streams.demo.history import publish_history
from streams.settings import Settings

_POLL_S = 0.5
_SETTLED = 0.05
"""Share of the stream at either end that isn't measured: assignment at one, the last chunk at the other."""


def run(*, events: int = 2_500_000, customers: int = 200_000) -> None:
    """Publish the stream, start the worker, and print what it took."""
    with deployment() as bench:
        began = time.monotonic()
        count = asyncio.run(_publish(events, customers, bench.settings))
        print(f"{count:,} events published in {time.monotonic() - began:.0f} s")
        bench.start_worker()
        _measure(bench, count)


async def _publish(events: int, customers: int, settings: Settings) -> int:
    rate = 2_000.0
    start = datetime.now(UTC) - timedelta(days=2)  # nights are quiet: more than enough for the stream to end by now
    shop = Simulator(SimulatorConfig(seed=3, customers=customers, base_age_days=300).with_event_rate(rate))
    return await publish_history(itertools.islice(shop.events(start), events), settings, news=lambda _count: True)


def _measure(bench: Bench, count: int) -> None:
    samples: list[tuple[float, float, float]] = []
    while not samples or samples[-1][1] < count:
        done = bench.metric(names.EVENTS) + bench.metric(names.EVENTS_DUPLICATE)
        samples.append((time.monotonic(), done, bench.cpu_s()))
        time.sleep(_POLL_S)  # how often we look, not a wait for something
    inside = [sample for sample in samples if _SETTLED * count <= sample[1] <= (1 - _SETTLED) * count]
    (from_s, first, cpu_from), (to_s, last, cpu_to) = inside[0], inside[-1]
    print(f"{(last - first) / (to_s - from_s):,.0f} events/s over {to_s - from_s:.0f} s")
    print(f"{(cpu_to - cpu_from) / (last - first) * 1e6:.1f} us of processor time an event")
    written, size = bench.metric(names.CHECKPOINTS), bench.metric(names.CHECKPOINT_BYTES)
    print(f"{written:.0f} checkpoints, {size / count:.0f} bytes an event; {bench.resident_mib():,.0f} MiB resident")
