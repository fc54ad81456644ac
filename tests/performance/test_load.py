"""The load that everything is measured under: the same bytes for whoever asks for the same."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from dataclasses import replace

import pytest

from benchmarks.load import Load, mixed, opening
from events.codec import decode
from events.identity import partition_key
from events.names import EVENT_TYPES

LOAD = Load(2_000, 20_000, 1_767_312_000_000)
BYTES = "86237d289189"
"""Begins the digest of all of its messages: it changes with the load, and every figure with it."""


def digest(load: Load) -> str:
    """Return a digest of all messages, their keys and their order."""
    found = hashlib.sha256()
    for drawn in itertools.chain(opening(load), mixed(load)):
        found.update(drawn.key.encode() + drawn.value)
    return found.hexdigest()


def test_the_same_load_is_the_same_bytes():
    """On every machine, and in every run: figures of two days are of one stream."""
    assert digest(LOAD) == digest(LOAD)
    assert digest(LOAD).startswith(BYTES)


@pytest.mark.parametrize("changed", [{"seed": 2}, {"customers": 2_001}, {"values": 50}, {"exponent": 0.5}])
def test_another_load_is_another(changed):
    assert digest(replace(LOAD, **changed)) != digest(LOAD)


def test_every_message_is_an_event_of_the_contract_under_its_own_key():
    """Nobody measures how fast broken messages are refused."""
    for drawn in itertools.chain(opening(LOAD), mixed(LOAD)):
        assert partition_key(decode(drawn.value)) == drawn.key


def test_all_types_come_and_purchases_most():
    kinds = Counter(decode(drawn.value).type for drawn in mixed(LOAD))
    assert set(kinds) == set(EVENT_TYPES)
    assert kinds.most_common(1)[0][0] == "purchase"


def test_some_come_twice_some_late_and_none_from_the_future():
    """What costs an engine more than the rest is in the stream."""
    drawn = list(mixed(LOAD))
    twice = len(drawn) - len({each.value for each in drawn})
    late = sum(each.at_ms < LOAD.begins_ms for each in drawn)
    assert 0.002 < twice / len(drawn) < 0.01
    assert 0.003 < late / len(drawn) < 0.02
    assert max(each.at_ms for each in drawn) <= LOAD.until_ms


def test_a_few_customers_are_busy_and_most_are_not():
    """Zipf's law: a tenth of the customers has nearly half of the events, and is spread over all numbers."""
    counted = Counter(each.key for each in mixed(LOAD) if not each.is_spend)
    ordered = [count for _, count in counted.most_common()]
    assert sum(ordered[:200]) > 0.4 * sum(ordered)
    busy = sorted(int(key.removeprefix("customer-")) for key, _ in counted.most_common(20))
    assert busy[-1] - busy[0] > 1_000


def test_attributes_have_as_many_values_as_asked_for():
    load = replace(LOAD, values=50)
    events = [decode(drawn.value) for drawn in opening(load)]
    assert {len({getattr(event, name) for event in events}) for name in ("channel", "segment", "country", "plan")} == {
        50
    }
