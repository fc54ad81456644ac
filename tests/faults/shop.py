"""Logs of all event types to break things under, and what becomes of a log on its way through bad producers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from agreement import differences
from kpi_oracle import oracle
from kpi_oracle.logs import generate

Event = dict[str, Any]
TEHRAN = {"timezone": "Asia/Tehran", "calendar": "jalali"}
"""Of the deployments on the wall clock: a time zone with midnights that aren't UTC's, a calendar with other months."""


def log_until(end_ms: int, seed: int, *, customers: int, who: str = "", **options: Any) -> list[Event]:
    """A log that ends at an instant, of persons and spends that no log with another `who` has.

    Args:
        end_ms: when; some events lie up to four minutes later.
        seed: of the random numbers.
        customers: how many persons.
        who: begins their ids, and the sources of spends.
        options: of `kpi_oracle.logs.generate`.
    """
    log = generate(seed, customers=customers, end=end_ms, **options)
    if who:
        for event in {id(event): event for event in log}.values():
            if "customer_id" in event:
                event["customer_id"] = who + event["customer_id"]
            else:
                event["source"] = who + (event.get("source") or "")
    return log


def in_s(seconds: float) -> int:
    """The instant that many seconds from now."""
    return int((time.time() + seconds) * 1000)


def raw(events: list[Event]) -> list[bytes]:
    """Events as messages."""
    return [json.dumps(event).encode() for event in events]


def oracle_agrees(document: Mapping[str, Any], log: list[Event]) -> None:
    """A document over a whole log is what the naive oracle says of it, which shares no code with the engine."""
    expected = oracle.compute(log, document["now"], **TEHRAN)
    for part in ("windows", "slices"):
        found = differences(document[part], expected[part], part)
        assert not found, f"the oracle differs in {len(found)} places: {found[:8]}"
