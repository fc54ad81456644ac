"""Plain Faust, as its own introduction writes an agent: counting events, or one table write each."""

from __future__ import annotations

from typing import Any

import faust
from told import Told, answer, begin, end, keyed, told


def application(ours: Told) -> faust.App:
    """Return the application: settings that concern speed are Faust's own defaults."""
    app = faust.App(
        f"faust-{ours.group}",
        broker=f"kafka://{ours.bootstrap}",
        store="memory://",
        datadir=ours.folder,
        topic_partitions=ours.partitions,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        table_standby_replicas=0,
        broker_session_timeout=10,
        broker_rebalance_timeout=10,
        broker_heartbeat_interval=2,
        web_enabled=False,
    )
    topic = app.topic(ours.topic, key_type=bytes, key_serializer="raw", value_serializer="json")
    if ours.question == "keyed":
        table = app.Table("revenue", default=int, partitions=ours.partitions)

        @app.agent(topic)
        async def add(stream: Any) -> None:
            read = 0
            async for event in stream:
                if not read:
                    begin()
                minor = int(event["total"]["amount"].replace(".", "")) if event["type"] == "purchase" else 0
                table[event["customer_id"]] += minor
                read += 1
                if read == ours.events:
                    end()
                    answer(keyed(dict(table.items())))
    else:

        @app.agent(topic)
        async def count(stream: Any) -> None:
            read = 0
            async for _ in stream:
                if not read:
                    begin()
                read += 1
                if read == ours.events:
                    end()
                    answer({"events": read})

    return app


if __name__ == "__main__":
    faust.Worker(application(told()), loglevel="WARN", redirect_stdouts=False).execute_from_commandline()
