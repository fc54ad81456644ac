"""Bytewax, as its documentation writes a flow from Kafka: decoding in batches, and a sum by key.

The sum is a running one, told with each event; or one that is told when the stream is at its end, which a live stream
never is.
"""

from __future__ import annotations

from typing import Any

import bytewax.operators as op
import msgspec
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import cluster_main
from told import answer, begin, end, keyed, told

_BATCH = 10_000


class Money(msgspec.Struct, gc=False):
    """As much of an amount as is wanted."""

    amount: str


class Event(msgspec.Struct, gc=False):
    """As much of an event as is wanted."""

    type: str
    customer_id: str
    total: Money | None = None


class Gathered(DynamicSink[Any], StatelessSinkPartition[Any]):
    """Keeps what comes out."""

    def __init__(self) -> None:
        self.events = self.orders = self.revenue_minor = 0
        self.by_customer: dict[str, int] = {}

    def build(self, _step_id: str, _worker_index: int, _worker_count: int) -> Gathered:
        """Return the partition of the one worker."""
        return self

    def write_batch(self, items: list[Any]) -> None:
        """Take a batch."""
        if isinstance(items[0], tuple):
            self.by_customer.update(items)
            return
        self.events += len(items)
        for event in items:
            if event.type == "purchase":
                self.orders += 1
                self.revenue_minor += int(event.total.amount.replace(".", ""))


def main() -> None:
    """Answer the question."""
    ours = told()
    decode = msgspec.json.Decoder(Event).decode
    begun = False

    def decoded(messages: list[Any]) -> list[Event]:
        nonlocal begun
        if not begun:
            begun = True
            begin()
        return [decode(message.value) for message in messages]

    def keyed_amounts(messages: list[Any]) -> list[tuple[str, int]]:
        return [
            (event.customer_id, int(event.total.amount.replace(".", "")) if event.type == "purchase" else 0)
            for event in decoded(messages)
        ]

    def added(so_far: int | None, minor: int) -> tuple[int, int]:
        total = (so_far or 0) + minor
        return total, total

    flow, sink = Dataflow("shop"), Gathered()
    messages = op.input("in", flow, KafkaSource([ours.bootstrap], [ours.topic], tail=False, batch_size=_BATCH))
    if ours.question == "keyed":
        amounts = op.flat_map_batch("decode", messages, keyed_amounts)
        if ours.at_the_end:
            sums = op.fold_final("sum", amounts, int, int.__add__)
        else:
            sums = op.stateful_map("sum", amounts, added)
        op.output("out", sums, sink)
    else:
        op.output("out", op.flat_map_batch("decode", messages, decoded), sink)
    cluster_main(flow, [], 0, worker_count_per_proc=1)
    end()
    if ours.question == "keyed":
        answer(keyed(sink.by_customer))
    answer({"events": sink.events, "orders": sink.orders, "revenue_minor": sink.revenue_minor})


main()
