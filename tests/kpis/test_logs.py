"""The generated logs are as unkind as they promise, and yet valid: a judge with tame cases acquits everybody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from kpi_oracle.clock import DAY_MS, instant_ms, window_start
from kpi_oracle.history import Event, clean, distinct
from kpi_oracle.logs import event_logs, generate
from kpi_oracle.small_logs import NOW

from events.codec import decode


def test_the_same_seed_gives_the_same_log() -> None:
    """And another seed another."""
    assert generate(7) == generate(7) != generate(8)


def test_a_log_holds_every_kind_of_trouble() -> None:
    """Late, repeated and contradictory events, coincidences, boundaries, and clocks that run ahead."""
    log = [clean(e) for e in generate(1, customers=150)]
    kept = distinct(log)
    moments = [e["at"] for e in distinct(log)]
    assert {e["type"] for e in log} == {
        "customer-acquired",
        "purchase",
        "refund",
        "lead",
        "survey-response",
        "cancellation",
        "loyalty-activity",
        "marketing-spend",
    }
    assert max(max(moments[:n]) - at for n, at in enumerate(moments) if n) > 60 * DAY_MS
    assert len(kept) < len(log)
    assert any(e["at"] > instant_ms(NOW) for e in kept)
    assert any(e["at"] < (window_start("365d", instant_ms(NOW), "UTC", "gregorian") or 0) for e in kept)
    for window in ("30d", "90d", "365d", "quarter"):
        start = window_start(window, instant_ms(NOW), "UTC", "gregorian")
        assert any(e["at"] == start for e in kept), window
    opens = {(e["customer_id"], e["at"]) for e in kept if e["type"] == "customer-acquired"}
    closes = {(e["customer_id"], e["at"]) for e in kept if e["type"] == "cancellation"}
    assert opens & closes
    by_id: dict[Any, set[Any]] = {}
    for e in kept:
        by_id.setdefault((e.get("customer_id"), e["event_id"]), set()).add(e.get("source"))
    assert any(len(sources) > 1 for sources in by_id.values())


@pytest.mark.parametrize("seed", range(5))
def test_no_person_has_more_than_16_events_before_its_acquisition_arrives(seed: int) -> None:
    """So that the bound on what is remembered for moving never shows."""
    early: dict[str, int] = {}
    acquired_people = set()
    for e in distinct(generate(seed, disorder=0.6)):
        if e["type"] == "customer-acquired" and e["at"] <= instant_ms(NOW):
            acquired_people.add(e["customer_id"])
        elif e["type"] != "marketing-spend" and e["customer_id"] not in acquired_people:
            early[e["customer_id"]] = early.get(e["customer_id"], 0) + 1
    assert all(count <= 16 for customer, count in early.items() if customer in acquired_people)


@pytest.mark.parametrize("timezone", ["UTC", "Asia/Tehran", "America/New_York", "Asia/Kathmandu"])
def test_a_generated_log_is_valid_by_the_contract(timezone: str) -> None:
    """Also in currencies with other decimals than two."""
    for e in generate(3, timezone=timezone, currencies=("EUR", "JPY", "KWD"), varying_attributes=True):
        decode(json.dumps(e).encode())


@given(log=event_logs())
def test_a_small_log_is_valid_by_the_contract(log: list[Event]) -> None:
    """Whatever hypothesis draws."""
    for e in log:
        decode(json.dumps(e).encode())
