"""Pathway, as its documentation reads JSON from Kafka: one group-by with a sum.

Streaming, its results written as they change by its own writer; or all that is in the topic at once, told at the end.
"""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

os.environ.setdefault("PATHWAY_THREADS", "1")

import pathway as pw
from told import Told, answer, begin, end, keyed, told

_QUIET_S = 2.0
_LOOK_S = 0.2


class Event(pw.Schema):
    """As much of an event as is wanted."""

    type: str
    customer_id: str
    amount: str = pw.column_definition(default_value="0")


def main() -> None:
    """Answer the question."""
    ours = told()
    events = pw.io.kafka.read(
        {"bootstrap.servers": ours.bootstrap, "group.id": f"pathway-{ours.group}", "auto.offset.reset": "earliest"},
        topic=ours.topic,
        schema=Event,
        format="json",
        mode="static" if ours.at_the_end else "streaming",
        json_field_paths={"amount": "/total/amount"},
    )
    amount = pw.if_else(pw.this.type == "purchase", pw.this.amount.str.parse_float(), 0.0)
    revenue = events.groupby(pw.this.customer_id).reduce(pw.this.customer_id, revenue=pw.reducers.sum(amount))
    if ours.at_the_end:
        _at_the_end(revenue)
    else:
        _streaming(ours, events, revenue)


def _at_the_end(revenue: pw.Table) -> None:
    by_customer: dict[str, int] = {}

    def changed(*, row: dict[str, object], is_addition: bool, **_others: object) -> None:
        if is_addition:
            by_customer[str(row["customer_id"])] = _minor(row)

    pw.io.subscribe(revenue, on_change=changed)
    begin()
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
    end()
    answer(keyed(by_customer))


def _streaming(ours: Told, events: pw.Table, revenue: pw.Table) -> None:
    written, done = Path(ours.folder, "revenue.jsonl"), threading.Event()

    def counted(*, row: dict[str, int], is_addition: bool, **_others: object) -> None:
        if is_addition and row["events"] == ours.events:
            end()
            done.set()

    pw.io.jsonlines.write(revenue, written)
    pw.io.subscribe(events.reduce(events=pw.reducers.count()), on_change=counted)
    threading.Thread(target=_tell, args=(written, done), daemon=True).start()
    begin()
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


def _tell(written: Path, done: threading.Event) -> None:
    """Read what was written, once nothing more comes."""
    done.wait()
    while time.time() - written.stat().st_mtime < _QUIET_S:
        time.sleep(_LOOK_S)
    by_customer: dict[str, int] = {}
    for line in written.read_text().splitlines():
        row = json.loads(line)
        if row["diff"] > 0:
            by_customer[row["customer_id"]] = _minor(row)
    answer(keyed(by_customer))


def _minor(row: dict[str, object]) -> int:
    return round(100 * float(str(row["revenue"])))


main()
