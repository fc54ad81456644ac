"""The ceiling: librdkafka fetches, msgspec decodes into tapesh's own structs, and nothing is done with them."""

from __future__ import annotations

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from told import answer, begin, end, told

from events.wire import Event

_BATCH = 10_000


def main() -> None:
    """Read all events."""
    ours = told()
    consumer = Consumer({"bootstrap.servers": ours.bootstrap, "group.id": "ceiling", "enable.auto.commit": False})
    consumer.assign([TopicPartition(ours.topic, each, OFFSET_BEGINNING) for each in range(ours.partitions)])
    decode = msgspec.json.Decoder(Event).decode
    read = 0
    while read < ours.events:
        messages = consumer.consume(min(_BATCH, ours.events - read), 1.0)
        if messages and not read:
            begin()
        for message in messages:
            decode(message.value())
        read += len(messages)
    end()
    answer({"events": read})


main()
