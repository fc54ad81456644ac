"""`tapesh forget` writes its order first, says done only when it is, and what no order reaches."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from events.identity import partition_of
from streams.engines import write_record
from streams.forgetting import read_order
from streams.settings import load
from streams.succession import Engine, Record


def test_the_order_lies_in_the_persons_partition_of_each_customer_topic(
    tapesh: Any, read_all: Callable[[str, int], list[Any]], monkeypatch: pytest.MonkeyPatch, fresh_prefix: str
) -> None:
    """One order, with the person's key; who doesn't wait is told where it lies, and what remains."""
    monkeypatch.setenv("TAPESH_KAFKA__CUSTOMER_TOPICS", "customer-events,crm-events")
    said = tapesh("forget", "c-17", "--yes", "--timeout", "0", "--json")
    assert said.exit_code == 0, said.stderr
    told = json.loads(said.stdout)
    assert (told["done"], told["left"]) == (False, "not waited for")
    assert [place["partition"] for place in told["written"]] == [partition_of("c-17", 3)] * 2
    assert any("until their retention ends" in each for each in told["remains"])
    orders = set()
    for topic in ("customer-events", "crm-events"):
        (record,) = read_all(topic, 1)
        assert (record.key, record.partition) == (b"c-17", partition_of("c-17", 3))
        order = read_order(record.value)
        assert order is not None
        assert order.topics == [f"{fresh_prefix}crm-events", f"{fresh_prefix}customer-events"]
        orders.add(order.order)
    assert orders == {told["order"]}


def test_without_a_worker_nobody_is_told_that_it_is_done(tapesh: Any, on_kafka: Any) -> None:
    """The order stands; engines that served before are named, since they still know the person."""
    del on_kafka
    tapesh("topics")
    settings = load()
    serving = Engine(settings.app_id, 2, settings.meaning.describe())
    write_record(settings, Record(serving, None, (Engine("tapesh-of-before", 1),)))
    said = tapesh("forget", "c-17", "--yes", "--timeout", "1")
    assert said.exit_code == 1
    assert "the order stands, but isn't carried out after 1 s: no checkpoint" in said.stderr
    assert "tapesh-of-before" in said.stderr
    assert "forgotten:" not in said.stdout


def test_whoever_declines_or_names_nobody_orders_nothing(
    tapesh: Any, read_all: Callable[[str, int], list[Any]]
) -> None:
    """There is no way back, so it asks."""
    tapesh("topics")
    declined = tapesh("forget", "c-17", stdin=b"n\n")
    assert declined.exit_code == 1
    assert "nothing was ordered" in declined.stderr
    for nobody in ("", "x" * 129, "a\tb"):
        assert tapesh("forget", nobody, "--yes").exit_code == 2
    assert tapesh("forget", "c-18", "--yes", "--timeout", "0").exit_code == 0
    assert [record.key for record in read_all("customer-events", 1)] == [b"c-18"]
