"""tapesh beside plain Faust on the same bytes, small: a change that costs an event dearly doesn't get past this.

Processor time, which neighbours on the machine change least; and a bound far below what is measured at length
(docs/performance.md), because they do change it, and because short runs are dearer.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks import peer, side_by_side
from benchmarks.bench import PARTITIONS, Bench, bench_of, create_topics, ends
from benchmarks.load import Drawn, Load, mixed, opening
from benchmarks.publish import only, publish, topic_of
from benchmarks.truth import Plain, Truth, differences
from events.names import BUSINESS_EVENTS, CUSTOMER_EVENTS
from streams.services import ApacheKafka
from streams.settings.schema import Kafka

EVENTS, OF_FAUST = 250_000, 8_000
LEAST = 6.0


@pytest.fixture
def bench(kafka: ApacheKafka, fresh_prefix: str) -> Iterator[Bench]:
    """A deployment under a prefix of its own."""
    settings = Kafka(bootstrap=kafka.bootstrap, partitions=PARTITIONS, topic_prefix=fresh_prefix)
    made = bench_of(kafka.bootstrap, kafka=settings, app_id=f"{fresh_prefix}ratio")
    yield made
    made.worker.stop()


def prefixed(prefix: str) -> Callable[[Drawn], str | None]:
    """The contract's topics in that deployment."""
    return lambda drawn: f"{prefix}{topic_of(drawn)}"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_tapesh_outruns_plain_faust_many_times(
    bench: Bench, kafka: ApacheKafka, fresh_prefix: str, record_property: Callable[[str, object], None]
) -> None:
    """All KPIs against one table write an event; both answers are right."""
    load = Load(20_000, EVENTS, int(time.time() * 1000))
    truth, plain, small = Truth(), Plain(), f"{fresh_prefix}small"
    create_topics(kafka.bootstrap, small)
    every = itertools.chain(opening(load), mixed(load))
    topic = prefixed(fresh_prefix)
    count, _ = asyncio.run(publish(every, kafka.bootstrap, PARTITIONS, topic=topic, tap=truth.take))
    some = itertools.islice(mixed(load), OF_FAUST)
    asyncio.run(publish(some, kafka.bootstrap, PARTITIONS, topic=only(small), tap=plain.take))

    bench.start_worker()
    first, last = side_by_side.measured(bench, load.customers, count, patience_s=400)
    ours = (last.taken - first.taken) / (last.cpu_s - first.cpu_s)
    topics = [f"{fresh_prefix}{name}" for name in (CUSTOMER_EVENTS, BUSINESS_EVENTS)]
    document = bench.document(ends(kafka.bootstrap, *topics))
    assert differences(truth.document(side_by_side.now_of(document)), document) == []
    bench.worker.stop()

    faust = next(each for each in peer.PEERS if each.name == "faust-table")
    given = peer.Given(kafka.bootstrap, small, PARTITIONS, plain.events, plain.answers())
    timed = peer.run(faust, Path(sys.executable), given, patience_s=90)  # its answer is compared there
    theirs = timed.events / timed.cpu_s
    record_property("events_a_processor_second", {"tapesh": round(ours), "faust": round(theirs)})
    print(f"\ntapesh {ours:,.0f}, plain Faust {theirs:,.0f} events a processor second: {ours / theirs:.1f} times")
    assert ours / theirs > LEAST


def test_a_wrong_answer_does_not_count(kafka: ApacheKafka, fresh_prefix: str) -> None:
    """A peer that is fast because it leaves events out has no time."""
    load, plain = Load(100, 500, int(time.time() * 1000)), Plain()
    topic = f"{fresh_prefix}wrong"
    create_topics(kafka.bootstrap, topic)
    asyncio.run(publish(mixed(load), kafka.bootstrap, PARTITIONS, topic=only(topic), tap=plain.take))
    answers = plain.answers() | {"keyed": {"customers": 1}}
    faust = next(each for each in peer.PEERS if each.name == "faust-table")
    given = peer.Given(kafka.bootstrap, topic, PARTITIONS, plain.events, answers)
    with pytest.raises(peer.WrongAnswer, match="customers"):
        peer.run(faust, Path(sys.executable), given, patience_s=60)
