"""Where a person lives, and which events are the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from contract_messages import GOOD, changed, raw
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as kafka_python_murmur2

from events import models
from events.codec import decode
from events.identity import LONGEST_ID, identity, murmur2, natural_event_id, partition_key, partition_of


@pytest.mark.parametrize(
    ("data", "signed"),
    [  # the golden values of Kafka's own UtilsTest (Java, where the hash is a signed integer)
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_agrees_with_java(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed % 2**32


@given(st.binary(max_size=80))
def test_murmur2_agrees_with_kafka_python(data: bytes) -> None:
    assert murmur2(data) == kafka_python_murmur2(data)


def test_partitions_of_known_keys_never_change() -> None:
    assert [partition_of(key, 8) for key in ("c-1", "c-2", "Zoë", "", "web")] == [7, 2, 6, 1, 4]


@pytest.mark.parametrize("event_type", [name for name in GOOD if name != "marketing-spend"])
def test_an_event_about_a_person_is_keyed_by_the_person(event_type: str) -> None:
    assert partition_key(decode(raw(GOOD[event_type]))) == "c-1"


@pytest.mark.parametrize(
    ("channel", "campaign", "key"), [("web", "spring", "web"), (None, "spring", "spring"), ("", "", "")]
)
def test_a_spend_is_keyed_by_its_channel_or_else_its_campaign(channel, campaign, key: str) -> None:
    assert partition_key(decode(raw(changed("marketing-spend", channel=channel, campaign=campaign)))) == key


def test_events_are_the_same_by_customer_source_and_id() -> None:
    assert identity(decode(raw(changed("refund", source="shop")))) == ("c-1", "shop", "e-1")
    assert identity(decode(raw(GOOD["refund"]))) == ("c-1", "", "e-1")
    assert identity(decode(raw(changed("marketing-spend", channel=None)))) == ("", "", "s-1")


@pytest.mark.parametrize(
    ("event_type", "natural"),
    [
        ("customer-acquired", "acquired:20260615T133720.250000Z"),
        ("purchase", "purchase:A-1"),
        ("refund", "refund:A-1:20260615T133720.250000Z"),
        ("lead", "lead:l-1:won"),
        ("survey-response", "survey:nps:delivery:20260615T133720.250000Z"),
        ("cancellation", "cancelled:20260615T133720.250000Z"),
        ("loyalty-activity", "loyalty:earned:120:20260615T133720.250000Z"),
        ("marketing-spend", "spend:acquisition:web:spring:20260614T220000.000000Z"),
    ],
)
def test_a_natural_id_says_what_the_event_is(event_type: str, natural: str) -> None:
    assert natural_event_id(decode(raw(GOOD[event_type]))) == natural
    assert natural_event_id(models.MODELS[event_type].model_validate(GOOD[event_type])) == natural


def test_the_same_instant_in_another_offset_gives_the_same_id() -> None:
    here, there = "2026-06-15T13:37:20Z", "2026-06-15T17:07:20+03:30"
    ids = {natural_event_id(decode(raw(changed("refund", occurred_at=at)))) for at in (here, there)}
    assert len(ids) == 1


def test_parts_that_hold_the_separator_cant_give_one_id() -> None:
    one = decode(raw(changed("marketing-spend", channel="a:b", campaign="c")))
    other = decode(raw(changed("marketing-spend", channel="a", campaign="b:c")))
    assert natural_event_id(one) != natural_event_id(other)


def test_a_long_id_keeps_its_head_and_differs_in_its_hash() -> None:
    ids = [natural_event_id(decode(raw(changed("purchase", order_id="x" * 63 + end)))) for end in "ab"]
    assert ids[0] != ids[1]
    assert {len(natural) for natural in ids} == {LONGEST_ID}
    assert ids[0].startswith("purchase:xxx")


def test_a_model_made_by_natural_has_the_id_of_its_natural_key() -> None:
    when = datetime(2026, 6, 15, tzinfo=UTC)
    purchase = models.Purchase.natural(
        customer_id="c-1", occurred_at=when, order_id="A-1", total=models.Money(amount="19.99", currency="EUR")
    )
    assert purchase.event_id == "purchase:A-1"
    assert models.Cancellation.natural(customer_id="c", occurred_at=when, event_id="mine").event_id == "mine"


def test_a_model_without_an_id_is_refused_as_on_the_wire() -> None:
    with pytest.raises(ValueError, match="event_id"):
        models.Cancellation(customer_id="c", occurred_at=datetime(2026, 6, 15, tzinfo=UTC))  # type: ignore[call-arg]
