"""Quix Streams, as its documentation writes an application: stateless, or a sum kept in the state of each key."""

from __future__ import annotations

from typing import Any

from quixstreams import Application, State
from told import answer, begin, end, keyed, told


def main() -> None:
    """Answer the question."""
    ours = told()
    app = Application(
        broker_address=ours.bootstrap,
        consumer_group=f"quix-{ours.group}",
        auto_offset_reset="earliest",
        state_dir=ours.folder,
        loglevel="ERROR",
    )
    frame = app.dataframe(app.topic(ours.topic, value_deserializer="json", key_deserializer="str"))
    latest: dict[str, int] = {}
    read = orders = revenue_minor = 0

    def add(event: dict[str, Any]) -> None:
        nonlocal read, orders, revenue_minor
        if not read:
            begin()
        read += 1
        if event["type"] == "purchase":
            orders += 1
            revenue_minor += int(event["total"]["amount"].replace(".", ""))
        if read == ours.events:
            end()
            answer({"events": read, "orders": orders, "revenue_minor": revenue_minor})

    def add_to_state(event: dict[str, Any], state: State) -> None:
        nonlocal read
        if not read:
            begin()
        read += 1
        minor = int(event["total"]["amount"].replace(".", "")) if event["type"] == "purchase" else 0
        minor += state.get("revenue_minor", 0)
        state.set("revenue_minor", minor)
        latest[event["customer_id"]] = minor  # a look at what was kept, for the comparison: 0.1 us
        if read == ours.events:
            end()
            answer(keyed(latest))

    if ours.question == "keyed":
        frame.update(add_to_state, stateful=True)
    else:
        frame.update(add)
    app.run()


main()
