"""Producers that write in transactions: what they committed counts, and their markers hold nothing up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from agreement import lines
from aiokafka import AIOKafkaProducer
from deployment import Deployment, eventually, windows_differ
from kpi_oracle.logs import generate

from events.names import topic_of
from streams.services import ApacheKafka


async def written(live: Deployment, committed: list[bytes], aborted: list[bytes], left_open: list[bytes]) -> None:
    """Write three transactions; the last one stays open while a worker loads, and is committed then."""
    producers = [
        AIOKafkaProducer(bootstrap_servers=live.bootstrap, transactional_id=f"{live.prefix}{nth}") for nth in range(2)
    ]
    for producer in producers:
        await producer.start()
    closes, leaves_open = producers
    await closes.begin_transaction()
    await _send(closes, live, committed)
    await closes.commit_transaction()
    await closes.begin_transaction()
    await _send(closes, live, aborted)
    await closes.abort_transaction()
    await leaves_open.begin_transaction()
    await _send(leaves_open, live, left_open)
    live.start()
    await asyncio.to_thread(_agrees, live, committed)
    await leaves_open.commit_transaction()
    await asyncio.to_thread(_agrees, live, [*committed, *left_open])
    for producer in producers:
        await producer.stop()


async def _send(producer: AIOKafkaProducer, live: Deployment, sent: list[bytes]) -> None:
    for line in sent:
        event = json.loads(line)
        # Its own partition: what has to be sent on would lie behind the open transaction there.
        await producer.send(topic_of(event["type"], live.prefix), line, key=event["customer_id"].encode())
    await producer.flush()


def _agrees(live: Deployment, counted: list[bytes]) -> None:
    expected = live.expected(counted)
    eventually(
        f"the KPIs are those of {len(counted)} events; {live.state()}",
        lambda: (known := live.known()) and not windows_differ(known, expected),
    )


def test_markers_and_open_transactions_hold_nothing_up(kafka: ApacheKafka, deploy: Callable[..., Deployment]) -> None:
    """Sources end in markers, in what was rolled back, in what nobody may see yet: a worker isn't behind for these."""
    live = deploy(kafka.bootstrap, clock="event")
    log = [line for line in lines(generate(13, customers=60, ahead=False)) if b"customer_id" in line]
    third = len(log) // 3
    asyncio.run(written(live, log[:third], log[third : 2 * third], log[2 * third :]))
